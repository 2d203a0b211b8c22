// States that documents report, with their words in JSON. The order is that of the values in Thrift: append, never reorder.
#pragma once

#include "coordinator/wire/documents/table.hpp"

namespace mole::coordinator {

enum class RequestKind : std::uint8_t { run, index, verify };
inline constexpr Name request_kind_names[] = {
    {"run", "compute modules over a range"},
    {"index", "list an archive"},
    {"verify", "read every file of an archive"},
};
template <>
struct NamesOf<RequestKind> {
  static constexpr Names value{"RequestKind", request_kind_names};
};

enum class RequestState : std::uint8_t { accepted, running, waiting, complete, partial, failed, cancelled };
inline constexpr Name request_state_names[] = {
    {"ACCEPTED", "durable; its archives are being listed"},
    {"RUNNING", "planned; tasks are leased"},
    {"WAITING",
     "what is left lies past the end of the archive (`waits` says where). The archive is listed again every ten minutes, or "
     "by `archive index`"},
    {"COMPLETE", "every row has coverage 1"},
    {"PARTIAL", "some row has a lower coverage. `verify`: some file is not sound"},
    {"FAILED", "`reason` says why, `failures` lists the jobs given up. The rest was computed. Submitting again retries them"},
    {"CANCELLED", "withdrawn; finished results are kept"},
};
template <>
struct NamesOf<RequestState> {
  static constexpr Names value{"RequestState", request_state_names};
};

// True if the request changes no more.
constexpr bool is_final(RequestState state) {
  return state == RequestState::complete || state == RequestState::partial || state == RequestState::failed ||
         state == RequestState::cancelled;
}

enum class JobState : std::uint8_t { done, partial, running, ready, waiting, blocked, failed, empty };
inline constexpr Name job_state_names[] = {
    {"done", "computed"},
    {"partial", "computed, with a coverage below 1"},
    {"running", "a node holds its task"},
    {"ready", "can be leased"},
    {"waiting", "its block reaches past the end of the archive"},
    {"blocked", "an upstream job failed"},
    {"failed", "given up"},
    {"empty", "of a module only: no block of it was requested"},
};
template <>
struct NamesOf<JobState> {
  static constexpr Names value{"JobState", job_state_names};
};

enum class NodeState : std::uint8_t { online, draining, silent };
inline constexpr Name node_state_names[] = {
    {"online", "sends heartbeats and takes tasks"},
    {"draining", "finishes its tasks and takes no more"},
    {"silent", "sent no heartbeat for the length of a lease"},
};
template <>
struct NamesOf<NodeState> {
  static constexpr Names value{"NodeState", node_state_names};
};

enum class FileState : std::uint8_t { unread, sound, damaged, unreadable, missing };
inline constexpr Name file_state_names[] = {
    {"unread", "listed, not read yet"},
    {"sound", "read without damage"},
    {"damaged", "read in part"},
    {"unreadable", "nothing in it could be read"},
    {"missing", "listed, but the archive did not deliver it"},
};
template <>
struct NamesOf<FileState> {
  static constexpr Names value{"FileState", file_state_names};
};

}  // namespace mole::coordinator
