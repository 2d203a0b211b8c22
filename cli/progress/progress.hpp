// Shows the progress of a request on stderr: a bar on a terminal, lines in a log, or nothing.
#pragma once

#include "cli/format/style.hpp"
#include "coordinator/wire/documents/request.hpp"

#include <optional>
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
  Progress(ProgressKind kind, std::ostream& err, const Style& style) : kind_(kind), err_(err), style_(style) {}
  // `now`: seconds of a monotonic clock.
  void update(const coordinator::RequestStatus& request, double now);
  void finish();  // leaves the cursor at the start of an empty line

 private:
  void draw_bar(const coordinator::RequestStatus& request);
  void write_line(std::uint64_t finished, double now);

  ProgressKind kind_;
  std::ostream& err_;
  Style style_;
  std::optional<double> start_;
  Pace pace_;
  std::string latest_;
  std::optional<std::string> shown_;  // the line on the terminal, or the last one in the log
  std::uint64_t written_ = 0;         // finished jobs in that line
  double written_at_ = 0;
};

}  // namespace mole::cli
