#include "cli/progress/watch.hpp"

#include "cli/exit_code.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <tuple>

namespace mole::cli {
namespace {

using coordinator::RequestStatus;

std::uint64_t finished_jobs(const RequestStatus& request) {
  return request.jobs.done + request.jobs.failed + request.jobs.blocked;
}

double share(std::uint64_t done, std::uint64_t total) {
  return static_cast<double>(done) / static_cast<double>(std::max<std::uint64_t>(1, total));
}

// Returns "41.0 MB/s" or "3.1 kB/s".
std::string rate_text(double bytes_per_second) {
  return bytes_per_second >= 1e6 ? fmt::format("{:.1f} MB/s", bytes_per_second / 1e6)
                                 : fmt::format("{:.1f} kB/s", bytes_per_second / 1e3);
}

// Returns "2 tasks at 12 MiB of 31 MiB"; "2 tasks" before they report the size of their files.
std::string running_text(const std::vector<coordinator::TaskStatus>& tasks) {
  std::uint64_t done = 0, total = 0;
  for (const auto& task : tasks) {
    done += task.bytes_done;
    total += task.bytes_total;
  }
  auto count = human_number(tasks.size(), "task", "tasks");
  if (total == 0) return count;
  return fmt::format("{} at {} of {}", count, human_bytes(static_cast<double>(done)), human_bytes(static_cast<double>(total)));
}

// Returns "175 files to stage from 3 tapes, now MT0003".
std::string waiting_text(const std::vector<coordinator::MediumWait>& media) {
  std::uint64_t files = 0;
  std::vector<std::string> read;
  for (const auto& wait : media) {
    files += wait.files;
    if (!wait.node.empty()) read.push_back(printable(wait.medium));
  }
  auto text = human_number(files, "file", "files") + " to stage from " + human_number(media.size(), "tape", "tapes");
  if (!read.empty()) text += fmt::format(", now {}", fmt::join(read, ", "));
  return text;
}

// The poll interval is a fraction of the time waited so far, so that the end of a short request is noticed quickly.
constexpr double poll_fraction = 0.02, min_poll_seconds = 0.002, max_poll_seconds = 0.2;
constexpr double max_unreachable_seconds = 30;

std::atomic<int> interrupts = 0;  // lock-free, because the signal handler writes it
static_assert(std::atomic<int>::is_always_lock_free);
struct sigaction previous_int, previous_term;

void on_signal(int) {
  if (++interrupts > 1) ::_exit(static_cast<int>(Exit::try_later));
}

}  // namespace

ProgressKind progress_kind(const std::string& name, bool terminal) {
  for (const auto& [known, kind] :
       {std::pair("bar", ProgressKind::bar), std::pair("plain", ProgressKind::plain), std::pair("none", ProgressKind::none)})
    if (name == known) return kind;
  return terminal ? ProgressKind::bar : ProgressKind::plain;
}

std::string progress_line(const RequestStatus& request, const Pace& pace) {
  const auto& [jobs, files] = std::tie(request.jobs, request.files);
  const auto finished = finished_jobs(request), bytes = request.bytes.done;
  std::string line;
  if (jobs.total > 0) line = fmt::format("jobs {}/{}", human_count(finished), human_count(jobs.total));
  if (jobs.failed > 0) line += fmt::format(" ({} failed)", human_count(jobs.failed));
  if (files.total > 0)
    line += fmt::format("{}files {}/{}", line.empty() ? "" : "  ", human_count(files.done), human_count(files.total));
  if (pace.elapsed >= 1 && bytes > pace.bytes_at_start)
    line += "  " + rate_text(static_cast<double>(bytes - pace.bytes_at_start) / pace.elapsed);
  if (!request.tasks.empty()) line += "  " + running_text(request.tasks);
  if (!request.media.empty()) line += "  " + waiting_text(request.media);
  if (!request.reason.empty() && !is_settled(request)) line += "  " + printable(request.reason);
  if (request.left)
    line += "  ETA " + human_seconds(request.left->seconds, request.left->low_seconds, request.left->high_seconds);
  else if (pace.elapsed >= 1 && finished > pace.jobs_at_start && finished < jobs.total)
    line += "  ETA " + human_seconds(pace.elapsed * static_cast<double>(jobs.total - finished) /
                                     static_cast<double>(finished - pace.jobs_at_start));
  return line;
}

std::string progress_bar(double share, std::size_t width, const Style& style) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width));
  std::string done, rest;
  for (std::size_t i = 0; i < width; ++i) (i < full ? done : rest) += i < full ? "━" : "─";
  return style.paint(Paint::green, done) + style.paint(Paint::dim, rest);
}

void Progress::update(const RequestStatus& request, double now) {
  if (kind_ == ProgressKind::none) return;
  if (!start_) {
    start_ = now;
    pace_ = {.jobs_at_start = finished_jobs(request), .bytes_at_start = request.bytes.done};
  }
  pace_.elapsed = now - *start_;
  latest_ = progress_line(request, pace_);
  if (kind_ == ProgressKind::bar)
    draw_bar(request);
  else
    write_line(finished_jobs(request), now);
}

void Progress::draw_bar(const RequestStatus& request) {
  if (latest_ == shown_) return;
  const auto& [jobs, files] = std::tie(request.jobs, request.files);
  const double done = jobs.total > 0 ? share(finished_jobs(request), jobs.total) : share(files.done, files.total);
  const std::size_t used = display_width(latest_) + 3, room = style_.width > used ? style_.width - used : 0;
  err_ << "\r\033[K" << progress_bar(done, std::min<std::size_t>(room, 30), style_) << "  " << latest_ << std::flush;
  shown_ = latest_;
}

// Writes a line when the number of finished jobs changes, at most every two seconds, to keep the log of a long run short, and
// once a minute if something else has changed.
void Progress::write_line(std::uint64_t finished, double now) {
  const double least = finished == written_ ? 60 : 2;
  if (latest_.empty() || (shown_ && (latest_ == *shown_ || now - written_at_ < least))) return;
  err_ << latest_ << '\n' << std::flush;
  shown_ = latest_;
  written_ = finished;
  written_at_ = now;
}

void Progress::finish() {
  if (kind_ == ProgressKind::bar) {
    if (shown_) err_ << "\r\033[K" << std::flush;
    shown_.reset();
  } else if (!latest_.empty() && latest_ != shown_) {
    err_ << latest_ << '\n' << std::flush;
    shown_ = latest_;
  }
}

Interrupt::Interrupt() {
  interrupts = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, &previous_int);
  ::sigaction(SIGTERM, &action, &previous_term);
}

Interrupt::~Interrupt() {
  ::sigaction(SIGINT, &previous_int, nullptr);
  ::sigaction(SIGTERM, &previous_term, nullptr);
}

bool Interrupt::requested() const { return interrupts > 0; }

Watch system_watch(const Interrupt& interrupt) {
  Watch watch;
  watch.stop = [&interrupt] { return interrupt.requested(); };
  watch.pause = [](double seconds) { ::poll(nullptr, 0, static_cast<int>(seconds * 1000)); };
  watch.now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
  return watch;
}

bool is_settled(const RequestStatus& request) {
  const auto& jobs = request.jobs;
  if (is_final(request.state) || request.state == coordinator::RequestState::waiting) return true;
  return request.state != coordinator::RequestState::accepted && jobs.waiting > 0 &&
         jobs.done + jobs.failed + jobs.blocked + jobs.waiting == jobs.total;
}

Result<RequestStatus> watch_request(coordinator::ClientApi& api, const std::string& id, Progress& progress, const Watch& watch) {
  const double start = watch.now();
  double reached = start;
  for (;;) {
    if (watch.stop()) return Error{Code::cancelled, "interrupted"};
    if (auto ok = watch.check(); !ok) return ok.error();
    auto request = api.request(id);
    const double now = watch.now();
    if (request) {
      reached = now;
      progress.update(*request, now);
      if (is_settled(*request)) return request;
    } else if (request.error().code != Code::transient || now - reached > max_unreachable_seconds) {
      return request.error();
    }
    watch.pause(std::clamp(poll_fraction * (now - start), min_poll_seconds, max_poll_seconds));
  }
}

}  // namespace mole::cli
