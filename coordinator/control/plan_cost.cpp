#include "coordinator/control/plan_cost.hpp"

#include <algorithm>
#include <utility>

namespace mole::coordinator::control {
namespace {

std::vector<leases::ForecastNode> nodes_of(const StagingState& state, const StagingWhatIf& what_if) {
  constexpr std::uint64_t unlimited = std::uint64_t{1} << 60;
  auto nodes = state.nodes;
  if (nodes.empty()) nodes.push_back({"node", 0, 1});
  // If any node fetches files, the others run no block with files on media.
  if (std::ranges::any_of(nodes, [](const auto& node) { return node.cache_limit > 0; }))
    std::erase_if(nodes, [](const auto& node) { return node.cache_limit == 0; });
  if (what_if.nodes > 0) {
    const auto first = nodes.front();
    const auto known = nodes.size();
    nodes.resize(what_if.nodes, first);
    for (std::size_t n = known; n < nodes.size(); ++n) nodes[n].name = "node " + std::to_string(n);
  }
  for (auto& node : nodes) {
    if (what_if.cache_bytes > 0) node.cache_limit = what_if.cache_bytes;
    if (node.cache_limit == 0) node.cache_limit = unlimited;  // it fetches no files in advance
  }
  return nodes;
}

// Multiplies the times of one part of the forecast.
leases::StagingRates slower(leases::StagingRates rates, double factor) {
  rates.mount_seconds *= factor;
  rates.file_seconds *= factor;
  rates.bytes_per_second /= factor;
  return rates;
}

}  // namespace

StagingState staging_state(const State& state) {
  StagingState out;
  for (const auto& node : state.scheduler.nodes(state.now())) {
    const auto row = state.nodes.find(node.info.name);
    if (!node.draining && (row == state.nodes.end() || !row->second.lost))
      out.nodes.push_back({node.info.name, node.info.cache_limit, node.info.slots});
  }
  out.held = state.scheduler.held_files();
  out.times = state.times;
  out.wall = state.wall();
  return out;
}

StagingCost staging_cost(const std::vector<leases::WantedBlock>& blocks, bool in_order, const StagingState& state,
                         const LibraryDrives& drives, const StagingWhatIf& what_if) {
  StagingCost out;
  std::map<std::string, leases::StagingRates> rates;
  out.batches = UINT64_MAX;
  for (const auto& block : blocks)
    for (const auto& file : block.files) {
      const auto& library = file.medium.library;
      if (rates.contains(library)) continue;
      out.batches = std::min(out.batches, (rates[library] = state.times.rates_of(library)).batches);
      const auto now = what_if.drives > 0 ? static_cast<std::uint32_t>(what_if.drives) : drives.at(library, state.wall);
      out.drives = std::max<std::uint64_t>(out.drives, now);
    }
  if (rates.empty()) out.batches = 0;
  const auto nodes = nodes_of(state, what_if);
  out.nodes = nodes.size();
  const auto decoding = state.times.decode_rate();
  const auto run = [&](double leases::StagingRates::*staging_factor, double decode_factor) {
    leases::ForecastInput input{.blocks = blocks, .in_order = in_order, .nodes = nodes, .held = state.held};
    input.drives = [&](const std::string& library, double seconds) {
      if (what_if.drives > 0) return static_cast<std::uint32_t>(what_if.drives);
      return drives.at(library, state.wall + static_cast<Micros>(seconds * second_us));
    };
    for (const auto& [library, known] : rates)
      input.rates[library] = staging_factor ? slower(known, known.*staging_factor) : known;
    input.compute_seconds_per_byte = decode_factor / decoding.bytes_per_second;
    return leases::forecast(std::move(input));
  };
  out.expected = run(nullptr, 1);
  out.low_seconds = run(&leases::StagingRates::low, decoding.low).elapsed_seconds;
  out.high_seconds = run(&leases::StagingRates::high, decoding.high).elapsed_seconds;
  return out;
}

std::optional<PlanStaging> plan_staging(const jobs::Plan& plan, const StagingState& state, const StagingWhatIf& what_if,
                                        const std::set<FileRef>& on_media) {
  if (on_media.empty()) return std::nullopt;
  const auto blocks = leases::blocks_on_media(plan, [&](std::size_t archive, std::uint32_t file) {
    return on_media.contains({static_cast<std::uint32_t>(archive), file});
  });
  if (blocks.empty()) return std::nullopt;
  LibraryDrives drives;
  drives.add(*plan.graph);
  const auto cost = staging_cost(blocks, leases::runs_in_order(plan), state, drives, what_if);
  PlanStaging out;
  out.files = cost.expected.files;
  out.bytes = cost.expected.bytes;
  out.media = cost.expected.media;
  out.mounts = cost.expected.mounts;
  out.cache_bytes = cost.expected.cache_bytes;
  out.drive_seconds = cost.expected.drive_seconds;
  out.compute_seconds = cost.expected.compute_seconds;
  out.seconds = cost.expected.elapsed_seconds;
  out.low_seconds = cost.low_seconds;
  out.high_seconds = cost.high_seconds;
  out.batches = cost.batches;
  out.drives = cost.drives;
  out.nodes = cost.nodes;
  return out;
}

}  // namespace mole::coordinator::control
