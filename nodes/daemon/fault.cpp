#include "nodes/daemon/fault.hpp"

#include "sdk/model/utf8.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>

namespace mole::nodes {
namespace {

template <class T>
T at(const std::array<char, 64>& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

constexpr std::array call_names = {"nothing", "load library", "open",       "create", "begin", "add",   "merge", "finish", "save",
                                   "load",    "next",         "recognises", "index",  "stage", "fetch", "close", "release"};

// Writes control bytes and bytes that are not UTF-8 as \xNN.
std::string escaped(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto c = static_cast<unsigned char>(bytes.front());
    const bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    auto length = control ? 0 : utf8_length(bytes);
    if (length == 2 && c == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0) length = 0;  // C1 controls
    out += length == 0 ? fmt::format("\\x{:02x}", c) : std::string(bytes.substr(0, length));
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

struct Cause {
  task::FailureCode code;
  std::string text;
};

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return "signal " + std::to_string(signal) + (name ? " (SIG" + std::string(name) + ")" : "");
}

Cause cause_of_signal(const WorkerRun& run) {
  const int signal = run.exit_status.value;
  const std::string killed = "killed by " + signal_name(signal);
  if (signal == SIGXFSZ)
    return {task::FailureCode::exhausted, killed + ": it wrote a file larger than a worker may write; use shorter blocks"};
  if (signal == SIGKILL)
    return {task::FailureCode::exhausted,
            killed + " by the system, most likely because memory ran out; reduce mole-node --slots or --memory"};
  if (signal == SIGABRT && run.log_tail.find("std::bad_alloc") != std::string::npos)
    return {task::FailureCode::exhausted, killed + ": it needed more memory than a worker may use; raise mole-node --memory"};
  return {task::FailureCode::crashed, killed};
}

Cause cause_of(const WorkerRun& run) {
  using enum ExitStatus::Kind;
  if (run.exit_status.out_of_memory && (run.exit_status.kind == killed || run.exit_status.kind == exited))
    return {task::FailureCode::exhausted,
            "its processes together needed more memory than a worker may use; raise mole-node --memory"};
  switch (run.exit_status.kind) {
    case ExitStatus::Kind::timed_out:
      return {task::FailureCode::hung, "still running after the limit of " + format_duration(run.wall_limit) +
                                           "; use shorter blocks or raise mole-node --wall-limit"};
    case ExitStatus::Kind::stalled:
      return {task::FailureCode::hung,
              "no progress for " + format_duration(run.stall_limit) + "; if a call may take longer, raise --stall-limit"};
    case ExitStatus::Kind::wrote_too_much:
      return {task::FailureCode::exhausted,
              "it wrote more than its part of the free space on the node's disk; use shorter blocks or free up space"};
    case ExitStatus::Kind::cancelled:
      return {task::FailureCode::cancelled, "cancelled"};
    case ExitStatus::Kind::killed:
      return cause_of_signal(run);
    case ExitStatus::Kind::exited:
      break;
  }
  return {task::FailureCode::crashed,
          "exited with code " + std::to_string(run.exit_status.value) + " before the task was finished"};
}

std::string call_text(const PluginCall& call) {
  const bool counted = call.call == "add" || call.call == "merge" || call.call == "finish" || call.call == "next";
  return ", in " + call.call + (counted ? " of batch " + std::to_string(call.batch) : "");
}

std::string plugin_name(const task::PluginUse& plugin) { return plugin.name + " " + plugin.version; }

// The worker writes "decoder NAME" or "downloader NAME" (docs/formats/call_record.md).
std::string shared_plugin(const task::Spec& spec, const std::string& module) {
  if (!spec.archive) return module;
  // `module` may be truncated (CallRecordBytes).
  const auto is_named = [&](const task::PluginUse& d) { return ("decoder " + d.name).starts_with(module); };
  const auto decoders = spec.archive->candidates();
  const auto decoder = std::ranges::find_if(decoders, is_named);
  const auto plugin = module.starts_with("downloader") ? "downloader " + plugin_name(spec.archive->downloader)
                      : decoder != decoders.end()      ? "decoder " + plugin_name(*decoder)
                                                       : module;
  return plugin + ", archive " + spec.archive->name;
}

bool not_run(const task::StepReport& step) { return step.outcome == task::Outcome::not_run; }

// Adds an entry for each step that the report does not mention.
void add_missing_steps(task::Report& report, const task::Spec& spec) {
  for (std::uint32_t i = 0; i < spec.steps.size(); ++i) {
    if (std::any_of(report.steps.begin(), report.steps.end(), [&](const auto& s) { return s.step == i; })) continue;
    task::StepReport step;
    step.step = i;
    step.outcome = task::Outcome::not_run;
    report.steps.push_back(step);
  }
}

void fail_step(task::Report& report, const task::Spec& spec, std::uint32_t index, const PluginCall& call, const Cause& cause) {
  const auto& step = spec.steps[index];
  for (auto& each : report.steps) {
    if (each.step != index) continue;
    each = {};  // the plugin terminated the worker, so its result is not trusted
    each.step = index;
    each.outcome = task::Outcome::failed;
    each.code = cause.code;
    each.message = "plugin " + plugin_name(step.plugin) + ", module " + step.pipeline + "/" + step.module + call_text(call) +
                   ": " + cause.text;
  }
  report.code = task::FailureCode::none;
  report.message.clear();
}

void fail_task(task::Report& report, task::FailureCode code, const std::string& message) {
  const bool some_done =
      std::any_of(report.steps.begin(), report.steps.end(), [](const auto& s) { return s.outcome == task::Outcome::done; });
  for (auto& step : report.steps)
    if (not_run(step)) step.message = message;
  report.code = some_done ? task::FailureCode::none : code;  // finished steps keep their results
  report.message = some_done ? "" : message;
}

}  // namespace

std::optional<PluginCall> read_call(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::array<char, 64> bytes{};
  const auto n = ::pread(fd, bytes.data(), bytes.size(), 0);
  ::close(fd);
  if (n != static_cast<ssize_t>(bytes.size()) || std::memcmp(bytes.data(), "MCAL", 4) != 0) return std::nullopt;
  PluginCall out;
  const auto call = at<std::uint16_t>(bytes, 6);
  const auto step = at<std::uint32_t>(bytes, 8);
  out.call = call < call_names.size() ? call_names[call] : "an unknown call";
  if (step != 0xffffffffu) out.step = step;
  out.batch = at<std::uint64_t>(bytes, 16);
  out.progress = at<std::uint64_t>(bytes, 24);
  out.module.assign(bytes.data() + 32, ::strnlen(bytes.data() + 32, 32));
  out.in_plugin = call != 0;
  return out;
}

std::string last_lines(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  auto start = text.size() - limit;
  const auto line = text.find('\n', start - 1);
  if (line != text.npos && line + 1 < text.size())
    start = line + 1;
  else  // one long line
    while (start < text.size() && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) ++start;
  return text.substr(start);
}

std::string log_tail(const std::filesystem::path& log) {
  const int fd = ::open(log.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);  // a plugin may have replaced it
  struct stat st {};
  if (fd < 0 || ::fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    if (fd >= 0) ::close(fd);
    return "";
  }
  const auto size = static_cast<std::size_t>(std::max<off_t>(st.st_size, 0));
  std::string bytes(std::min(size, max_failure_tail + 1), '\0');  // one more, to see whether a line begins there
  const auto n = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(size - bytes.size()));
  ::close(fd);
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return last_lines(escaped(bytes), max_failure_tail);
}

task::Report assign_fault(task::Report report, const task::Spec& spec, const WorkerRun& run) {
  report.task = spec.id;
  add_missing_steps(report, spec);
  // A worker exits only from its own code. If it was in a plugin call, the plugin called exit().
  const auto& call = run.call;
  const bool in_plugin = call && call->in_plugin;
  const bool clean = run.exit_status.clean() && !in_plugin;
  const bool some_not_run = spec.steps.empty() ? !clean : std::any_of(report.steps.begin(), report.steps.end(), not_run);
  const bool explained = clean && report.code != task::FailureCode::none;  // the worker itself reported the cause
  if (some_not_run && !explained) {
    const auto why = cause_of(run);
    if (in_plugin && call->step && *call->step < spec.steps.size())
      fail_step(report, spec, *call->step, *call, why);
    else if (in_plugin)
      fail_task(report, why.code, "plugin " + shared_plugin(spec, call->module) + call_text(*call) + ": " + why.text);
    else
      fail_task(report, why.code == task::FailureCode::crashed ? task::FailureCode::internal : why.code,
                run.process + ", outside any plugin: " + why.text);
  }
  const bool failed =
      some_not_run || report.code != task::FailureCode::none ||
      std::any_of(report.steps.begin(), report.steps.end(), [](const auto& s) { return s.outcome == task::Outcome::failed; });
  report.log_tail = failed ? run.log_tail : last_lines(run.log_tail, max_success_tail);
  return report;
}

WorkerRun at_fault(WorkerRun worker, WorkerRun staging) {
  using enum ExitStatus::Kind;
  const auto in_plugin = [](const WorkerRun& run) { return run.call && run.call->in_plugin; };
  auto& status = worker.exit_status;
  const bool waited = (status.kind == stalled || status.kind == timed_out) && in_plugin(staging) && !in_plugin(worker);
  const bool ended_early = status.kind == exited && status.value == EX_IOERR && !in_plugin(worker);
  if (ended_early && staging.exit_status.clean()) status.value = 0;  // the worker's report says what it knows
  const bool of_staging = waited || (ended_early && !staging.exit_status.clean());
  if (waited) staging.exit_status = status;
  auto& out = of_staging ? staging : worker;
  out.log_tail = last_lines((of_staging ? worker : staging).log_tail + out.log_tail, max_failure_tail);
  return std::move(out);
}

}  // namespace mole::nodes
