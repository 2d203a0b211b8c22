#include "cli/progress/watch.hpp"

#include "cli/context.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>

namespace mole::cli {
namespace {

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

bool is_settled(const coordinator::RequestStatus& request) {
  const auto& jobs = request.jobs;
  if (is_final(request.state) || request.state == coordinator::RequestState::waiting) return true;
  return jobs.waiting > 0 && jobs.done + jobs.failed + jobs.blocked + jobs.waiting == jobs.total;
}

Result<coordinator::RequestStatus> watch_request(coordinator::ClientApi& api, const std::string& id, Progress& progress,
                                                 const Watch& watch) {
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
