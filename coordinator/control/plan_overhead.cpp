#include "coordinator/control/plan_overhead.hpp"

#include "coordinator/tasks/fuse.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace mole::coordinator::control {
namespace {

constexpr double good_share = 0.05;       // of bytes that are read again; less is not worth a change of the blocks
constexpr std::int64_t max_factor = 100;  // of a proposed block length

using FileRef = std::pair<std::uint32_t, std::uint32_t>;  // archive, file

struct BlockFiles {
  std::set<FileRef> files;
  bool requested = false;
};

std::map<tasks::BlockRef, BlockFiles> files_by_block(const jobs::Plan& plan) {
  std::map<tasks::BlockRef, BlockFiles> out;
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    const auto& input = plan.graph->modules[m].inputs[0];
    if (input.kind != InputKind::flows) continue;
    const auto& planned = plan.modules[m];
    const auto routers = plan.routers(m);
    for (auto b = planned.first; b < planned.last(); ++b) {
      if (!plan.reads_inputs(m, b)) continue;
      auto& block = out[{planned.grid, b}];
      block.requested = block.requested || (planned.flags_at(b) & jobs::Flag::requested);
      for (const auto& router : routers)
        plan.indexes[input.source]->slots(router, plan.reach(m, b), [&](std::uint32_t file, TimeRange) {
          if (file != jobs::ArchiveIndex::no_file) block.files.insert({input.source, file});
        });
    }
  }
  return out;
}

}  // namespace

std::optional<PlanOverhead> overhead_of(const jobs::Plan& plan, double bytes_per_second) {
  std::map<FileRef, bool> files;  // -> whether a requested block reads it
  std::map<std::uint32_t, std::uint64_t> read_by_grid;
  PlanOverhead out;
  std::uint64_t read = 0, once = 0, before = 0;
  for (const auto& [ref, block] : files_by_block(plan)) {
    std::uint64_t bytes = 0;
    for (const auto& file : block.files) {
      bytes += plan.indexes[file.first]->files()[file.second].file.size;
      auto& requested = files.try_emplace(file, false).first->second;
      requested = requested || block.requested;
    }
    read += bytes;
    read_by_grid[ref.grid] += bytes;
    out.block_bytes = std::max(out.block_bytes, bytes);
  }
  for (const auto& [file, requested] : files) {
    const auto size = plan.indexes[file.first]->files()[file.second].file.size;
    once += size;
    before += requested ? 0 : size;
  }
  if (once == 0) return std::nullopt;
  const auto largest = std::ranges::max_element(read_by_grid, {}, [](const auto& entry) { return entry.second; });
  out.block_length = plan.grids[largest->first].length;
  out.borders = static_cast<double>(read - once) / static_cast<double>(once);
  out.before_range = static_cast<double>(before) / static_cast<double>(once);
  out.block_seconds = static_cast<double>(out.block_bytes) / bytes_per_second;
  if (out.borders > good_share) {  // each border is read again, however long the blocks are
    const auto factor = std::min(max_factor, static_cast<std::int64_t>(std::ceil(out.borders / good_share)));
    out.better_length = out.block_length * factor;
  }
  return out;
}

}  // namespace mole::coordinator::control
