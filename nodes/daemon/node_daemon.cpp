#include "nodes/daemon/node_daemon.hpp"

#include "coordinator/wire/frame_server.hpp"
#include "nodes/daemon/backoff.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

namespace mole::nodes {
namespace {

auto microseconds(Micros time) { return std::chrono::microseconds(time); }

}  // namespace

Result<std::unique_ptr<NodeDaemon>> NodeDaemon::open(Options options, coordinator::NodeApi& coordinator) {
  auto folder = NodeFolder::open(options.folder);
  if (!folder) return folder.error();
  auto listen = coordinator::parse_address(options.listen);
  if (!listen) return listen.error();
  std::unique_ptr<NodeDaemon> node(new NodeDaemon(std::move(options), coordinator, std::move(*folder)));
  node->server_ = std::make_unique<coordinator::FrameServer>(coordinator::serve_peer(node->states_), std::vector{*listen});
  if (auto started = node->server_->start(); !started) return started.error();
  return node;
}

NodeDaemon::NodeDaemon(Options options, coordinator::NodeApi& coordinator, NodeFolder folder)
    : options_(std::move(options)),
      coordinator_(coordinator),
      folder_(std::move(folder)),
      incarnation_(random_hex()),
      states_(folder_.states(), options_.states_limit),
      outbox_(folder_.finished(), coordinator, folder_.name(), incarnation_),
      here_{options_, folder_, coordinator_, plugins_, states_} {}

NodeDaemon::~NodeDaemon() {
  abort();
  wait();
  if (server_) server_->stop();
}

std::string NodeDaemon::address() const { return server_->addresses().front().text(); }

Result<> NodeDaemon::start() {
  const std::lock_guard lock(mutex_);
  threads_.emplace_back([this] { beat(); });
  threads_.emplace_back([this] { ask_for_work(); });
  for (std::uint32_t i = 0; i < options_.slots; ++i) threads_.emplace_back([this] { work(); });
  return {};
}

void NodeDaemon::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
  changed_.notify_all();
}

void NodeDaemon::abort() {
  const std::lock_guard lock(mutex_);
  draining_ = aborting_ = true;
  for (auto& [id, attempt] : running_) attempt->cancel();
  changed_.notify_all();
}

void NodeDaemon::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return draining_; });
  for (const auto& spec : waiting_) unfinished_.push_back(spec.id);
  waiting_.clear();
  const bool in_time = changed_.wait_for(lock, microseconds(options_.drain_limit), [&] { return running_.empty() || aborting_; });
  if (!in_time || aborting_)
    for (const auto& [id, attempt] : running_) attempt->cancel();
  changed_.wait(lock, [&] { return running_.empty(); });
  const bool hurry = aborting_;
  const auto unfinished = std::exchange(unfinished_, {});
  lock.unlock();
  give_back(unfinished);
  if (!hurry && !outbox_.settle()) spdlog::warn("the coordinator is away; finished results are sent at the next start");
  end_threads();
}

void NodeDaemon::give_back(const std::vector<std::string>& tasks) {
  if (tasks.empty()) return;
  const auto done = coordinator_.release(folder_.name(), incarnation_, tasks);
  if (!done) spdlog::warn("{} tasks could not be given back, their leases run out: {}", tasks.size(), done.error().message);
}

void NodeDaemon::end_threads() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    threads.swap(threads_);
    changed_.notify_all();
  }
  for (auto& thread : threads) thread.join();
  outbox_.stop();
}

// ---- heartbeats

void NodeDaemon::beat() {
  for (;;) {
    const auto pause = beat_once();
    std::unique_lock lock(mutex_);
    const bool told = draining_;
    const auto woken = [&] { return ending_ || draining_ != told || (!registered_ && !away_); };
    changed_.wait_for(lock, microseconds(pause), woken);
    if (ending_) return;
  }
}

// Registers, or says that it lives. How long to wait before the next time.
Micros NodeDaemon::beat_once() {
  constexpr Micros retry = 500'000;
  std::unique_lock lock(mutex_);
  if (!registered_) {
    lock.unlock();
    const bool in = enroll();
    lock.lock();
    return in ? std::min(heartbeat_, retry) : retry;
  }
  coordinator::Heartbeat beat{.node = folder_.name(), .incarnation = incarnation_, .tasks = {}, .draining = draining_};
  for (const auto& [id, attempt] : running_) beat.tasks.push_back(attempt->progress());
  for (const auto& spec : waiting_) beat.tasks.push_back({.task = spec.id, .phase = "fetch"});
  lock.unlock();
  for (const auto& id : outbox_.held()) beat.tasks.push_back({.task = id, .phase = "upload"});
  const auto reply = coordinator_.heartbeat(beat);
  if (reply) obey(*reply);
  lock.lock();
  if (!reply) spdlog::warn("heartbeat: {}", reply.error().message);
  if (!reply && reply.error().code != Code::transient) registered_ = false;
  return reply ? heartbeat_ : std::min(heartbeat_, retry);
}

bool NodeDaemon::enroll() {
  const auto got = coordinator_.register_node({.name = folder_.name(),
                                               .incarnation = incarnation_,
                                               .address = address(),
                                               .slots = options_.slots,
                                               .threads = options_.threads});
  const std::lock_guard lock(mutex_);
  if (!got) {
    if (!away_) spdlog::warn("not registered yet: {}", got.error().message);
    away_ = true;
    return false;
  }
  spdlog::info("registered with epoch {}", got->epoch);
  registered_ = true;
  away_ = false;
  heartbeat_ = std::max<Micros>(got->heartbeat, 1000);
  outbox_.start();
  changed_.notify_all();
  return true;
}

void NodeDaemon::obey(const coordinator::HeartbeatReply& reply) {
  for (const auto& task : reply.cancel) outbox_.drop(task);
  const std::lock_guard lock(mutex_);
  for (const auto& task : reply.cancel) {
    std::erase_if(waiting_, [&](const auto& spec) { return spec.id == task; });
    if (const auto found = running_.find(task); found != running_.end()) found->second->cancel();
  }
  remote_drain_ = reply.drain;
  if (reply.reregister) registered_ = false;  // what is held goes on; the next beat tells the coordinator of it
  changed_.notify_all();
}

// ---- leases

bool NodeDaemon::may_ask() const { return registered_ && !draining_ && !remote_drain_ && idle_slots_ > waiting_.size(); }

void NodeDaemon::ask_for_work() {
  Backoff idle(options_.poll_least, options_.poll_most);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || may_ask(); });
    if (ending_) return;
    lock.unlock();
    const bool found = ask_once();
    lock.lock();
    if (found) {
      idle.reset();
      continue;
    }
    const auto slots = idle_slots_;
    changed_.wait_for(lock, microseconds(idle.next()), [&] { return ending_ || idle_slots_ > slots; });
  }
}

bool NodeDaemon::ask_once() {
  coordinator::LeaseRequest ask{.node = folder_.name(), .incarnation = incarnation_, .free_slots = 0, .held = {}};
  {
    const std::lock_guard lock(mutex_);
    ask.free_slots = idle_slots_ - std::min(idle_slots_, static_cast<std::uint32_t>(waiting_.size()));
    ask.held = held();
  }
  auto granted = coordinator_.lease(ask);
  if (granted) {
    const bool some = !granted->empty();
    take(std::move(*granted));
    return some;
  }
  const std::lock_guard lock(mutex_);
  if (granted.error().code != Code::transient) {
    spdlog::warn("lease: {}", granted.error().message);
    registered_ = false;  // it does not know us: say who we are
    changed_.notify_all();
  }
  return false;
}

void NodeDaemon::take(std::vector<task::Spec> specs) {
  std::vector<std::string> too_late;
  {
    const std::lock_guard lock(mutex_);
    const auto known = held();
    for (auto& spec : specs) {
      if (std::find(known.begin(), known.end(), spec.id) != known.end() || !is_plain_name(spec.id)) continue;
      if (draining_)
        too_late.push_back(spec.id);
      else
        waiting_.push_back(std::move(spec));
    }
    changed_.notify_all();
  }
  give_back(too_late);
}

// A task goes from waiting to running to the outbox, and is in two places rather than in none while it moves.
std::vector<std::string> NodeDaemon::held() const {
  std::vector<std::string> out;
  for (const auto& spec : waiting_) out.push_back(spec.id);
  for (const auto& [id, attempt] : running_) out.push_back(id);
  const auto delivering = outbox_.held();
  out.insert(out.end(), delivering.begin(), delivering.end());
  return out;
}

// ---- slots

void NodeDaemon::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_slots_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return ending_ || (!waiting_.empty() && !draining_); });
    --idle_slots_;
    if (ending_) return;
    run_one(lock);
  }
}

void NodeDaemon::run_one(std::unique_lock<std::mutex>& lock) {
  auto attempt = std::make_shared<Attempt>(here_, std::move(waiting_.front()));
  waiting_.pop_front();
  running_.emplace(attempt->id(), attempt);
  lock.unlock();
  spdlog::info("task {}: started", attempt->id());
  const auto finished = attempt->run();
  if (finished) {
    const auto& report = finished->report;
    if (report.code.empty())
      spdlog::info("task {}: worked", attempt->id());
    else
      spdlog::warn("task {}: {}: {}", attempt->id(), report.code, report.message);
    outbox_.add(*finished);  // before it leaves running_, so that no heartbeat misses it
  }
  lock.lock();
  if (!finished && draining_) unfinished_.push_back(attempt->id());
  running_.erase(attempt->id());
  lock.unlock();
  attempt.reset();  // removes its folder
  lock.lock();
}

}  // namespace mole::nodes
