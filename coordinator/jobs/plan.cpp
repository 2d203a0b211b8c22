#include "coordinator/jobs/plan.hpp"

namespace mole::coordinator::jobs {

std::vector<std::string> Plan::routers(std::size_t module) const {
  const auto& m = graph->modules[module];
  if (m.inputs.empty() || m.inputs[0].kind != InputKind::flows) return {};
  return m.routers.empty() ? indexes[m.archive]->routers() : m.routers;
}

TimeRange Plan::reach(std::size_t module, std::int64_t block) const {
  const auto range = grid(module).block(block);
  const auto& m = graph->modules[module];
  return {range.from - m.warmup, range.to + graph->archives[m.archive].lateness};
}

bool Plan::reads_inputs(std::size_t module, std::int64_t block) const {
  const auto flags = modules[module].flags_at(block);
  if (graph->modules[module].window > 0) return flags & needs_state;
  return flags & (needs_state | needs_result);
}

bool Plan::reads(std::size_t module, const dag::Input& input, std::int64_t block) const {
  // The states a window's row is merged into begin with the context of their own interval.
  return reads_inputs(module, block) || (input.kind == InputKind::context && (modules[module].flags_at(block) & needs_result));
}

std::int64_t Plan::window_from(std::size_t module, std::int64_t block) const {
  const auto& m = modules[module];
  return std::max(std::min(m.begin, block), block - m.back);
}

std::int64_t Plan::inputs_from(std::size_t module, const dag::Input& input, std::int64_t block) const {
  return std::max(std::min(modules[input.source].begin, block), block - modules[module].warmup);
}

std::vector<NeededFile> needed_files(const Plan& plan) {
  std::vector<NeededFile> out;
  for (std::uint32_t a = 0; a < plan.indexes.size(); ++a) {
    std::vector<std::uint32_t> blocks_of(plan.indexes[a]->files().size());
    std::vector<std::int64_t> last_block(blocks_of.size(), INT64_MIN);
    // Modules on one archive share its grid, so a file is counted once for a block however many modules read it there.
    std::int64_t first = INT64_MAX, last = INT64_MIN;
    std::vector<std::pair<std::size_t, std::vector<std::string>>> readers;
    for (std::size_t m = 0; m < plan.modules.size(); ++m) {
      const auto& inputs = plan.graph->modules[m].inputs;
      if (inputs[0].kind != InputKind::flows || inputs[0].source != a || plan.modules[m].flags.empty()) continue;
      readers.emplace_back(m, plan.routers(m));
      first = std::min(first, plan.modules[m].first);
      last = std::max(last, plan.modules[m].last());
    }
    for (auto b = first; b < last; ++b)
      for (const auto& [m, routers] : readers) {
        if (!plan.reads_inputs(m, b)) continue;
        for (const auto& router : routers)
          plan.indexes[a]->slots(router, plan.reach(m, b), [&](std::uint32_t file, TimeRange) {
            if (file == ArchiveIndex::no_file || last_block[file] == b) return;
            last_block[file] = b;
            ++blocks_of[file];
          });
      }
    for (std::uint32_t f = 0; f < blocks_of.size(); ++f)
      if (blocks_of[f]) out.push_back({a, f, blocks_of[f]});
  }
  return out;
}

}  // namespace mole::coordinator::jobs
