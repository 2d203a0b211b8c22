// Enums that modules, tasks and reports share, each with its names.
#pragma once

#include "sdk/model/name_table.hpp"

#include <mole/result.hpp>

namespace mole {

// The kind of data of a module's input.
enum class InputKind { flows, rows, context };

template <>
inline constexpr NameTable<InputKind, 3> name_table<InputKind>{
    "an input kind", {{{InputKind::flows, "flows"}, {InputKind::rows, "rows"}, {InputKind::context, "context"}}}};

// How a metric is executed: its states merge, it needs its input in order, or it takes a whole block as one input.
enum class Execution { mergeable, sequential, block };

template <>
inline constexpr NameTable<Execution, 3> name_table<Execution>{
    "an execution class",
    {{{Execution::mergeable, "mergeable"}, {Execution::sequential, "sequential"}, {Execution::block, "block"}}}};

enum class PluginKind { decoder, downloader, metric };

template <>
inline constexpr NameTable<PluginKind, 3> name_table<PluginKind>{
    "a plugin kind",
    {{{PluginKind::decoder, "decoder"}, {PluginKind::downloader, "downloader"}, {PluginKind::metric, "metric"}}}};

// Which interval counts a flow.
enum class Load { start, end, proportional };

template <>
inline constexpr NameTable<Load, 3> name_table<Load>{
    "a load scheme", {{{Load::start, "start"}, {Load::end, "end"}, {Load::proportional, "proportional"}}}};

// The treatment of a damaged file: use the readable parts, fail the step, or leave the file out.
enum class DamagePolicy { partial, strict, skip };

template <>
inline constexpr NameTable<DamagePolicy, 3> name_table<DamagePolicy>{
    "a damage policy", {{{DamagePolicy::partial, "partial"}, {DamagePolicy::strict, "strict"}, {DamagePolicy::skip, "skip"}}}};

// Which code decodes the blocks of bzip2 files; both produce the same content.
enum class Bzip2Decoder { interleaved, libbzip2 };

template <>
inline constexpr NameTable<Bzip2Decoder, 2> name_table<Bzip2Decoder>{
    "a bzip2 decoder", {{{Bzip2Decoder::interleaved, "interleaved"}, {Bzip2Decoder::libbzip2, "libbzip2"}}}};

}  // namespace mole

namespace mole::task {

// `index` lists an archive, `verify` reads files without a module, `compute` reads flows or rows, `merge` only merges states.
enum class Kind { index, verify, compute, merge };

// The outcome of a step. `failed`: by the module or its plugin; `blocked`: an input step failed; `not_run`: the worker ended
// first.
enum class Outcome { done, failed, blocked, not_run };

// The state of a file's content.
enum class FileState { unread, sound, damaged, unreadable, missing };

// Where a run got the flows of a file: decoded from the archive's file, or from columns cached by an earlier decode.
enum class FlowSource { none, archive, columns };

// Why a step or a task failed: a mole::Code, or the end of the worker.
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
  crashed = 1001,
  hung = 1002
};

constexpr FailureCode failure_code(Code code) { return static_cast<FailureCode>(code); }
// crashed, hung: internal.
constexpr Code code_of(FailureCode failure) {
  return failure >= FailureCode::crashed ? Code::internal : static_cast<Code>(failure);
}

}  // namespace mole::task

namespace mole {

template <>
inline constexpr NameTable<task::Kind, 4> name_table<task::Kind>{"a task kind",
                                                                 {{{task::Kind::index, "index"},
                                                                   {task::Kind::verify, "verify"},
                                                                   {task::Kind::compute, "compute"},
                                                                   {task::Kind::merge, "merge"}}}};

template <>
inline constexpr NameTable<task::Outcome, 4> name_table<task::Outcome>{"an outcome",
                                                                       {{{task::Outcome::done, "done"},
                                                                         {task::Outcome::failed, "failed"},
                                                                         {task::Outcome::blocked, "blocked"},
                                                                         {task::Outcome::not_run, "not_run"}}}};

template <>
inline constexpr NameTable<task::FileState, 5> name_table<task::FileState>{"the state of a file",
                                                                           {{{task::FileState::unread, ""},
                                                                             {task::FileState::sound, "sound"},
                                                                             {task::FileState::damaged, "damaged"},
                                                                             {task::FileState::unreadable, "unreadable"},
                                                                             {task::FileState::missing, "missing"}}}};

template <>
inline constexpr NameTable<task::FlowSource, 3> name_table<task::FlowSource>{
    "a source of flows",
    {{{task::FlowSource::none, ""}, {task::FlowSource::archive, "archive"}, {task::FlowSource::columns, "columns"}}}};

template <>
inline constexpr NameTable<task::FailureCode, 11> name_table<task::FailureCode>{"a failure code",
                                                                                {{{task::FailureCode::none, ""},
                                                                                  {task::FailureCode::invalid, "invalid"},
                                                                                  {task::FailureCode::corrupt, "corrupt"},
                                                                                  {task::FailureCode::missing, "missing"},
                                                                                  {task::FailureCode::transient, "transient"},
                                                                                  {task::FailureCode::exhausted, "exhausted"},
                                                                                  {task::FailureCode::cancelled, "cancelled"},
                                                                                  {task::FailureCode::unsupported, "unsupported"},
                                                                                  {task::FailureCode::internal, "internal"},
                                                                                  {task::FailureCode::crashed, "crashed"},
                                                                                  {task::FailureCode::hung, "hung"}}}};

}  // namespace mole
