// Enums that modules, tasks and reports share, each with its names.
#pragma once

#include "sdk/model/name_table.hpp"

#include <mole/result.hpp>

namespace mole {

// The kind of data of a module's input.
enum class InputKind { flows, rows, context };

template <>
inline constexpr auto name_table<InputKind> = [] {
  using enum InputKind;
  return names<InputKind>("InputKind", "an input kind", {{flows, "flows"}, {rows, "rows"}, {context, "context"}});
}();

// How a metric is executed: its states can be merged, it needs its input in order, or it processes a whole block as one input.
enum class Execution { mergeable, sequential, block };

template <>
inline constexpr auto name_table<Execution> = [] {
  using enum Execution;
  return names<Execution>("Execution", "an execution class",
                          {{mergeable, "mergeable"}, {sequential, "sequential"}, {block, "block"}});
}();

enum class PluginKind { decoder, downloader, metric };

template <>
inline constexpr auto name_table<PluginKind> = [] {
  using enum PluginKind;
  return names<PluginKind>("PluginKind", "a plugin kind", {{decoder, "decoder"}, {downloader, "downloader"}, {metric, "metric"}});
}();

// How a flow is assigned to intervals: to that of its start or end, or in proportion to its overlap with each.
enum class Load { start, end, proportional };

template <>
inline constexpr auto name_table<Load> = [] {
  using enum Load;
  return names<Load>("Load", "a load scheme", {{start, "start"}, {end, "end"}, {proportional, "proportional"}});
}();

// The treatment of a damaged file: use the readable parts, fail the step, or omit the file.
enum class DamagePolicy { partial, strict, skip };

template <>
inline constexpr auto name_table<DamagePolicy> = [] {
  using enum DamagePolicy;
  return names<DamagePolicy>("DamagePolicy", "a damage policy", {{partial, "partial"}, {strict, "strict"}, {skip, "skip"}});
}();

// The treatment of several files of one router and start time. refuse: files of equal content count once, others are an error;
// newest, largest: one of them is used; all: each is used, such as parts of an hour.
enum class Duplicates { refuse, newest, largest, all };

template <>
inline constexpr auto name_table<Duplicates> = [] {
  using enum Duplicates;
  return names<Duplicates>("Duplicates", "a policy for files of one router and time",
                           {{refuse, "refuse"}, {newest, "newest"}, {largest, "largest"}, {all, "all"}});
}();

// The counters (packets and bytes) that a module reads: as exported, or multiplied by the sampling rate.
enum class Scale { none, sampling };

template <>
inline constexpr auto name_table<Scale> = [] {
  using enum Scale;
  return names<Scale>("Scale", "a scale of counters", {{none, "none"}, {sampling, "sampling"}});
}();

// What gives the time at which a flow was exported: the header of its datagram or message, or the end of the flow, for files
// that were made from packets or other records later.
enum class ExportTime { header, flow_end };

template <>
inline constexpr auto name_table<ExportTime> = [] {
  using enum ExportTime;
  return names<ExportTime>("ExportTime", "a source of export times", {{header, "header"}, {flow_end, "flow_end"}});
}();

// What states the sampling rate of a flow: MOLE_SAMPLING_*.
enum class SamplingSource { none, record, options, manifest };

template <>
inline constexpr auto name_table<SamplingSource> = [] {
  using enum SamplingSource;
  return names<SamplingSource>("SamplingSource", "a source of sampling rates",
                               {{none, "none"}, {record, "record"}, {options, "options"}, {manifest, "manifest"}});
}();

// The decoder of the blocks of bzip2 files. Both decoders produce the same content.
enum class Bzip2Decoder { interleaved, libbzip2 };

template <>
inline constexpr auto name_table<Bzip2Decoder> = [] {
  using enum Bzip2Decoder;
  return names<Bzip2Decoder>("Bzip2Decoder", "a bzip2 decoder", {{interleaved, "interleaved"}, {libbzip2, "libbzip2"}});
}();

// What separates a worker from the rest of its machine, as far as the machine allows (docs/decisions/0214).
enum class SandboxPart { limits, cgroup, namespaces, landlock, seccomp };

template <>
inline constexpr auto name_table<SandboxPart> = [] {
  using enum SandboxPart;
  return names<SandboxPart>("SandboxPart", "a part of a sandbox",
                            {{limits, "limits", "limits of memory, files and processes of each process; ends with the node"},
                             {cgroup, "cgroup", "memory and number of processes of the whole tree are limited"},
                             {namespaces, "namespaces", "sees no process, network, mount or shared memory of others"},
                             {landlock, "landlock", "reads only its inputs, writes only its attempt folder"},
                             {seccomp, "seccomp", "may not make system calls that it does not need"}});
}();

}  // namespace mole

namespace mole::task {

// `index` lists an archive, `verify` reads files without a module, `compute` reads flows or rows, `merge` only merges states,
// `fetch` puts files of one medium into the node's cache.
enum class Kind { index, verify, compute, merge, fetch };

// The outcome of a step. `failed`: the module or its plugin failed; `blocked`: an input step failed; `not_run`: the worker ended
// before the step.
enum class Outcome { done, failed, blocked, not_run };

// The state of a file's content.
enum class FileState { unread, sound, damaged, unreadable, missing, misplaced, duplicate, future };

// Whether a file was read and is not what it should be.
constexpr bool is_faulty(FileState state) {
  return state == FileState::damaged || state == FileState::unreadable || state == FileState::missing ||
         state == FileState::misplaced;
}

// Where a run got the flows of a file: decoded from the archive's file, or from columns cached by an earlier decode.
enum class FlowSource { none, archive, columns };

// What a fetch task did with a file: transferred it, found it or its columns in the node's cache, or failed.
enum class FetchOutcome { fetched, cached, columns, failed };

// Why a step or a task failed: a mole::Code, or how the worker ended.
enum class FailureCode : int {
  none = 0,
  invalid = static_cast<int>(Code::invalid),
  corrupt = static_cast<int>(Code::corrupt),
  missing = static_cast<int>(Code::missing),
  transient = static_cast<int>(Code::transient),
  exhausted = static_cast<int>(Code::exhausted),
  cancelled = static_cast<int>(Code::cancelled),
  unsupported = static_cast<int>(Code::unsupported),
  internal = static_cast<int>(Code::internal),
  denied = static_cast<int>(Code::denied),
  busy = static_cast<int>(Code::busy),
  crashed = 1001,
  hung = 1002,
  lost = 1003  // the node ended, or stopped reporting, while it ran the task
};

constexpr FailureCode failure_code(Code code) { return static_cast<FailureCode>(code); }
// Maps crashed, hung and lost to internal.
constexpr Code code_of(FailureCode failure) {
  return failure >= FailureCode::crashed ? Code::internal : static_cast<Code>(failure);
}

}  // namespace mole::task

namespace mole {

template <>
inline constexpr auto name_table<task::Kind> = [] {
  using enum task::Kind;
  return names<task::Kind>("TaskKind", "a task kind",
                           {{index, "index"}, {verify, "verify"}, {compute, "compute"}, {merge, "merge"}, {fetch, "fetch"}});
}();

template <>
inline constexpr auto name_table<task::Outcome> = [] {
  using enum task::Outcome;
  return names<task::Outcome>("Outcome", "an outcome",
                              {{done, "done"}, {failed, "failed"}, {blocked, "blocked"}, {not_run, "not_run"}});
}();

template <>
inline constexpr auto name_table<task::FileState> = [] {
  using enum task::FileState;
  return names<task::FileState>(
      "FileState", "a file state",
      {{unread, "unread", "listed, not read yet"},
       {sound, "sound", "read without damage"},
       {damaged, "damaged", "read in part"},
       {unreadable, "unreadable", "nothing in it could be read"},
       {missing, "missing", "listed, but the archive did not deliver it"},
       {misplaced, "misplaced", "its export times are not near the time in its name"},
       {duplicate, "duplicate", "the same content as another file of the router and time; counted once"},
       {future, "future", "the time in its name has not come yet; ignored"}});
}();

template <>
inline constexpr auto name_table<task::FlowSource> = [] {
  using enum task::FlowSource;
  return names<task::FlowSource>("FlowSource", "a source of flows", {{none, ""}, {archive, "archive"}, {columns, "columns"}});
}();

template <>
inline constexpr auto name_table<task::FetchOutcome> = [] {
  using enum task::FetchOutcome;
  return names<task::FetchOutcome>("FetchOutcome", "an outcome of a fetch",
                                   {{fetched, "fetched", "transferred from the archive"},
                                    {cached, "cached", "it was in the node's cache"},
                                    {columns, "columns", "its columns were in the node's cache"},
                                    {failed, "failed", "neither it nor its columns are in the cache"}});
}();

template <>
inline constexpr auto name_table<task::FailureCode> = [] {
  using enum task::FailureCode;
  return names<task::FailureCode>("FailureCode", "a failure code",
                                  {{none, ""},
                                   {invalid, "invalid"},
                                   {corrupt, "corrupt"},
                                   {missing, "missing"},
                                   {transient, "transient"},
                                   {exhausted, "exhausted"},
                                   {cancelled, "cancelled"},
                                   {unsupported, "unsupported"},
                                   {internal, "internal"},
                                   {denied, "denied"},
                                   {busy, "busy"},
                                   {crashed, "crashed"},
                                   {hung, "hung"},
                                   {lost, "lost"}});
}();

}  // namespace mole
