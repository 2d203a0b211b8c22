// Shows the progress of a request on stderr: a bar on a terminal, lines in a log, or nothing.
#pragma once

#include "cli/format/style.hpp"
#include "coordinator/wire/documents/request.hpp"

#include <memory>
#include <ostream>
#include <string>

namespace mole::cli {

enum class ProgressKind { bar, plain, none };

// Parses "bar", "plain" or "none"; empty: bar on a terminal, else plain.
ProgressKind progress_kind(const std::string& name, bool terminal);

// Returns one line: "jobs 12/48  files 31/98  41.0 MB/s  ETA 1m20s". The rate and the estimate are based on the work since the
// start of the wait, and left out before there is any.
struct Pace {
  double elapsed = 0;
  std::uint64_t jobs_at_start = 0, bytes_at_start = 0;
};
std::string progress_line(const coordinator::RequestStatus& request, const Pace& pace);
// Returns "━━━━━━━━────────" with `width` characters.
std::string progress_bar(double share, std::size_t width, const Style& style);

class Progress {
 public:
  virtual ~Progress() = default;
  // `now`: seconds of a monotonic clock.
  virtual void update(const coordinator::RequestStatus& request, double now) = 0;
  virtual void finish() = 0;  // leaves the cursor at the start of an empty line
};
std::unique_ptr<Progress> make_progress(ProgressKind kind, std::ostream& err, const Style& style);

}  // namespace mole::cli
