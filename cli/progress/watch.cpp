#include "cli/progress/watch.hpp"

#include "cli/exit_code.hpp"
#include "cli/format/document.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>

namespace mole::cli {
namespace {

// Between two looks: a small part of the time waited so far, so that the end of a short request is not slept through.
constexpr double poll_share = 0.02, poll_least = 0.002, poll_most = 0.2;
constexpr double patience_seconds = 30;

std::atomic<int> interrupts = 0;  // lock-free: a handler may write it, any thread may take the signal
static_assert(std::atomic<int>::is_always_lock_free);
struct sigaction former_int, former_term;

void on_signal(int) {
  if (++interrupts > 1) ::_exit(static_cast<int>(Exit::try_later));
}

}  // namespace

Interrupt::Interrupt() {
  interrupts = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, &former_int);
  ::sigaction(SIGTERM, &action, &former_term);
}

Interrupt::~Interrupt() {
  ::sigaction(SIGINT, &former_int, nullptr);
  ::sigaction(SIGTERM, &former_term, nullptr);
}

bool Interrupt::asked() const { return interrupts > 0; }

Watch system_watch(const Interrupt& interrupt) {
  Watch watch;
  watch.stop = [&interrupt] { return interrupt.asked(); };
  watch.pause = [](double seconds) { ::poll(nullptr, 0, static_cast<int>(seconds * 1000)); };
  watch.now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
  return watch;
}

bool at_rest(const nlohmann::json& request) {
  const auto state = text_of(request, "state");
  for (const auto* final : {"COMPLETE", "PARTIAL", "FAILED", "CANCELLED"})
    if (state == final) return true;
  const auto& jobs = field(request, "jobs");
  const auto settled = count_of(jobs, "done") + count_of(jobs, "failed") + count_of(jobs, "blocked") + count_of(jobs, "waiting");
  return state == "WAITING" || (count_of(jobs, "waiting") > 0 && settled == count_of(jobs, "total"));
}

Result<nlohmann::json> watch_request(coordinator::ClientApi& api, const std::string& id, Progress& progress, const Watch& watch) {
  const double began = watch.now();
  double reached = began;
  for (;;) {
    if (watch.stop()) return Error{Code::cancelled, "stopped on request"};
    if (auto sound = watch.check(); !sound) return sound.error();
    auto request = api.request(id);
    const double now = watch.now();
    if (request) {
      reached = now;
      progress.update(*request, now);
      if (at_rest(*request)) return request;
    } else if (request.error().code != Code::transient || now - reached > patience_seconds) {
      return request.error();
    }
    watch.pause(std::clamp(poll_share * (now - began), poll_least, poll_most));
  }
}

}  // namespace mole::cli
