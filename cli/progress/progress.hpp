// How far a request is, on stderr: a bar on a terminal, lines in a log, or nothing.
#pragma once

#include "cli/format/style.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <ostream>
#include <string>

namespace mole::cli {

enum class ProgressKind { bar, plain, none };

// "bar", "plain", "none"; empty: bar on a terminal, plain lines otherwise.
ProgressKind progress_kind(const std::string& wish, bool terminal);

// One line: "jobs 12/48  files 31/98  41 MiB/s  ETA 1m20s". `elapsed` and `jobs_at_start` (done before we looked:
// reused) give the estimate; it is left out while there is nothing to judge by.
struct Pace {
  double elapsed = 0;
  std::uint64_t jobs_at_start = 0, bytes_at_start = 0;
};
std::string progress_line(const nlohmann::json& request, const Pace& pace);
// "━━━━━━━━────────" in `width` columns.
std::string progress_bar(double share, std::size_t width, const Style& style);

class Progress {
 public:
  virtual ~Progress() = default;
  // The request's document and the seconds since some fixed moment.
  virtual void update(const nlohmann::json& request, double now) = 0;
  virtual void finish() = 0;  // leaves the cursor at the start of an empty line
};
std::unique_ptr<Progress> make_progress(ProgressKind kind, std::ostream& err, const Style& style);

}  // namespace mole::cli
