#include "coordinator/control/plan_cost.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace mole::coordinator::control {
namespace {

// The files on media that each unfinished block reads.
std::map<tasks::BlockRef, std::set<FileRef>> files_by_block(const jobs::Plan& plan, const std::set<FileRef>& on_media) {
  std::map<tasks::BlockRef, std::set<FileRef>> out;
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    const auto& input = plan.graph->modules[m].inputs[0];
    if (input.kind != InputKind::flows) continue;
    const auto routers = plan.routers(m);
    for (auto b = plan.modules[m].first; b < plan.modules[m].last(); ++b) {
      if (!plan.reads_inputs(m, b)) continue;
      for (const auto& router : routers)
        plan.indexes[input.source]->slots(router, plan.reach(m, b), [&](std::uint32_t file, TimeRange) {
          if (on_media.contains({input.source, file})) out[{plan.modules[m].grid, b}].insert({input.source, file});
        });
    }
  }
  return out;
}

std::vector<leases::WantedBlock> blocks_on_media(const jobs::Plan& plan, const std::set<FileRef>& on_media) {
  std::vector<leases::WantedBlock> out;
  for (const auto& [block, files] : files_by_block(plan, on_media)) {
    leases::WantedBlock wanted{block, {}};
    for (const auto& [archive, number] : files) {
      const auto& file = plan.indexes[archive]->files()[number].file;
      const auto library = text_of(plan.graph->archives[archive].identity);
      const auto key = Hasher().field(library).field(file.id).finish();
      wanted.files.push_back({key, {library, file.medium}, file.position, file.size, plan.graph->archives[archive].name});
    }
    out.push_back(std::move(wanted));
  }
  return out;
}

// A block of a sequential module needs the checkpoint of the block before it.
bool reads_in_order(const jobs::Plan& plan) {
  return std::ranges::any_of(plan.graph->modules, [](const dag::Module& module) { return static_cast<bool>(module.since); });
}

std::vector<leases::ForecastNode> nodes_of(const StagingContext& context) {
  constexpr std::uint64_t unlimited = std::uint64_t{1} << 60;
  auto nodes = context.nodes;
  if (nodes.empty()) nodes.push_back({"node", 0, 1});
  if (const auto count = context.what_if.nodes; count > 0) {
    const auto first = nodes.front();
    nodes.assign(count, first);
    for (std::size_t n = 0; n < nodes.size(); ++n) nodes[n].name = "node" + std::to_string(n);
  }
  for (auto& node : nodes) {
    if (context.what_if.cache_bytes > 0) node.cache_limit = context.what_if.cache_bytes;
    if (node.cache_limit == 0) node.cache_limit = unlimited;
  }
  return nodes;
}

}  // namespace

std::optional<PlanStaging> staging_cost(const jobs::Plan& plan, const StagingContext& context) {
  if (context.on_media.empty()) return std::nullopt;
  leases::ForecastInput input;
  input.blocks = blocks_on_media(plan, context.on_media);
  input.in_order = reads_in_order(plan);
  input.nodes = nodes_of(context);
  input.compute_seconds_per_byte = 1 / context.bytes_per_second;
  PlanStaging out;
  if (context.what_if.drives > 0) input.drives = static_cast<std::uint32_t>(context.what_if.drives);
  out.drives = input.drives;
  out.nodes = input.nodes.size();
  const auto cost = leases::forecast(std::move(input));
  out.files = cost.files;
  out.bytes = cost.bytes;
  out.media = cost.media;
  out.mounts = cost.mounts;
  out.cache_bytes = cost.cache_bytes;
  out.drive_seconds = cost.drive_seconds;
  out.compute_seconds = cost.compute_seconds;
  out.seconds = cost.elapsed_seconds;
  return out;
}

}  // namespace mole::coordinator::control
