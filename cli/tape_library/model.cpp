#include "cli/tape_library/model.hpp"

#include "cli/simulate/random.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace mole::cli {
namespace {

constexpr Micros never = std::numeric_limits<Micros>::max();
enum Stream : std::uint64_t { gap_stream = 2, hold_stream, error_stream };  // of random numbers; 1 is the layout's

bool is_timed(DrivePhase phase) {
  return phase != DrivePhase::empty && phase != DrivePhase::leaving && phase != DrivePhase::entering &&
         phase != DrivePhase::ready && phase != DrivePhase::broken;
}

Micros up_to_twice(Micros mean, std::uint64_t seed, Stream stream, std::uint64_t n) {
  return static_cast<Micros>(Random(seed, stream, n).below(2 * static_cast<std::uint64_t>(mean) + 1));
}

}  // namespace

TapeModel::TapeModel(const TapeLibrary& library, TapeState state, std::function<void(const TapeEvent&)> log)
    : library_(library), settings_(library.settings), state_(std::move(state)), log_(std::move(log)) {
  if (!state_.drives.empty()) return;
  state_.clock = state_.arm_until = library.start;
  state_.drives.resize(settings_.drives);
  for (auto& drive : state_.drives) drive.since = drive.begun = drive.until = library.start;
  state_.faults.resize(settings_.faults.size());
  if (settings_.others_per_hour > 0)
    state_.next_other =
        state_.clock + up_to_twice(hour_us / static_cast<Micros>(settings_.others_per_hour), settings_.seed, gap_stream, 0);
}

FileWhere TapeModel::where(std::uint64_t file) const {
  const auto is_it = [&](const TapeRequest& r) { return r.hold == 0 && r.file == file; };
  if (std::ranges::any_of(state_.online, [&](const OnlineFile& o) { return o.file == file; })) return FileWhere::online;
  if (std::ranges::any_of(state_.queue, is_it) ||
      std::ranges::any_of(state_.drives, [&](const TapeDrive& d) { return d.request && is_it(*d.request); }))
    return FileWhere::waiting;
  return FileWhere::offline;
}

bool TapeModel::damaged(std::uint64_t file, std::uint64_t copy) const {
  return std::ranges::count(state_.damaged, DamagedCopy{file, copy}) > 0;
}

void TapeModel::stage(std::uint64_t file) {
  if (where(file) != FileWhere::offline) return;
  const auto& copies = library_.files[file].copies;
  for (std::uint64_t copy = 0; copy < copies.size(); ++copy) {
    if (damaged(file, copy)) continue;
    TapeRequest request{++state_.requests, file, copy, 0, copies[copy].tape, copies[copy].position, 0, false};
    log(TapeEventKind::request, nullptr, &request);
    if (library_.files[file].size > settings_.disk)
      return fail(nullptr, request, "the file is larger than the disk of the store");
    state_.queue.push_back(std::move(request));
    return;
  }
}

void TapeModel::cancel(std::uint64_t file) {
  const auto found = std::ranges::find_if(state_.queue, [&](const TapeRequest& r) { return r.hold == 0 && r.file == file; });
  if (found == state_.queue.end()) return;
  log(TapeEventKind::cancel, nullptr, &*found);
  state_.queue.erase(found);
}

void TapeModel::release(std::uint64_t file) {
  if (std::erase_if(state_.online, [&](const OnlineFile& o) { return o.file == file; }) == 0) return;
  const TapeRequest released{0, file, 0, 0, "", 0, 0, false};
  log(TapeEventKind::release, nullptr, &released);
}

void TapeModel::use(std::uint64_t file) {
  for (auto& online : state_.online)
    if (online.file == file) online.use = ++state_.uses;
}

bool TapeModel::happens(TapeFault kind, std::uint64_t file) {
  for (std::size_t i = 0; i < settings_.faults.size(); ++i) {
    const auto& fault = settings_.faults[i];
    if (fault.kind != kind || fault.file != library_.files[file].path) continue;
    if (fault.times > 0 && state_.faults[i] >= fault.times) continue;
    ++state_.faults[i];
    return true;
  }
  return false;
}

bool TapeModel::advance() {
  const auto end = state_.clock + settings_.poll;
  settled_ = false;
  dispatch();
  while (waits() && (!settled_ || next_time() <= end))
    if (is_working())
      step();
    else
      fail_all();
  return settled_;
}

Micros TapeModel::follow(Micros real) {
  if (settings_.pace == 0) return 0;
  const auto pace = static_cast<Micros>(settings_.pace);
  const auto end = state_.clock + std::clamp<Micros>(real - state_.real.value_or(real), 0, day_us / pace) * pace;
  state_.real = real;
  dispatch();
  while (next_time() <= end) step();
  state_.clock = end;
  if (waits() && !is_working()) fail_all();
  return (std::min(next_time(), end + hour_us) - end) / pace;
}

bool TapeModel::waits() const {
  return std::ranges::any_of(state_.queue, [](const TapeRequest& r) { return r.hold == 0; }) ||
         std::ranges::any_of(state_.drives, [](const TapeDrive& d) { return d.request && d.request->hold == 0; });
}

bool TapeModel::is_working() const {
  return std::ranges::any_of(state_.drives, [](const TapeDrive& d) { return is_timed(d.phase); });
}

// Ends the requests that no drive can serve.
void TapeModel::fail_all() {
  const auto queue = std::exchange(state_.queue, {});
  for (const auto& request : queue)
    if (request.hold == 0) fail(nullptr, request, "no drive works");
}

// Lets time pass until the next event.
void TapeModel::step() {
  state_.clock = next_time();
  break_drives();
  for (auto& drive : state_.drives)
    if (is_timed(drive.phase) && drive.until <= state_.clock) finish(drive);
  if (state_.next_other && *state_.next_other <= state_.clock) others_arrive();
  dispatch();
}

Micros TapeModel::next_time() const {
  auto next = state_.next_other.value_or(never);
  for (const auto& drive : state_.drives)
    if (is_timed(drive.phase)) next = std::min(next, drive.until);
  for (const auto& fault : settings_.drive_faults)
    if (state_.drives[fault.drive - 1].phase != DrivePhase::broken) next = std::min(next, library_.start + fault.after);
  return std::max(next, state_.clock);
}

void TapeModel::break_drives() {
  for (const auto& fault : settings_.drive_faults) {
    auto& drive = state_.drives[fault.drive - 1];
    if (drive.phase == DrivePhase::broken || library_.start + fault.after > state_.clock) continue;
    log(TapeEventKind::broken, &drive, drive.request ? &*drive.request : nullptr,
        is_timed(drive.phase) ? state_.clock - drive.begun : 0);
    if (drive.phase == DrivePhase::removing || drive.phase == DrivePhase::inserting) state_.arm_until = state_.clock;
    if (drive.request) state_.queue.push_back(*drive.request);
    drive = {};
    begin(drive, DrivePhase::broken);
  }
}

void TapeModel::others_arrive() {
  const auto n = ++state_.others;
  TapeRequest request{++state_.requests, 0, 0, 0, fmt::format("US{:04}", n), 0, 0, false};
  request.hold = 1 + up_to_twice(settings_.others_hold, settings_.seed, hold_stream, n);
  state_.queue.push_back(std::move(request));
  state_.next_other =
      state_.clock + 1 + up_to_twice(hour_us / static_cast<Micros>(settings_.others_per_hour), settings_.seed, gap_stream, n);
}

void TapeModel::finish(TapeDrive& drive) {
  const auto took = state_.clock - drive.begun;
  switch (drive.phase) {
    case DrivePhase::rewinding:
      return begin(drive, DrivePhase::leaving);
    case DrivePhase::removing:
      log(TapeEventKind::remove, &drive, nullptr, state_.clock - drive.since);
      drive.tape.clear();
      drive.since = state_.clock;
      return begin(drive, DrivePhase::entering);
    case DrivePhase::inserting:
      return begin(drive, DrivePhase::loading, settings_.load);
    case DrivePhase::loading:
      drive.position = 0;
      log(TapeEventKind::insert, &drive, nullptr, state_.clock - drive.since);
      return begin(drive, DrivePhase::ready);
    case DrivePhase::seeking:
      return finish_seek(drive);
    case DrivePhase::reading:
      return finish_read(drive);
    case DrivePhase::lent:
      log(TapeEventKind::lend, &drive, nullptr, took);
      drive.request.reset();
      return begin(drive, DrivePhase::ready);
    default:
      return;
  }
}

void TapeModel::finish_seek(TapeDrive& drive) {
  auto& request = *drive.request;
  drive.position = request.position;
  log(TapeEventKind::seek, &drive, &request, state_.clock - drive.begun);
  if (happens(TapeFault::stage, request.file)) {
    const auto failed = request;
    drive.request.reset();
    begin(drive, DrivePhase::ready);
    return fail(&drive, failed, "the stager has given up");
  }
  make_room();
  request.failing = (request.copy == 0 && happens(TapeFault::read, request.file)) ||
                    Random(settings_.seed, error_stream, ++state_.reads).chance(settings_.read_errors_per_million);
  const auto length = read_time(settings_, library_.files[request.file].size);
  begin(drive, DrivePhase::reading, request.failing ? length / 2 : length);
}

void TapeModel::finish_read(TapeDrive& drive) {
  auto request = *drive.request;
  const auto took = state_.clock - drive.begun;
  drive.request.reset();
  begin(drive, DrivePhase::ready);
  const auto& file = library_.files[request.file];
  if (!request.failing) {
    drive.position += blocks_of(settings_, file.size);
    log(TapeEventKind::read, &drive, &request, took);
    state_.online.push_back({request.file, ++state_.uses});
    settled_ = true;
    return;
  }
  request.failing = false;
  if (++request.attempts < settings_.read_attempts) {
    log(TapeEventKind::error, &drive, &request, took, "the copy is read again");
    state_.queue.push_back(request);
    return;
  }
  state_.damaged.push_back({request.file, request.copy});
  log(TapeEventKind::error, &drive, &request, took, "the copy is damaged");
  request.attempts = 0;
  while (++request.copy < file.copies.size() && damaged(request.file, request.copy)) {
  }
  if (request.copy >= file.copies.size()) return fail(&drive, request, "all copies are damaged");
  request.tape = file.copies[request.copy].tape;
  request.position = file.copies[request.copy].position;
  state_.queue.push_back(request);
}

void TapeModel::dispatch() {
  for (auto& drive : state_.drives) serve(drive);
  while (mount_next()) {
  }
  use_arm();
}

// Starts the next request of the drive's tape, if there is one.
bool TapeModel::serve(TapeDrive& drive) {
  if (drive.phase != DrivePhase::ready) return false;
  auto best = state_.queue.end();
  const auto order = [&](const TapeRequest& r) { return std::tuple(r.position < drive.position, r.position, r.number); };
  for (auto it = state_.queue.begin(); it != state_.queue.end(); ++it)
    if (it->tape == drive.tape && fits(*it) && (best == state_.queue.end() || order(*it) < order(*best))) best = it;
  if (best == state_.queue.end()) return false;
  drive.request = *best;
  state_.queue.erase(best);
  if (drive.request->hold > 0) return begin(drive, DrivePhase::lent, drive.request->hold), true;
  begin(drive, DrivePhase::seeking, seek_time(settings_, drive.position, drive.request->position));
  return true;
}

// Assigns the tape with the oldest request that is in no drive to a drive without work: an empty one, or the one that has been
// without work for longest.
bool TapeModel::mount_next() {
  const TapeRequest* oldest = nullptr;
  for (const auto& request : state_.queue) {
    const auto holds = [&](const TapeDrive& d) { return d.tape == request.tape || d.next == request.tape; };
    if (std::ranges::any_of(state_.drives, holds) || !fits(request)) continue;
    if (oldest == nullptr || request.number < oldest->number) oldest = &request;
  }
  if (oldest == nullptr) return false;
  TapeDrive* chosen = nullptr;
  for (auto& drive : state_.drives) {
    if ((drive.phase != DrivePhase::empty && drive.phase != DrivePhase::ready) || !drive.next.empty()) continue;
    const auto rank = [](const TapeDrive& d) { return std::tuple(d.phase == DrivePhase::ready, d.begun); };
    if (chosen == nullptr || rank(drive) < rank(*chosen)) chosen = &drive;
  }
  if (chosen == nullptr) return false;
  chosen->next = oldest->tape;
  chosen->next_others = oldest->hold > 0;
  chosen->since = state_.clock;
  if (chosen->phase == DrivePhase::ready)
    begin(*chosen, DrivePhase::rewinding, settings_.unload + rewind_time(settings_, chosen->position));
  else
    begin(*chosen, DrivePhase::entering);
  return true;
}

// The arm serves drives in the order in which they began to wait.
void TapeModel::use_arm() {
  if (state_.arm_until > state_.clock) return;
  TapeDrive* first = nullptr;
  for (auto& drive : state_.drives)
    if ((drive.phase == DrivePhase::leaving || drive.phase == DrivePhase::entering) &&
        (first == nullptr || drive.begun < first->begun))
      first = &drive;
  if (first == nullptr) return;
  state_.arm_until = state_.clock + settings_.move;
  if (first->phase == DrivePhase::leaving) return begin(*first, DrivePhase::removing, settings_.move);
  first->tape = std::exchange(first->next, {});
  first->others = first->next_others;
  begin(*first, DrivePhase::inserting, settings_.move);
}

void TapeModel::fail(const TapeDrive* drive, const TapeRequest& request, const char* reason) {
  log(TapeEventKind::fail, drive, &request, 0, reason);
  settled_ = true;
}

std::uint64_t TapeModel::reserved() const {
  std::uint64_t bytes = 0;
  for (const auto& drive : state_.drives)
    if (drive.request && drive.request->hold == 0) bytes += library_.files[drive.request->file].size;
  return bytes;
}

bool TapeModel::fits(const TapeRequest& request) const {
  return request.hold > 0 || reserved() + library_.files[request.file].size <= settings_.disk;
}

// Evicts the files that were not used for longest, so that the files being read have room.
void TapeModel::make_room() {
  auto used = reserved();
  for (const auto& online : state_.online) used += library_.files[online.file].size;
  while (used > settings_.disk && !state_.online.empty()) {
    const auto oldest = std::ranges::min_element(state_.online, {}, &OnlineFile::use);
    const TapeRequest evicted{0, oldest->file, 0, 0, "", 0, 0, false};
    log(TapeEventKind::evict, nullptr, &evicted);
    used -= library_.files[oldest->file].size;
    state_.online.erase(oldest);
  }
}

void TapeModel::begin(TapeDrive& drive, DrivePhase phase, Micros length) {
  drive.phase = phase;
  drive.begun = state_.clock;
  drive.until = state_.clock + length;
}

void TapeModel::log(TapeEventKind kind, const TapeDrive* drive, const TapeRequest* request, Micros took, std::string reason) {
  TapeEvent event;
  event.at = state_.clock;
  event.took = took;
  event.event = kind;
  event.reason = std::move(reason);
  if (drive != nullptr) {
    event.drive = static_cast<std::uint64_t>(drive - state_.drives.data()) + 1;
    event.tape = drive->tape;
    event.others = drive->others;
  }
  if (request != nullptr && request->hold == 0) {
    const auto& file = library_.files[request->file];
    event.file = file.path;
    event.bytes = file.size;
    event.tape = request->tape;
    if (!request->tape.empty()) event.copy = request->copy + 1;
  }
  log_(event);
}

}  // namespace mole::cli
