#include "coordinator/tasks/fuse.hpp"

namespace mole::coordinator::tasks {
namespace {

using jobs::Flag;

class Fuser {
 public:
  Fuser(const jobs::Plan& plan, BlockRef block) : plan_(plan), block_(block.number), made_result_(plan.modules.size()) {}

  std::optional<FusedStep> try_module(std::uint32_t m) {
    const auto flags = plan_.modules[m].flags_at(block_);
    if (flags & (Flag::failed | Flag::blocked) || !(flags & (Flag::needs_state | Flag::needs_result))) return std::nullopt;
    const auto& module = plan_.graph->modules[m];
    FusedStep step{m, false, false};
    if (module.window > 0) {
      step.make_state = (flags & Flag::needs_state) && inputs_ready(m, false);
      step.make_result = (flags & Flag::needs_result) && inputs_ready(m, true) && window_ready(m, step.make_state);
    } else if (inputs_ready(m, false) && chain_ready(m)) {
      step.make_state = module.since.has_value();  // a checkpoint for the block after this one
      step.make_result = flags & Flag::needs_result;
    }
    if (!step.make_state && !step.make_result) return std::nullopt;
    if (!one_archive(module, step)) return std::nullopt;
    made_result_[m] = step.make_result;
    return step;
  }

 private:
  // Whether upstream rows are present, or made by an earlier step of this task.
  bool inputs_ready(std::uint32_t m, bool only_context) const {
    for (const auto& input : plan_.graph->modules[m].inputs) {
      if (input.kind == InputKind::flows || (only_context && input.kind != InputKind::context)) continue;
      for (auto b = plan_.inputs_from(m, input, block_); b <= block_; ++b)
        if (!(b == block_ && made_result_[input.source]) && !(plan_.modules[input.source].flags_at(b) & Flag::has_result))
          return false;
    }
    return true;
  }

  bool chain_ready(std::uint32_t m) const {
    if (!plan_.graph->modules[m].since || block_ == plan_.modules[m].begin) return true;
    return plan_.modules[m].flags_at(block_ - 1) & Flag::has_state;
  }

  bool window_ready(std::uint32_t m, bool makes_own) const {
    const auto& mine = plan_.modules[m];
    if (!makes_own && !(mine.flags_at(block_) & Flag::has_state)) return false;
    for (auto b = plan_.window_from(m, block_); b < block_; ++b)
      if (!(mine.flags_at(b) & Flag::has_state)) return false;
    return true;
  }

  // Whether the step reads the same archive as the earlier ones: a task stages files of one archive.
  bool one_archive(const dag::Module& module, const FusedStep& step) {
    if (module.inputs[0].kind != InputKind::flows || !reads_inputs(module, step)) return true;
    if (archive_ && *archive_ != module.inputs[0].source) return false;
    archive_ = module.inputs[0].source;
    return true;
  }

  const jobs::Plan& plan_;
  std::int64_t block_;
  std::vector<bool> made_result_;
  std::optional<std::uint32_t> archive_;
};

}  // namespace

bool reads_inputs(const dag::Module& module, const FusedStep& step) { return module.window > 0 ? step.make_state : true; }

std::vector<FusedStep> fuse(const jobs::Plan& plan, BlockRef block, std::size_t limit,
                            const std::function<bool(std::uint32_t)>& available) {
  std::vector<FusedStep> steps;
  Fuser fuser(plan, block);
  for (std::uint32_t m = 0; m < plan.modules.size() && steps.size() < limit; ++m) {
    if (plan.modules[m].grid != block.grid || !available(m)) continue;
    if (const auto step = fuser.try_module(m)) steps.push_back(*step);
  }
  return steps;
}

}  // namespace mole::coordinator::tasks
