#include "coordinator/tasks/fuse.hpp"

#include <set>
#include <string_view>

namespace mole::coordinator::tasks {
namespace {

using jobs::Flag;

struct Fuser {
  const jobs::Plan& plan;
  std::int64_t block;
  std::vector<bool> made_result;
  std::optional<std::uint32_t> archive = {};
  std::set<std::string_view> elements = {};  // that the steps read

  std::optional<FusedStep> try_module(std::uint32_t m) {
    const auto flags = plan.modules[m].flags_at(block);
    if (flags & (Flag::failed | Flag::blocked) || !(flags & (Flag::needs_state | Flag::needs_result))) return std::nullopt;
    const auto& module = plan.graph->modules[m];
    FusedStep step{m, false, false};
    if (module.window > 0) {
      step.make_state = (flags & Flag::needs_state) && inputs_ready(m, false);
      step.make_result = (flags & Flag::needs_result) && inputs_ready(m, true) && window_ready(m, step.make_state);
    } else if (inputs_ready(m, false) && chain_ready(m)) {
      step.make_state = module.since.has_value();  // a checkpoint for the block after this one
      step.make_result = flags & Flag::needs_result;
    }
    if (!step.make_state && !step.make_result) return std::nullopt;
    if (!room_for_elements(module) || !one_archive(module, step)) return std::nullopt;
    elements.insert(module.elements.begin(), module.elements.end());
    made_result[m] = step.make_result;
    return step;
  }

  // Whether upstream rows are present, or made by an earlier step of this task.
  bool inputs_ready(std::uint32_t m, bool only_context) const {
    for (const auto& input : plan.graph->modules[m].inputs) {
      if (input.kind == InputKind::flows || (only_context && input.kind != InputKind::context)) continue;
      for (auto b = plan.inputs_from(m, input, block); b <= block; ++b)
        if (!(b == block && made_result[input.source]) && !(plan.modules[input.source].flags_at(b) & Flag::has_result))
          return false;
    }
    return true;
  }

  bool chain_ready(std::uint32_t m) const {
    if (!plan.graph->modules[m].since || block == plan.modules[m].begin) return true;
    return plan.modules[m].flags_at(block - 1) & Flag::has_state;
  }

  bool window_ready(std::uint32_t m, bool makes_state) const {
    const auto& planned = plan.modules[m];
    if (!makes_state && !(planned.flags_at(block) & Flag::has_state)) return false;
    for (auto b = plan.window_from(m, block); b < block; ++b)
      if (!(planned.flags_at(b) & Flag::has_state)) return false;
    return true;
  }

  // Whether the steps together read no more information elements than a task can. If not, the module's job is left for the next
  // task over the block.
  bool room_for_elements(const dag::Module& module) const {
    auto all = elements;
    all.insert(module.elements.begin(), module.elements.end());
    return all.size() <= dag::max_elements;
  }

  // Whether the step reads the same archive as the earlier ones: a task stages files of one archive.
  bool one_archive(const dag::Module& module, const FusedStep& step) {
    if (module.inputs[0].kind != InputKind::flows || !reads_inputs(module, step)) return true;
    if (archive && *archive != module.inputs[0].source) return false;
    archive = module.inputs[0].source;
    return true;
  }
};

}  // namespace

bool reads_inputs(const dag::Module& module, const FusedStep& step) { return module.window > 0 ? step.make_state : true; }

std::vector<FusedStep> fuse(const jobs::Plan& plan, BlockRef block, std::size_t limit,
                            const std::function<bool(std::uint32_t)>& available) {
  std::vector<FusedStep> steps;
  Fuser fuser{plan, block.number, std::vector<bool>(plan.modules.size())};
  for (std::uint32_t m = 0; m < plan.modules.size() && steps.size() < limit; ++m) {
    if (plan.modules[m].grid != block.grid || !available(m)) continue;
    if (const auto step = fuser.try_module(m)) steps.push_back(*step);
  }
  return steps;
}

}  // namespace mole::coordinator::tasks
