// The sealing process: validates the output of a plugin worker and turns it into result files. Loads no plugins.
//
// In:  <attempt folder>/spec.json, handover and state files
// Out: <attempt folder>/out/step<N>.parquet, out/step<N>.state, and finally out/report.json (task::Report)
//
//   auto report = seal("attempts/7-19");
#pragma once

#include "runtime/rows/handover.hpp"
#include "runtime/rows/rows_format.hpp"
#include "sdk/model/task.hpp"

#include <mole/result.hpp>

#include <filesystem>

namespace mole::runtime {

struct SealLimits {
  HandoverLimits handover;
  RowLimits rows;
  unsigned threads = 1;  // to seal steps in parallel; the output does not depend on it
};

// Seals the attempt folder. Faults of the worker or a plugin are reported per step: "failed" with code "corrupt" for output that
// does not match its declaration, "blocked" for steps that read such output, "not_run" for steps that are not in the handover. An
// error is returned only if sealing itself fails (no spec, disk full, no DuckDB); then there is no report.json. May be repeated.
Result<task::Report> seal(const std::filesystem::path& attempt, const SealLimits& limits = {});

// Converts every <attempt folder>/rows/<hex>.parquet to rows/<hex>.rows, unless that exists, for the plugin worker, which does
// not read Parquet.
Result<> unseal(const std::filesystem::path& attempt, const RowLimits& limits = {});

}  // namespace mole::runtime
