#include "nodes/daemon/verdict.hpp"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace mole::nodes {
namespace {

constexpr std::size_t tail_bytes = 64u << 10;

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return "signal " + std::to_string(signal) + (name ? " (SIG" + std::string(name) + ")" : "");
}

struct Cause {
  std::string code, text;
};

bool ran_out_of_memory(const Evidence& e) { return e.log_tail.find("std::bad_alloc") != std::string::npos; }

Cause cause_of_signal(const Evidence& e) {
  const std::string killed = "killed by " + signal_name(e.ending.value);
  if (e.ending.value == SIGXFSZ) return {"exhausted", killed + ": it wrote a file beyond the limit"};
  if (e.ending.value == SIGKILL) return {"exhausted", killed + " by the system, most likely for want of memory"};
  if (e.ending.value == SIGABRT && ran_out_of_memory(e))
    return {"exhausted", killed + ": it took more memory than a worker is given (mole-node --memory)"};
  return {"crashed", killed};
}

Cause cause(const Evidence& e) {
  switch (e.ending.kind) {
    case Ending::Kind::out_of_time:
      return {"hung", "still running after the limit of " + format_duration(e.wall_limit) + " (mole-node --wall-limit)"};
    case Ending::Kind::stalled:
      return {"hung", "no sign of life for " + format_duration(e.stall_limit) + " (mole-node --stall-limit)"};
    case Ending::Kind::cancelled:
      return {"cancelled", "cancelled"};
    case Ending::Kind::killed:
      return cause_of_signal(e);
    case Ending::Kind::exited:
      break;
  }
  return {"crashed", "ended the worker with exit code " + std::to_string(e.ending.value) + " before its work was done"};
}

std::string where(const PluginCall& call) {
  const bool counted = call.call == "add" || call.call == "merge" || call.call == "finish" || call.call == "next";
  return ", in " + call.call + (counted ? " of batch " + std::to_string(call.batch) : "");
}

std::string plugin_name(const task::PluginUse& plugin) { return plugin.name + " " + plugin.version; }

// The worker writes "decoder NAME" or "downloader NAME" (docs/formats/call_record.md).
std::string shared_plugin(const task::Spec& spec, const std::string& module) {
  if (!spec.archive) return module;
  const bool decoder = module.starts_with("decoder");
  return (decoder ? "decoder " : "downloader ") + plugin_name(decoder ? spec.archive->decoder : spec.archive->downloader) +
         ", archive " + spec.archive->name;
}

bool undone(const task::StepReport& step) { return step.outcome == "not_run"; }

// Every step of the spec gets an entry, so that nothing is passed over in silence.
void complete_steps(task::Report& report, const task::Spec& spec) {
  for (std::uint32_t i = 0; i < spec.steps.size(); ++i) {
    if (std::any_of(report.steps.begin(), report.steps.end(), [&](const auto& s) { return s.step == i; })) continue;
    task::StepReport step;
    step.step = i;
    step.outcome = "not_run";
    report.steps.push_back(step);
  }
}

void blame_step(task::Report& report, const task::Spec& spec, std::uint32_t index, const PluginCall& call, const Cause& why) {
  const auto& step = spec.steps[index];
  for (auto& each : report.steps) {
    if (each.step != index) continue;
    each = {};  // a result of a plugin that then took the worker down is not believed
    each.step = index;
    each.outcome = "failed";
    each.code = why.code;
    each.message =
        "plugin " + plugin_name(step.plugin) + ", module " + step.pipeline + "/" + step.module + where(call) + ": " + why.text;
  }
  report.code.clear();
  report.message.clear();
}

void blame_task(task::Report& report, const std::string& code, const std::string& message) {
  const bool some_done = std::any_of(report.steps.begin(), report.steps.end(), [](const auto& s) { return s.outcome == "done"; });
  for (auto& step : report.steps)
    if (undone(step)) step.message = message;
  report.code = some_done ? "" : code;  // what was finished counts
  report.message = some_done ? "" : message;
}

}  // namespace

task::Report judge(task::Report report, const task::Spec& spec, const Evidence& evidence) {
  report.task = spec.id;
  complete_steps(report, spec);
  // A worker that ends by itself is back in its own code; exit() called by a plugin looks clean but for that.
  const bool clean = evidence.ending.clean() && !(evidence.call && evidence.call->in_plugin);
  const bool something_undone = spec.steps.empty() ? !clean : std::any_of(report.steps.begin(), report.steps.end(), undone);
  const bool told = clean && !report.code.empty();  // the worker said itself why
  if (something_undone && !told) {
    const auto why = cause(evidence);
    const auto& call = evidence.call;
    if (call && call->in_plugin && call->step && *call->step < spec.steps.size())
      blame_step(report, spec, *call->step, *call, why);
    else if (call && call->in_plugin)
      blame_task(report, why.code, "plugin " + shared_plugin(spec, call->module) + where(*call) + ": " + why.text);
    else
      blame_task(report, why.code == "crashed" ? "internal" : why.code, "the worker, outside any plugin: " + why.text);
  }
  const bool failed = something_undone || !report.code.empty() ||
                      std::any_of(report.steps.begin(), report.steps.end(), [](const auto& s) { return s.outcome == "failed"; });
  if (failed) report.log_tail = evidence.log_tail;
  return report;
}

namespace {

// Length of the well-formed UTF-8 sequence at the front; 0: none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::size_t length = 0;
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xc2 && byte(0) <= 0xdf)
    length = 2;
  else if ((byte(0) & 0xf0) == 0xe0)
    length = 3;
  else if (byte(0) >= 0xf0 && byte(0) <= 0xf4)
    length = 4;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (byte(0) == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
  if (byte(0) == 0xed && byte(1) > 0x9f) return 0;  // surrogate
  if (byte(0) == 0xf0 && byte(1) < 0x90) return 0;  // overlong
  if (byte(0) == 0xf4 && byte(1) > 0x8f) return 0;  // beyond Unicode
  return length;
}

std::string escaped(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto c = static_cast<unsigned char>(bytes.front());
    const bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
    auto length = control ? 0 : utf8_length(bytes);
    if (length == 2 && c == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0) length = 0;  // C1 controls
    if (length == 0) {
      out += "\\x";
      out += "0123456789abcdef"[c >> 4];
      out += "0123456789abcdef"[c & 15];
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

std::string log_tail(const std::filesystem::path& log) {
  const int fd = ::open(log.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  struct stat st {};
  ::fstat(fd, &st);
  const auto size = static_cast<std::size_t>(std::max<off_t>(st.st_size, 0));
  std::string bytes(std::min(size, tail_bytes), '\0');
  const auto n = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(size - bytes.size()));
  ::close(fd);
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  auto out = escaped(bytes);
  if (out.size() > tail_bytes) out.erase(0, out.size() - tail_bytes);
  if (size > tail_bytes || out.size() == tail_bytes)
    if (const auto line = out.find('\n'); line != out.npos) out.erase(0, line + 1);
  return out;
}

}  // namespace mole::nodes
