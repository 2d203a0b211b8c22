// The sealing process: turns what a plugin worker handed over into what the coordinator may believe. Loads no plugin.
//
// In:  A/spec.json, A/handover, state files inside A
// Out: A/out/step<N>.parquet, A/out/step<N>.state, and last A/out/report.json (task::Report)
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
  unsigned threads = 1;  // that seal steps side by side; what is written does not depend on it
};

// Seals the attempt folder. What a worker or plugin did wrong stands in the report, step by step: "failed" with code
// "corrupt" for output that does not fit its declaration, "blocked" for steps that read such output, "not_run" for
// steps that were never handed over. An error is returned only if the sealing itself cannot be done (no spec, disk
// full, no DuckDB); then there is no report.json. May be repeated.
Result<task::Report> seal(const std::filesystem::path& attempt, const SealLimits& limits = {});

// Makes A/rows/<hex>.rows of every A/rows/<hex>.parquet that has none yet, for the plugin worker, which reads no
// Parquet.
Result<> unseal(const std::filesystem::path& attempt, const RowLimits& limits = {});

}  // namespace mole::runtime
