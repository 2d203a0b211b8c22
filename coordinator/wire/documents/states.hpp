// States that documents report, with their words in JSON. The order is that of the values in Thrift: append, never reorder.
#pragma once

#include "coordinator/wire/documents/table.hpp"

namespace mole::coordinator {

enum class RequestKind : std::uint8_t { run, index, verify };
inline constexpr EnumValue request_kind_names[] = {
    {"run", "compute modules over a range"},
    {"index", "list an archive"},
    {"verify", "read every file of an archive"},
};
template <>
struct EnumNamesOf<RequestKind> {
  static constexpr EnumNames value{"RequestKind", request_kind_names};
};

enum class RequestState : std::uint8_t { accepted, running, waiting, complete, partial, failed, cancelled };
inline constexpr EnumValue request_state_names[] = {
    {"ACCEPTED", "durable; its archives are being listed"},
    {"RUNNING", "planned; tasks are leased"},
    {"WAITING",
     "the remaining jobs need files past the end of the archive (see `waits`). The archive is listed again every ten minutes, or "
     "by `archive index`"},
    {"COMPLETE", "every row has coverage 1"},
    {"PARTIAL", "some row has a lower coverage. `verify`: some file is not sound"},
    {"FAILED", "`reason` says why, `failures` lists the jobs given up. The rest was computed. Submitting again retries them"},
    {"CANCELLED", "cancelled; finished results are kept"},
};
template <>
struct EnumNamesOf<RequestState> {
  static constexpr EnumNames value{"RequestState", request_state_names};
};

// True if the request has ended.
constexpr bool is_final(RequestState state) {
  return state == RequestState::complete || state == RequestState::partial || state == RequestState::failed ||
         state == RequestState::cancelled;
}

enum class JobState : std::uint8_t { done, partial, running, ready, waiting, blocked, failed, empty };
inline constexpr EnumValue job_state_names[] = {
    {"done", "computed"},
    {"partial", "computed, with a coverage below 1"},
    {"running", "a node holds its task"},
    {"ready", "can be leased"},
    {"waiting", "its block reaches past the end of the archive"},
    {"blocked", "an upstream job failed"},
    {"failed", "given up"},
    {"empty", "only of a module: none of its blocks was requested"},
};
template <>
struct EnumNamesOf<JobState> {
  static constexpr EnumNames value{"JobState", job_state_names};
};

enum class NodeState : std::uint8_t { online, draining, silent };
inline constexpr EnumValue node_state_names[] = {
    {"online", "sends heartbeats and takes tasks"},
    {"draining", "finishes its tasks and takes no new ones"},
    {"silent", "sent no heartbeat for the length of a lease"},
};
template <>
struct EnumNamesOf<NodeState> {
  static constexpr EnumNames value{"NodeState", node_state_names};
};

enum class FileState : std::uint8_t { unread, sound, damaged, unreadable, missing };
inline constexpr EnumValue file_state_names[] = {
    {"unread", "listed, not read yet"},
    {"sound", "read without damage"},
    {"damaged", "read in part"},
    {"unreadable", "nothing in it could be read"},
    {"missing", "listed, but the archive did not deliver it"},
};
template <>
struct EnumNamesOf<FileState> {
  static constexpr EnumNames value{"FileState", file_state_names};
};

}  // namespace mole::coordinator
