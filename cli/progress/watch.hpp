// Waits for a request and shows its progress on stderr: a bar on a terminal, lines in a log, or nothing.
#pragma once

#include "cli/format/style.hpp"
#include "coordinator/wire/client_api.hpp"

#include <functional>
#include <optional>
#include <ostream>
#include <string>

namespace mole::cli {

enum class ProgressKind { bar, plain, none };

// Parses "bar", "plain" or "none"; empty: bar on a terminal, else plain.
ProgressKind progress_kind(const std::string& name, bool terminal);

// Returns one line: "jobs 12/48  files 31/98  41.0 MB/s  ETA 1m20s". The rate and the estimate are based on the work since the
// start of the wait, and omitted if none has been done.
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

// Catches ^C and SIGTERM while it exists: the first signal sets a flag, the second exits the process immediately. Only one
// instance may exist at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  bool requested() const;
};

// The dependencies of a wait; tests replace them.
struct Watch {
  std::function<bool()> stop = [] { return false; };
  std::function<Result<>()> check = [] { return Result<>(); };  // an error ends the wait
  std::function<void(double)> pause;                            // sleeps for up to this number of seconds
  std::function<double()> now;                                  // seconds
};
Watch system_watch(const Interrupt& interrupt);

// True if the request makes no further progress: it has ended, or waits only for files that are not yet in the archive.
bool is_settled(const coordinator::RequestStatus& request);

// Polls the request until it is settled and returns its final status. cancelled: `stop` returned true. Retries for 30 seconds if
// the coordinator is unreachable.
Result<coordinator::RequestStatus> watch_request(coordinator::ClientApi& api, const std::string& id, Progress& progress,
                                                 const Watch& watch);

}  // namespace mole::cli
