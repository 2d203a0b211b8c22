#include "nodes/daemon/node_daemon.hpp"

#include "coordinator/wire/frame_server.hpp"
#include "nodes/daemon/backoff.hpp"
#include "nodes/daemon/sandbox.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

namespace mole::nodes {
namespace {

auto after(Micros time) { return std::chrono::steady_clock::now() + std::chrono::microseconds(time); }
constexpr auto notified = std::cv_status::no_timeout;

}  // namespace

Result<std::unique_ptr<NodeDaemon>> NodeDaemon::open(Options options, coordinator::NodeApi& coordinator) {
  MOLE_TRY(auto folder, NodeFolder::open(options.folder));
  MOLE_TRY(auto listen, coordinator::parse_address(options.listen));
  MOLE_TRY(options.groups, open_groups(options));
  MOLE_TRY(options.sandbox, probe_sandbox(options));
  std::string parts;
  for (const auto part : options.sandbox) parts += std::string(" ") + name_of(part);
  spdlog::info("sandbox:{}", parts);
  std::unique_ptr<NodeDaemon> node(new NodeDaemon(std::move(options), coordinator, std::move(folder)));
  node->server_ =
      std::make_unique<coordinator::FrameServer>(coordinator::serve_peer(node->states_, node->files_), std::vector{listen},
                                                 coordinator::ServerLimits{}, node->options_.secret);
  if (auto started = node->server_->start(); !started) return started.error();
  return node;
}

NodeDaemon::NodeDaemon(Options options, coordinator::NodeApi& coordinator, NodeFolder folder)
    : options_(std::move(options)),
      coordinator_(coordinator),
      folder_(std::move(folder)),
      incarnation_(random_hex()),
      states_(folder_.states(), options_.states_limit),
      files_(folder_.cache()),
      outbox_(folder_.finished(), coordinator, folder_.name(), incarnation_),
      context_{options_, folder_, coordinator_, plugins_, states_},
      disk_(options_.folder) {}

NodeDaemon::~NodeDaemon() {
  abort();
  wait();
  if (server_) server_->stop();
}

std::string NodeDaemon::address() const { return server_->addresses().front().text(); }

Result<> NodeDaemon::start() {
  const MutexLock lock(mutex_);
  threads_.emplace_back([this] { heartbeat_loop(); });
  threads_.emplace_back([this] { lease_loop(); });
  for (std::uint32_t i = 0; i < options_.slots; ++i) threads_.emplace_back([this] { slot_loop(false); });
  for (std::uint32_t i = 0; i < options_.fetches; ++i) threads_.emplace_back([this] { slot_loop(true); });
  return {};
}

void NodeDaemon::drain() {
  const MutexLock lock(mutex_);
  draining_ = true;
  for (auto& [id, attempt] : running_)
    if (attempt->kind() == task::Kind::fetch) attempt->cancel();  // it may take hours; whole files stay in the cache
  changed_.notify_all();
}

void NodeDaemon::abort() {
  const MutexLock lock(mutex_);
  draining_ = aborting_ = true;
  for (auto& [id, attempt] : running_) attempt->cancel();
  changed_.notify_all();
}

void NodeDaemon::wait() {
  MutexLock lock(mutex_);
  while (!draining_) changed_.wait(mutex_);
  for (const auto& spec : waiting_) unfinished_.push_back(spec.id);
  waiting_.clear();
  const auto limit = after(options_.drain_limit);
  while (!running_.empty() && !aborting_ && changed_.wait_until(mutex_, limit) == notified) {
  }
  for (const auto& [id, attempt] : running_) attempt->cancel();
  while (!running_.empty()) changed_.wait(mutex_);
  const bool aborting = aborting_;
  const auto unfinished = std::exchange(unfinished_, {});
  lock.unlock();
  release(unfinished);
  if (!aborting && !outbox_.flush())
    spdlog::warn("the coordinator is unreachable; finished results will be sent after the next start");
  join_threads();
}

void NodeDaemon::release(const std::vector<std::string>& tasks) {
  if (tasks.empty()) return;
  const auto done = coordinator_.release(folder_.name(), incarnation_, tasks);
  if (!done) spdlog::warn("cannot release {} tasks; their leases will expire: {}", tasks.size(), done.error().message);
}

void NodeDaemon::join_threads() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    changed_.notify_all();
  }
  for (auto& thread : threads) thread.join();
  outbox_.stop();
}

// ---- heartbeats

void NodeDaemon::heartbeat_loop() {
  for (;;) {
    const auto next = after(send_heartbeat());
    MutexLock lock(mutex_);
    const bool reported = draining_, full = !no_work_.empty();  // a change is reported immediately
    while (!stopping_ && draining_ == reported && full == !no_work_.empty() && (registered_ || unreachable_) &&
           changed_.wait_until(mutex_, next) == notified) {
    }
    if (stopping_) return;
  }
}

// Registers if necessary, otherwise sends a heartbeat. Returns the time to wait before the next one.
Micros NodeDaemon::send_heartbeat() {
  constexpr Micros retry = 500'000;
  MutexLock lock(mutex_);
  if (!registered_) {
    lock.unlock();
    count_cached_bytes();
    const bool done = register_node();
    lock.lock();
    return done ? std::min(heartbeat_interval_, retry) : retry;
  }
  coordinator::Heartbeat heartbeat{.node = folder_.name(), .incarnation = incarnation_, .tasks = {}, .draining = draining_};
  for (const auto& [id, attempt] : running_) heartbeat.tasks.push_back(attempt->progress());
  for (const auto& spec : waiting_) heartbeat.tasks.push_back({.task = spec.id, .phase = phase_name(Phase::fetch)});
  heartbeat.load = load();
  heartbeat.no_work = no_work_;
  lock.unlock();
  heartbeat.load->cache_bytes = cached_bytes_;
  for (const auto& id : outbox_.held()) heartbeat.tasks.push_back({.task = id, .phase = phase_name(Phase::upload)});
  const auto reply = coordinator_.heartbeat(heartbeat);
  if (reply) apply(*reply);
  count_cached_bytes();  // for the next heartbeat: a slow disk must not delay this one
  lock.lock();
  if (!reply) spdlog::warn("cannot send a heartbeat: {}", reply.error().message);
  if (!reply && reply.error().code != Code::transient) registered_ = false;
  return reply ? heartbeat_interval_ : std::min(heartbeat_interval_, retry);
}

coordinator::NodeLoad NodeDaemon::load() const {
  const auto fetches = static_cast<std::uint32_t>(
      std::ranges::count_if(running_, [](const auto& running) { return running.second->kind() == task::Kind::fetch; }));
  return {.cache_limit = options_.cache_limit,
          .slots = options_.slots,
          .busy_slots = static_cast<std::uint32_t>(running_.size()) - fetches,
          .fetches = options_.fetches,
          .busy_fetches = fetches};
}

// Counts again only if the last time was long ago compared to how long it took: there may be 100,000 files.
void NodeDaemon::count_cached_bytes() {
  constexpr auto least_rest = std::chrono::milliseconds(400);
  constexpr int rest_factor = 50;
  const auto begin = std::chrono::steady_clock::now();
  if (begin < count_again_) return;
  cached_bytes_ = folder_.cached_bytes();
  const auto end = std::chrono::steady_clock::now();
  count_again_ = end + std::max<std::chrono::steady_clock::duration>(least_rest, (end - begin) * rest_factor);
}

bool NodeDaemon::register_node() {
  const auto registration =
      coordinator_.register_node({.name = folder_.name(),
                                  .incarnation = incarnation_,
                                  .address = address(),
                                  .slots = options_.slots,
                                  .threads = options_.threads,
                                  .cache_limit = options_.fetches > 0 ? options_.cache_limit : 0,
                                  .cached = options_.fetches > 0 ? folder_.cached_files() : std::vector<Digest>(),
                                  .copy_limit = options_.fetches > 0 ? 0 : options_.cache_limit,
                                  .sandbox = options_.sandbox});
  const MutexLock lock(mutex_);
  if (!registration) {
    if (!unreachable_) spdlog::warn("cannot register, retrying: {}", registration.error().message);
    unreachable_ = true;
    return false;
  }
  spdlog::info("registered with epoch {}", registration->epoch);
  registered_ = true;
  unreachable_ = false;
  heartbeat_interval_ = std::max<Micros>(registration->heartbeat, 1000);
  outbox_.start();
  changed_.notify_all();
  return true;
}

void NodeDaemon::apply(const coordinator::HeartbeatReply& reply) {
  for (const auto& task : reply.cancel) outbox_.remove(task);
  const MutexLock lock(mutex_);
  for (const auto& task : reply.cancel) {
    std::erase_if(waiting_, [&](const auto& spec) { return spec.id == task; });
    if (const auto found = running_.find(task); found != running_.end()) found->second->cancel();
  }
  remote_drain_ = reply.drain;
  if (reply.reregister) registered_ = false;  // held tasks continue; the next heartbeat reports them
  changed_.notify_all();
}

// ---- leases

// The slots without a task, of those for fetch tasks or of the others.
std::uint32_t NodeDaemon::free_slots(bool fetches) const {
  const auto waiting =
      std::ranges::count_if(waiting_, [&](const auto& spec) { return (spec.kind == task::Kind::fetch) == fetches; });
  const auto idle = fetches ? idle_fetches_ : idle_slots_;
  return idle - std::min(idle, static_cast<std::uint32_t>(waiting));
}

bool NodeDaemon::can_lease() const {
  return registered_ && !draining_ && !remote_drain_ && free_slots(false) + free_slots(true) > 0;
}

void NodeDaemon::lease_loop() {
  Backoff idle(options_.poll_min, options_.poll_max);
  MutexLock lock(mutex_);
  for (;;) {
    while (!stopping_ && !can_lease()) changed_.wait(mutex_);
    if (stopping_) return;
    lock.unlock();
    const bool found = has_space() && lease_tasks();
    lock.lock();
    if (found) {
      idle.reset();
      continue;
    }
    const auto slots = idle_slots_, fetches = idle_fetches_;
    const auto next = after(idle.next());
    while (!stopping_ && idle_slots_ <= slots && idle_fetches_ <= fetches && changed_.wait_until(mutex_, next) == notified) {
    }
    if (idle_slots_ > slots || idle_fetches_ > fetches) idle.reset();  // a task has ended: others may wait for its result
  }
}

bool NodeDaemon::has_space() {
  const MutexLock lock(mutex_);
  auto shortage = disk_.shortage();
  if (shortage.empty() != no_work_.empty()) {
    if (shortage.empty())
      spdlog::info("the disk has space again: leasing tasks");
    else
      spdlog::warn("no new tasks: {}", shortage);
    changed_.notify_all();
  }
  no_work_ = std::move(shortage);
  return no_work_.empty();
}

bool NodeDaemon::lease_tasks() {
  coordinator::LeaseRequest request{.node = folder_.name(), .incarnation = incarnation_, .free_slots = 0, .held = {}};
  {
    const MutexLock lock(mutex_);
    request.free_slots = free_slots(false);
    request.free_fetches = free_slots(true);
    request.held = held_tasks();
  }
  auto granted = coordinator_.lease(request);
  if (granted) {
    const bool some = !granted->empty();
    accept(std::move(*granted));
    return some;
  }
  const MutexLock lock(mutex_);
  if (granted.error().code != Code::transient) {
    spdlog::warn("cannot lease tasks: {}", granted.error().message);
    registered_ = false;  // the coordinator has lost the registration
    changed_.notify_all();
  }
  return false;
}

void NodeDaemon::accept(std::vector<task::Spec> specs) {
  std::vector<std::string> too_late;
  {
    const MutexLock lock(mutex_);
    const auto known = held_tasks();
    for (auto& spec : specs) {
      if (std::find(known.begin(), known.end(), spec.id) != known.end() || !is_plain_name(spec.id)) continue;
      if (draining_)
        too_late.push_back(spec.id);
      else
        waiting_.push_back(std::move(spec));
    }
    changed_.notify_all();
  }
  release(too_late);
}

// A task moves from waiting_ to running_ to the outbox. It is added to the next one before it is removed from the previous one.
std::vector<std::string> NodeDaemon::held_tasks() const {
  std::vector<std::string> out;
  for (const auto& spec : waiting_) out.push_back(spec.id);
  for (const auto& [id, attempt] : running_) out.push_back(id);
  const auto delivering = outbox_.held();
  out.insert(out.end(), delivering.begin(), delivering.end());
  return out;
}

// ---- slots

void NodeDaemon::slot_loop(bool fetches) {
  MutexLock lock(mutex_);
  for (;;) {
    auto& idle = fetches ? idle_fetches_ : idle_slots_;
    ++idle;
    changed_.notify_all();
    task::Spec spec;
    while (!stopping_ && (draining_ || !take_waiting(fetches, spec))) changed_.wait(mutex_);
    --idle;
    if (stopping_) return;
    run_task(std::move(spec));
  }
}

// Takes the first task that waits for a slot of this sort. false: there is none.
bool NodeDaemon::take_waiting(bool fetches, task::Spec& spec) {
  const auto found = std::ranges::find_if(waiting_, [&](const auto& s) { return (s.kind == task::Kind::fetch) == fetches; });
  if (found == waiting_.end()) return false;
  spec = std::move(*found);
  waiting_.erase(found);
  return true;
}

void NodeDaemon::run_task(task::Spec spec) {
  auto attempt = std::make_shared<Attempt>(context_, std::move(spec));
  running_.emplace(attempt->id(), attempt);
  mutex_.unlock();
  spdlog::info("{}: started", attempt->title());
  const auto finished = attempt->run();
  const auto level = finished && task::has_failed(finished->report) ? spdlog::level::warn : spdlog::level::info;
  spdlog::log(level, "{}: {}", attempt->title(),
              finished ? task::in_one_line(task::summary_of(finished->report)) : "stopped before it was finished");
  const bool kept = finished && keep(*finished);  // before it leaves running_, so that every heartbeat reports it
  mutex_.lock();
  if (!finished && draining_) unfinished_.push_back(attempt->id());
  running_.erase(attempt->id());
  mutex_.unlock();
  if (finished && !kept) {
    spdlog::warn("{}: returned to the coordinator, because the disk is full", attempt->title());
    release({attempt->id()});
  }
  attempt.reset();  // removes its folder
  mutex_.lock();
}

// Keeps the report of a task for delivery. false: the disk is full, so the task is returned; it is not counted as a failure.
bool NodeDaemon::keep(FinishedTask finished) {
  {
    const MutexLock lock(mutex_);
    if (disk_.explains(finished.report, finished.spec, folder_.attempts() / finished.spec.id)) {
      finished.report = without_failures(std::move(finished.report));
      const auto done = [](const task::StepReport& step) { return step.outcome == task::Outcome::done; };
      if (std::ranges::none_of(finished.report.steps, done)) return false;
    }
  }
  const auto stored = outbox_.add(finished);
  if (stored) return true;
  spdlog::error("task {}: cannot store its result: {}", finished.spec.id, stored.error().message);
  {
    const MutexLock lock(mutex_);
    if (stored.error().code == Code::exhausted && !disk_.shortage().empty()) return false;
  }
  outbox_.add_failure(finished, stored.error());
  return true;
}

}  // namespace mole::nodes
