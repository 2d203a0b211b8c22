#include "coordinator/control/causes.hpp"

#include "coordinator/control/requests.hpp"

namespace mole::coordinator::control {

using jobs::Flag;

namespace {

constexpr std::size_t max_failures = 20;
constexpr auto needs_any = static_cast<std::uint8_t>(Flag::needs_state | Flag::needs_result);

// Quotes an argument for a shell.
std::string argument(const std::string& text) {
  static constexpr auto plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=:@,+-";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string manifest_of(const Request& request) { return request.manifest.empty() ? "MANIFEST" : argument(request.manifest); }

// Returns the command that computes one block of a module.
std::string run_command(const Request& request, const std::string& module, TimeRange block) {
  auto out = "mole run " + manifest_of(request) + " --module " + argument(module) + " --from " + format_time(block.from) +
             " --to " + format_time(block.to);
  for (const auto& override : request.overrides) out += " --set " + argument(override);
  return out + (request.partial ? " --partial" : "");
}

}  // namespace

LiveJob live_job(const State& state, const dag::Module& module, Micros from) {
  LiveJob out;
  out.node = state.scheduler.node_of({module.fingerprint, from});
  out.has_nodes = !state.scheduler.nodes(state.now()).empty();
  for (const auto& [number, request] : state.live) {
    const auto m = request.kind == RequestKind::run ? request.graph->find_module(module.name) : std::nullopt;
    if (!m || request.graph->modules[*m].fingerprint != module.fingerprint) continue;
    const auto* live = state.scheduler.plan(number);
    if (!live && request.range().contains(from)) out.listing = request.id;
    const auto in_plan = live ? live->graph->find_module(module.name) : std::nullopt;
    const auto flags = in_plan ? live->modules[*in_plan].flags_at(live->grid(*in_plan).number(from)) : std::uint8_t{0};
    if (flags & Flag::waits) out.waits = request.waits.empty() ? request.reason : request.waits.front();
    if (state.scheduler.lacks_sandbox(request.graph->require_sandbox))
      out.lacks_sandbox = cause_of_no_sandbox(request.graph->require_sandbox);
    if (live ? (flags & (Flag::requested | needs_any)) != 0 : request.range().contains(from)) out.requests.push_back(request.id);
  }
  return out;
}

std::vector<JobFailure> failures_in(const jobs::Plan& plan, const Failures& failures) {
  std::vector<JobFailure> out;
  for (std::size_t m = 0; m < plan.modules.size(); ++m)
    for (auto b = plan.modules[m].first; b < plan.modules[m].last() && out.size() < max_failures; ++b) {
      const auto from = plan.grid(m).start(b);
      const auto& module = plan.graph->modules[m];
      const auto failure = failures.find({module.fingerprint, from});
      if ((plan.modules[m].flags_at(b) & Flag::failed) && failure != failures.end())
        out.push_back(failure_document(*plan.graph, module, from, failure->second));
    }
  return out;
}

void add_cause(const LiveJob& live, const Request& request, const std::string& module, TimeRange block, JobExplanation& out) {
  const auto& failures = out.failures;
  switch (out.state) {
    case JobState::failed:
    case JobState::blocked:
      if (failures.empty())
        out.reason = request.reason;
      else
        out.reason = (out.state == JobState::failed ? "" : "blocked, because " + failures.front().job + " failed: ") +
                     failures.front().code + ": " + failures.front().message;
      if (failures.size() > 1) out.reason += "; and " + std::to_string(failures.size() - 1) + " more failed";
      out.remedy = "remove the cause of the failure, then compute the block again";
      break;
    case JobState::waiting:
      out.reason = live.waits;
      out.remedy = "list the archive again when it has more files, or compute the block without them (--partial)";
      out.command = "mole archive index " + manifest_of(request);
      return;
    case JobState::ready:
      if (!failures.empty())
        out.reason = "it will be tried again: attempt " + std::to_string(failures.front().attempts) +
                     " failed: " + failures.front().code + ": " + failures.front().message;
      else if (!live.listing.empty())
        out.reason = "request " + live.listing + " lists its archive first";
      if (!live.lacks_sandbox.empty()) {
        out.reason = live.lacks_sandbox;
        out.remedy = remedy_of_no_sandbox;
        return;
      }
      if (live.has_nodes) return;
      out.remedy = "no node is connected; start mole-node for this coordinator, or compute the block with mole run";
      break;
    case JobState::unrequested:
      out.remedy = "no request needs it; submit one to compute it";
      break;
    default:
      return;
  }
  out.command = run_command(request, module, block);
}

}  // namespace mole::coordinator::control
