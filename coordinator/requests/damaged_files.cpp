#include "coordinator/requests/damaged_files.hpp"

#include "coordinator/store/keys.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace mole::coordinator::requests {
namespace {

// Returns the parts of `covers` that are in none of the sorted ranges.
std::vector<Interval> others(TimeRange covers, const std::vector<TimeRange>& ranges) {
  std::vector<Interval> out;
  Micros at = covers.from;
  const auto add = [&](Micros to) {
    if (at < std::min(to, covers.to)) out.push_back({at, std::min(to, covers.to)});
  };
  for (const auto& range : ranges) {
    add(range.from);
    at = std::max(at, range.to);
  }
  add(covers.to);
  return out;
}

bool lost_in(const DamagedFile& file, TimeRange range) {
  return std::ranges::any_of(file.lost, [&](const Interval& lost) { return range.overlaps({lost.from, lost.to}); });
}

}  // namespace

DamagedFile damaged_file(const task::File& file, task::FileState state, const nlohmann::json& report, DamagePolicy policy) {
  DamagedFile out{.id = file.id, .state = state, .from = file.covers.from, .to = file.covers.to};
  const auto read = report.is_object() ? read_document<task::FileReport>(report) : invalid("no report");
  if (!read) {
    out.more_lost = true;
    out.lost = {{file.covers.from, file.covers.to}};
    return out;
  }
  out.lost_compressed = read->lost_compressed;
  out.lost_content = read->lost_content;
  out.decoder = read->decoder;
  out.exported_from = read->exported_first;
  out.exported_to = read->exported_last;
  const bool omitted = policy == DamagePolicy::skip;
  out.lost = others(file.covers, omitted ? std::vector<TimeRange>() : read->readable);
  out.flows_lost = read->flows_lost_in_damage + (omitted ? read->flows : 0);
  // Sequence numbers show what is lost between two readable parts, but not before the first or after the last one.
  const auto parts = others(file.covers, read->readable);
  const bool at_edge = !parts.empty() && (parts.front().from == file.covers.from || parts.back().to == file.covers.to);
  out.more_lost = at_edge || read->flows_lost_in_damage == 0;
  return out;
}

std::vector<DamagedFile> damaged_files(const store::Records& records, const jobs::Plan& plan, TimeRange range,
                                       std::size_t limit) {
  std::vector<DamagedFile> out;
  for (std::size_t a = 0; a < plan.indexes.size(); ++a) {
    if (!plan.indexes[a]) continue;
    const auto& archive = plan.graph->archives[a];
    const auto index = plan.graph->index_name(archive);
    const auto states = records.faulty_files(index);
    if (states.empty()) continue;
    std::set<std::string> routers;
    for (std::size_t m = 0; m < plan.modules.size(); ++m)
      if (plan.graph->modules[m].archive == a && plan.graph->modules[m].inputs[0].kind == InputKind::flows)
        for (auto& router : plan.routers(m)) routers.insert(router);
    const TimeRange exported{range.from, range.to + archive.export_delay.start.back().delay};
    for (const auto& [file, key] : plan.indexes[a]->files()) {
      const auto state = states.find(file.id);
      if (state == states.end() || !file.covers.overlaps(exported) || !routers.contains(file.router)) continue;
      auto damaged = damaged_file(file, state->second, records.json(store::Table::damage, store::keys::pair(index, file.id)),
                                  archive.damage);
      if (lost_in(damaged, exported)) out.push_back(std::move(damaged));
      if (out.size() == limit) return out;
    }
  }
  return out;
}

}  // namespace mole::coordinator::requests
