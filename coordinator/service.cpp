#include "coordinator/service.hpp"

#include "coordinator/control/sandbox_text.hpp"

#include <time.h>

namespace mole::coordinator {

namespace fs = std::filesystem;
using control::Change;
using control::service_mutex;
using control::State;

namespace {

Micros read_clock(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<Micros>(t.tv_sec) * second_us + t.tv_nsec / 1000;
}

// The store needs 16 MiB (store_reserve) for its next writes and ends the program without them. Above that, work that can wait is
// refused first, and then everything that writes.
constexpr std::uint64_t low_water = std::uint64_t{64} << 20, reserve = store::store_reserve + (std::uint64_t{8} << 20);

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

// ---- a full disk

Result<> Service::check_low_water() {
  if (config_.embedded) return {};
  const auto free = config_.free_bytes();
  const bool low = free < low_water;
  if (low_.exchange(low) != low && config_.log)
    config_.log(low ? LogLevel::warning : LogLevel::info, low ? "only " + mebibytes(free) + " are free in " +
                                                                    config_.state.string() + ": no new work is accepted below " +
                                                                    mebibytes(low_water) + "; free up space there"
                                                              : "enough space is free again: work is accepted");
  if (!low) return {};
  return transient("the disk of the coordinator is nearly full: " + mebibytes(free) + " are free in " + config_.state.string() +
                   ", and no new work is accepted below " + mebibytes(low_water) + "; free up space there and try again");
}

Result<> Service::check_reserve() const {
  const auto free = config_.free_bytes();
  if (free >= reserve || config_.embedded) return {};
  return transient("the disk of the coordinator is full: " + mebibytes(free) + " are free in " + config_.state.string() +
                   ", which it keeps for its store; free up space there; nothing acknowledged is lost");
}

// ---- opening

namespace {

// No other user may reach anything in the state folder; what is in it may have any mode.
Result<> make_private(const Config& config) {
  std::error_code error;
  if (config.create) fs::create_directories(config.state, error);
  const auto mode = fs::status(config.state, error).permissions();
  if (error || (mode & (fs::perms::group_all | fs::perms::others_all)) == fs::perms::none) return {};  // Store::open reports it
  fs::permissions(config.state, fs::perms::owner_all, error);
  if (error)
    return invalid("other users can open the state folder " + config.state.string() +
                   ", and its mode cannot be changed: " + error.message() + "; run this as its owner or set its mode to 0700");
  if (config.log && fs::exists(config.state / "db", error))
    config.log(LogLevel::warning, "other users could open the state folder " + config.state.string() + "; its mode is 0700 now");
  return {};
}

}  // namespace

Result<std::unique_ptr<Service>> Service::open(Config config) {
  if (!config.now) config.now = [] { return read_clock(CLOCK_BOOTTIME); };
  if (!config.wall) config.wall = [] { return read_clock(CLOCK_REALTIME); };
  if (!config.free_bytes) config.free_bytes = [folder = config.state] { return store::free_bytes(folder); };
  if (config.seed == 0) config.seed = std::random_device{}();
  if (auto closed = make_private(config); !closed) return closed.error();
  MOLE_TRY(auto store, store::Store::open(config.state / "db", {.create = config.create, .failed = config.storage_failed}));
  MOLE_TRY(auto blobs, store::Blobs::open(config.state / "blobs"));
  std::unique_ptr<Service> service(new Service(std::move(config), std::move(store), std::move(blobs)));
  if (auto started = service->start(); !started) return started.error();
  return service;
}

Result<> Service::start() {
  auto started = apply([&](Change& change) MOLE_REQUIRES(service_mutex) -> Result<> {
    state_.load(change);
    for (const auto& [name, row] : state_.modules) change.views.relink.push_back(name);  // a crash may have left out links
    if (auto resumed = requests_.resume(change); !resumed) return resumed;
    grants_.adopt_stored();
    return {};
  });
  views_.wait();
  return started;
}

template <class Call>
std::invoke_result_t<Call, Change&> Service::apply_step(Call call) {
  Change change(records_);
  std::uint64_t written = 0;
  std::unique_ptr<views::InFlightTickets::Ticket> ticket;  // callers that see the change wait for its files
  auto answer = [&] {
    State::Lock lock(state_);
    auto reply = call(change);
    state_.log_ended_leases(change);
    log_damage(change);
    ending_ = requests_.is_ending();
    written = change.flush();
    std::erase_if(state_.live, [](const auto& entry) { return entry.second.terminal(); });
    if (!change.views.empty()) ticket = std::make_unique<views::InFlightTickets::Ticket>(views_.tickets());
    return reply;
  }();
  if (change.must_sync()) store_->sync(written);
  if (ticket) views_.write(std::move(change.views), std::move(ticket));
  if (config_.log)
    for (const auto& [level, line] : change.log) config_.log(level, task::in_one_line(line));
  return answer;
}

// Others take the lock between the steps.
template <class Call>
std::invoke_result_t<Call, Change&> Service::apply(Call call) {
  auto answer = apply_step(call);
  while (ending_) apply_step([&](Change& change) MOLE_REQUIRES(service_mutex) { return requests_.continue_ending(change); });
  return answer;
}

void Service::log_damage(Change& change) {
  for (const auto& digest : blobs_.take_damaged()) state_.log({{"event", "blob damaged"}, {"blob", digest}}, change);
  const auto unreadable = store_->unreadable_rows();
  if (unreadable == unreadable_rows_ || (unreadable_at_ && state_.now() - *unreadable_at_ < hour_us)) return;
  unreadable_at_ = state_.now();  // the same rows may be read many times
  state_.log({{"event", "rows unreadable"}, {"rows", unreadable - unreadable_rows_}, {"remedy", "mole state check --repair"}},
             change);
  unreadable_rows_ = unreadable;
}

// ---- requests

Result<Accepted> Service::submit(const Submission& submission) {
  if (auto space = check_low_water(); !space) return space.error();
  MOLE_TRY(auto prepared, submissions_.for_run(submission));
  return accept(std::move(prepared));
}

Result<Accepted> Service::archive_task(const Submission& submission, const std::string& archive, RequestKind kind) {
  if (auto space = check_low_water(); !space) return space.error();
  MOLE_TRY(auto prepared, submissions_.for_archive(submission, archive, kind));
  const auto libraries = prepared.libraries;
  auto accepted = accept(std::move(prepared));
  // A run usually follows: keep the plugins it needs while a node reads the archive. If that fails, the run reports it.
  if (accepted) (void)submissions_.keep_libraries(libraries);
  return accepted;
}

Result<Accepted> Service::accept(control::PreparedRequest prepared) {
  return apply([&](Change& change) MOLE_REQUIRES(service_mutex) { return requests_.accept(std::move(prepared), change); });
}

Result<RequestStatus> Service::cancel(const std::string& id) {
  if (auto space = check_reserve(); !space) return space.error();
  auto cancelled = apply([&](Change& change) MOLE_REQUIRES(service_mutex) { return requests_.cancel(id, change); });
  views_.wait();  // the answer shows that the request has ended
  return cancelled;
}

// ---- nodes

Result<Registration> Service::register_node(const NodeInfo& info) {
  if (info.name.empty() || info.name.size() > 256 || info.incarnation.empty() || info.incarnation.size() > 256)
    return invalid("a node registers with a name and an incarnation of 1 to 256 characters");
  if (auto space = check_reserve(); !space) return space.error();
  const auto& required = config_.leases.require_sandbox;
  if (!leases::has_all(info.sandbox, required))
    return denied("the coordinator requires a sandbox with " + control::text_of(required) + " (--require-sandbox), but node " +
                  info.name + " has only " + control::text_of(info.sandbox) + "; let its machine allow the other parts");
  return apply([&](Change& change) MOLE_REQUIRES(service_mutex) -> Result<Registration> {
    if (auto room = control::check_room(state_, info.name); !room) return room.error();
    auto registered = grants_.register_node(info, change);
    if (registered && config_.embedded) requests_.end_those_without_sandbox(change);
    return registered;
  });
}

Result<std::vector<task::Spec>> Service::lease(const LeaseRequest& ask) {
  if (!check_low_water()) return std::vector<task::Spec>();
  return apply([&](Change& change) MOLE_REQUIRES(service_mutex) { return grants_.lease(ask, change); });
}

Result<HeartbeatReply> Service::heartbeat(const Heartbeat& heartbeat) {
  if (auto space = check_reserve(); !space) return space.error();
  return apply([&](Change& change) MOLE_REQUIRES(service_mutex) { return grants_.heartbeat(heartbeat, change); });
}

Result<> Service::release(const std::string& node, const std::string& incarnation, const std::vector<std::string>& tasks) {
  return apply([&](Change&) MOLE_REQUIRES(service_mutex) -> Result<> {
    state_.scheduler.release(node, incarnation, tasks, state_.now());
    return {};
  });
}

Result<std::vector<Verdict>> Service::complete(const std::vector<Completion>& completions) {
  if (auto space = check_reserve(); !space) return space.error();
  MOLE_TRY(const auto checked, completions_.check(completions));
  auto verdicts = apply([&](Change& change) MOLE_REQUIRES(service_mutex) {
    grants_.tick(change);
    return completions_.apply(checked, change);
  });
  for (const auto& listing : checked.listing_blobs) blobs_.remove(listing);
  return verdicts;
}

// ---- queries

Result<ClusterStatus> Service::status() {
  MOLE_TRY(auto status, answer([&]() -> Result<ClusterStatus> { return queries_.status(); }));
  if (const auto space = check_low_water(); !space) status.no_work = space.error().message;
  return status;
}

Result<PlanReport> Service::plan(const Submission& submission) {
  MOLE_TRY(const auto query, submissions_.for_plan(submission));
  return answer([&] { return queries_.plan(query); });
}

void Service::note_refused() {
  ++refused_;
  auto last = refused_at_.load();
  const auto now = state_.now();
  if (now - last < minute_us || !refused_at_.compare_exchange_strong(last, now)) return;
  (void)apply([&](Change& change) MOLE_REQUIRES(service_mutex) -> Result<> {
    state_.log({{"event", "peers refused"}, {"count", refused_.exchange(0)}, {"why", "wrong secret on TCP"}}, change);
    return {};
  });
}

// ---- garbage

Result<Collection> Service::collect_garbage(const CollectOptions& options, const std::function<bool()>& stop) {
  if (auto space = check_reserve(); !space) return space.error();
  const auto step = [this](const control::Garbage::Step& call) {
    (void)apply([&](Change& change) MOLE_REQUIRES(service_mutex) -> Result<> {
      call(change);
      return {};
    });
  };
  return garbage_.collect(options, step, stop);
}

// ---- scrub

std::optional<ScrubReport> Service::scrub(Micros period, const control::Scrub::Wait& wait) {
  const auto step = [this](const control::Scrub::Step& call) {
    (void)apply([&](Change& change) MOLE_REQUIRES(service_mutex) -> Result<> {
      call(change);
      return {};
    });
  };
  return scrub_.round(period, step, wait);
}

// ---- blobs

// A library is taken from its folder again, and a routing table from its file.
Result<std::string> Service::get_blob(const Digest& digest, std::uint64_t offset, std::uint32_t limit) {
  auto piece = blobs_.get(digest, offset, limit);
  if (piece || piece.error().code != Code::missing) return piece;
  if (!submissions_.restore_library(digest) && !tables_.restore(digest)) return piece;
  return blobs_.get(digest, offset, limit);
}

Result<std::uint64_t> Service::put_blob(const Digest& digest, std::uint64_t offset, std::string_view bytes, std::uint64_t total) {
  auto held = blobs_.put(digest, offset, bytes, total);
  if (!held && held.error().code == Code::exhausted && config_.storage_failed && config_.embedded)
    config_.storage_failed(held.error().message);
  if (!held && held.error().code == Code::exhausted) return transient(held.error().message);  // the node tries again
  return held;
}

}  // namespace mole::coordinator
