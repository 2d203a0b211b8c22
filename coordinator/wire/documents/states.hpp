// States that documents report, with their names in JSON. Thrift uses the numbers of the enumerators: append, never reorder.
#pragma once

#include "sdk/model/enums.hpp"

#include <cstdint>

namespace mole::coordinator {

enum class RequestKind : std::uint8_t { run, index, verify, profile };
enum class RequestState : std::uint8_t { accepted, running, waiting, complete, partial, failed, cancelled };
enum class JobState : std::uint8_t { done, partial, running, ready, waiting, blocked, failed, empty, unrequested };
enum class NodeState : std::uint8_t { online, draining, silent, full, quarantined };
enum class GapCause : std::uint8_t { no_file, too_small, future };
enum class Bound : std::uint8_t { unknown, idle, tape, network, cache, cpu };
using task::FileState;

// True if the request has ended.
constexpr bool is_final(RequestState state) {
  return state == RequestState::complete || state == RequestState::partial || state == RequestState::failed ||
         state == RequestState::cancelled;
}

}  // namespace mole::coordinator

namespace mole {

template <>
inline constexpr auto name_table<coordinator::RequestKind> = [] {
  using enum coordinator::RequestKind;
  return names<coordinator::RequestKind>("RequestKind", "a kind of request",
                                         {{run, "run", "compute modules over a range"},
                                          {index, "index", "list an archive"},
                                          {verify, "verify", "read every file of an archive"},
                                          {profile, "profile", "read a sample of the files and measure export delays"}});
}();

template <>
inline constexpr auto name_table<coordinator::RequestState> = [] {
  using enum coordinator::RequestState;
  return names<coordinator::RequestState>(
      "RequestState", "a request state",
      {{accepted, "ACCEPTED", "durable; its archives are being listed"},
       {running, "RUNNING", "planned; tasks are leased"},
       {waiting, "WAITING",
        "the remaining jobs need files past the end of the archive (see `waits`). The archive is listed again every ten minutes, "
        "or on request by `archive index`"},
       {complete, "COMPLETE", "every row has coverage 1"},
       {partial, "PARTIAL", "some row has a lower coverage. `verify`: some file is not sound"},
       {failed, "FAILED",
        "`reason` states the cause, and `failures` lists the abandoned jobs. The others were computed. A new submission retries "
        "the failed jobs"},
       {cancelled, "CANCELLED", "cancelled; finished results are kept"}});
}();

template <>
inline constexpr auto name_table<coordinator::GapCause> = [] {
  using enum coordinator::GapCause;
  return names<coordinator::GapCause>("GapCause", "a cause of a gap",
                                      {{no_file, "no_file", "the archive lists no file"},
                                       {too_small, "too_small", "its file is smaller than `minimum_size`"},
                                       {future, "future", "the time in the name of its file has not come yet"}});
}();

template <>
inline constexpr auto name_table<coordinator::JobState> = [] {
  using enum coordinator::JobState;
  return names<coordinator::JobState>("JobState", "a job state",
                                      {{done, "done", "computed"},
                                       {partial, "partial", "computed, with a coverage below 1"},
                                       {running, "running", "a node holds its task"},
                                       {ready, "ready", "can be leased"},
                                       {waiting, "waiting", "its block extends past the end of the archive"},
                                       {blocked, "blocked", "an upstream job failed"},
                                       {failed, "failed", "abandoned after too many failures"},
                                       {empty, "empty", "only for modules: none of its blocks was requested"},
                                       {unrequested, "unrequested", "to be computed, but no request needs it"}});
}();

template <>
inline constexpr auto name_table<coordinator::NodeState> = [] {
  using enum coordinator::NodeState;
  return names<coordinator::NodeState>("NodeState", "a node state",
                                       {{online, "online", "sends heartbeats and accepts tasks"},
                                        {draining, "draining", "finishes its tasks and accepts no new ones"},
                                        {silent, "silent", "has sent no heartbeat for the duration of a lease"},
                                        {full, "full", "takes no tasks until its disk has more space"},
                                        {quarantined, "quarantined", "gets no tasks, because it ended again and again"}});
}();

template <>
inline constexpr auto name_table<coordinator::Bound> = [] {
  using enum coordinator::Bound;
  return names<coordinator::Bound>(
      "Bound", "a bound",
      {{unknown, "unknown", "too few heartbeats"},
       {idle, "idle", "there is nothing to do"},
       {tape, "tape", "blocks wait for files that drives have not read yet"},
       {network, "network", "blocks wait for files that are being transferred"},
       {cache, "cache", "blocks wait for files that are not fetched, because the caches have no space for them"},
       {cpu, "cpu", "tasks compute"}});
}();

}  // namespace mole
