// The tape library in simulated time: requests, robot, drives, the disk of the store. A pure value: no clock, no I/O.
//
//   TapeModel model(library, state, [&](const TapeEvent& e) { log.push_back(e); });
//   model.stage(7);
//   while (model.where(7) == FileWhere::waiting && model.advance()) {}
//
// Time passes only in `advance`, or, if the settings have a `pace`, in `follow`. Requests of a mounted tape are served in the
// order of their positions, from the current position to the end and then from the start; the next tape to mount is the one with
// the oldest request. A tape stays in its drive until the drive is needed. Equal libraries, states and calls give equal events.
#pragma once

#include "cli/tape_library/library.hpp"

#include <functional>
#include <map>
#include <set>

namespace mole::cli {

enum class TapeEventKind {
  request,  // a file is requested
  cancel,   // a request is withdrawn
  insert,   // the robot has carried a tape to a drive, and the drive has loaded it: a mount
  remove,   // the drive has rewound and ejected its tape, and the robot has carried it back
  seek,     // the drive has reached a file
  read,     // the file is on disk
  error,    // reading failed; `reason` says what follows
  fail,     // the request ends without the file
  lend,     // another user has used the tape
  evict,    // the store has removed a file from its disk to make room
  release,  // the client has released a file
  broken,   // a drive has stopped working
};

enum class DrivePhase {
  empty,
  rewinding,  // and unloading
  leaving,    // waits for the robot
  removing,
  entering,  // waits for the robot
  inserting,
  loading,
  ready,
  seeking,
  reading,
  lent,
  broken,
};

}  // namespace mole::cli

namespace mole {

template <>
inline constexpr auto name_table<cli::TapeEventKind> = names<cli::TapeEventKind>("TapeEventKind", "an event",
                                                                                 {{cli::TapeEventKind::request, "request"},
                                                                                  {cli::TapeEventKind::cancel, "cancel"},
                                                                                  {cli::TapeEventKind::insert, "insert"},
                                                                                  {cli::TapeEventKind::remove, "remove"},
                                                                                  {cli::TapeEventKind::seek, "seek"},
                                                                                  {cli::TapeEventKind::read, "read"},
                                                                                  {cli::TapeEventKind::error, "error"},
                                                                                  {cli::TapeEventKind::fail, "fail"},
                                                                                  {cli::TapeEventKind::lend, "lend"},
                                                                                  {cli::TapeEventKind::evict, "evict"},
                                                                                  {cli::TapeEventKind::release, "release"},
                                                                                  {cli::TapeEventKind::broken, "broken"}});
template <>
inline constexpr auto name_table<cli::DrivePhase> = names<cli::DrivePhase>("DrivePhase", "a phase of a drive",
                                                                           {{cli::DrivePhase::empty, "empty"},
                                                                            {cli::DrivePhase::rewinding, "rewinding"},
                                                                            {cli::DrivePhase::leaving, "leaving"},
                                                                            {cli::DrivePhase::removing, "removing"},
                                                                            {cli::DrivePhase::entering, "entering"},
                                                                            {cli::DrivePhase::inserting, "inserting"},
                                                                            {cli::DrivePhase::loading, "loading"},
                                                                            {cli::DrivePhase::ready, "ready"},
                                                                            {cli::DrivePhase::seeking, "seeking"},
                                                                            {cli::DrivePhase::reading, "reading"},
                                                                            {cli::DrivePhase::lent, "lent"},
                                                                            {cli::DrivePhase::broken, "broken"}});

}  // namespace mole

namespace mole::cli {

struct TapeEvent {
  Micros at = 0, took = 0;
  TapeEventKind event = TapeEventKind::request;
  std::uint64_t drive = 0;
  std::string tape, file;
  std::uint64_t copy = 0, bytes = 0;
  bool others = false;
  std::string reason;
  static constexpr auto table = document(
      "TapeEvent", "One line of log.ndjson.", time_field("at", &TapeEvent::at, "Simulated time of its end"),
      field("event", &TapeEvent::event, "What happened"),
      duration_field("took", &TapeEvent::took, "How long it occupied the drive").optional(),
      field("drive", &TapeEvent::drive, "Number of the drive, from 1").optional(),
      field("tape", &TapeEvent::tape, "VSN").optional(), field("file", &TapeEvent::file, "Path below the folder").optional(),
      field("copy", &TapeEvent::copy, "Number of the copy, from 1").optional(),
      field("bytes", &TapeEvent::bytes, "Size of the file").unit("bytes").optional(),
      field("others", &TapeEvent::others, "On behalf of another user").optional(),
      field("reason", &TapeEvent::reason, "Why").optional());
};

// A request for a file, or (`hold` > 0) another user's for a tape.
struct TapeRequest {
  std::uint64_t number = 0, file = 0, copy = 0, attempts = 0;
  std::string tape;
  std::uint64_t position = 0;
  Micros hold = 0;
  bool failing = false;
  static constexpr auto table = document(
      "TapeRequest", "A request that waits for a tape or is being served.",
      field("number", &TapeRequest::number, "In the order of arrival"), field("file", &TapeRequest::file, "Index in the library"),
      field("copy", &TapeRequest::copy, "The copy that is read, from 0"),
      field("attempts", &TapeRequest::attempts, "Failed reads of the copy").optional(),
      field("tape", &TapeRequest::tape, "Of the copy"), field("position", &TapeRequest::position, "Of the copy").unit("blocks"),
      duration_field("hold", &TapeRequest::hold, "Another user's request: how long the tape is used").optional(),
      field("failing", &TapeRequest::failing, "The read in progress will fail").optional());
};

struct TapeDrive {
  DrivePhase phase = DrivePhase::empty;
  Micros since = 0, begun = 0, until = 0;
  std::string tape, next;
  std::uint64_t position = 0;
  bool others = false, next_others = false;
  std::optional<TapeRequest> request;
  static constexpr auto table = document("TapeDrive", "A drive.", field("phase", &TapeDrive::phase, "What it does"),
                                         time_field("since", &TapeDrive::since, "When the mount or removal began"),
                                         time_field("begun", &TapeDrive::begun, "When the phase began"),
                                         time_field("until", &TapeDrive::until, "Until when, if that is known"),
                                         field("tape", &TapeDrive::tape, "The tape in it").optional(),
                                         field("next", &TapeDrive::next, "The tape it will receive").optional(),
                                         field("position", &TapeDrive::position, "Of the tape").unit("blocks").optional(),
                                         field("others", &TapeDrive::others, "The tape is mounted for another user").optional(),
                                         field("next_others", &TapeDrive::next_others, "The same for the next tape").optional(),
                                         field("request", &TapeDrive::request, "What it serves").optional());
};

struct OnlineFile {
  std::uint64_t file = 0, use = 0;
  static constexpr auto table =
      document("OnlineFile", "A file on the disk of the store.", field("file", &OnlineFile::file, "Index in the library"),
               field("use", &OnlineFile::use, "Number of its last use"));
};

struct DamagedCopy {
  std::uint64_t file = 0, copy = 0;
  bool operator==(const DamagedCopy&) const = default;
  static constexpr auto table =
      document("DamagedCopy", "A copy that is no longer read.", field("file", &DamagedCopy::file, "Index in the library"),
               field("copy", &DamagedCopy::copy, "From 0"));
};

struct TapeState {
  Micros clock = 0, arm_until = 0;
  std::optional<Micros> next_other, real;
  std::uint64_t requests = 0, uses = 0, reads = 0, others = 0;
  std::vector<TapeRequest> queue;
  std::vector<TapeDrive> drives;
  std::vector<OnlineFile> online;
  std::vector<DamagedCopy> damaged;
  std::vector<std::uint64_t> faults, changes;
  static constexpr auto table = document(
      "TapeState", "The state of a simulated tape library: state.json.", time_field("clock", &TapeState::clock, "Simulated time"),
      time_field("arm_until", &TapeState::arm_until, "The robot's arm is busy until then"),
      time_field("next_other", &TapeState::next_other, "When another user requests the next tape").optional(),
      time_field("real", &TapeState::real, "With a pace: the real time that belongs to `clock`").optional(),
      field("requests", &TapeState::requests, "Number of requests so far"),
      field("uses", &TapeState::uses, "Number of uses of files so far"),
      field("reads", &TapeState::reads, "Number of reads so far"),
      field("others", &TapeState::others, "Number of other users' requests so far"),
      field("queue", &TapeState::queue, "Requests that no drive serves yet"),
      field("drives", &TapeState::drives, "In the order of their numbers"), field("online", &TapeState::online, "Files on disk"),
      field("damaged", &TapeState::damaged, "Damaged copies"),
      field("faults", &TapeState::faults, "How often each file fault of the settings has happened"),
      field("changes", &TapeState::changes, "Indexes of files that were replaced, once per time"));
};

enum class FileWhere { offline, waiting, online };

class TapeModel {
 public:
  // The library must outlive the model. An empty state is that of a new library.
  TapeModel(const TapeLibrary& library, TapeState state, std::function<void(const TapeEvent&)> log);

  FileWhere where(std::uint64_t file) const;
  bool damaged(std::uint64_t file, std::uint64_t copy) const;
  // Requests a file. Nothing happens if it is online, waiting or has no undamaged copy.
  void stage(std::uint64_t file);
  // Withdraws a request that no drive serves yet.
  void cancel(std::uint64_t file);
  // Removes a file from disk.
  void release(std::uint64_t file);
  // Marks an online file as used: files that were not used for long are evicted first.
  void use(std::uint64_t file);
  // Lets time pass until a file becomes online or a request fails, and then to the last event of the settings' `poll`.
  // false: no file waits.
  bool advance();
  // With a pace: lets the time pass that belongs to this real time, at most a day, and returns how long in real time nothing
  // will happen.
  // Without one: does nothing.
  Micros follow(Micros real);
  // Whether this fault happens now; counts it if so.
  bool happens(TapeFault kind, std::uint64_t file);
  // Records that a file was replaced: its time of modification and its inode's generation grow.
  void change(std::uint64_t file) { state_.changes.push_back(file); }

  const TapeState& state() const { return state_; }

 private:
  bool waits() const;
  bool is_working() const;
  void step();
  void fail_all();
  Micros next_time() const;
  void break_drives();
  void others_arrive();
  void finish(TapeDrive& drive);
  void finish_seek(TapeDrive& drive);
  void finish_read(TapeDrive& drive);
  void dispatch();
  bool serve(TapeDrive& drive);
  bool mount_next();
  void use_arm();
  void fail(const TapeDrive* drive, const TapeRequest& request, const char* reason);
  std::uint64_t reserved() const;
  bool fits(const TapeRequest& request) const;
  void make_room();
  void begin(TapeDrive& drive, DrivePhase phase, Micros length = 0);
  void log(TapeEventKind kind, const TapeDrive* drive, const TapeRequest* request, Micros took = 0, std::string reason = {});

  const TapeLibrary& library_;
  const TapeSettings& settings_;
  TapeState state_;
  std::function<void(const TapeEvent&)> log_;
  bool settled_ = false;  // a request ended during this step
};

}  // namespace mole::cli
