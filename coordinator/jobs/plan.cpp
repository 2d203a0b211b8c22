#include "coordinator/jobs/plan.hpp"

#include "coordinator/manifest/manifest.hpp"
#include "sdk/model/filter.hpp"

#include <set>

namespace mole::coordinator::jobs {
namespace {

bool stopped(std::uint8_t flags) { return flags & (failed | blocked); }
// Needed, but will not be computed.
bool state_lost(std::uint8_t flags) { return (flags & needs_state) && stopped(flags); }
bool result_lost(std::uint8_t flags) { return (flags & needs_result) && stopped(flags); }
// Whether only the result is missing. A job whose state is missing can run even if its window cannot be filled.
bool row_only(std::uint8_t flags) { return (flags & (needs_state | needs_result)) == needs_result; }

bool inputs_lost(const Plan& plan, std::size_t m, std::int64_t b) {
  for (const auto& input : plan.graph->modules[m].inputs) {
    if (input.kind == InputKind::flows || !plan.reads(m, input, b)) continue;
    for (auto u = plan.inputs_from(m, input, b); u <= b; ++u)
      if (result_lost(plan.modules[input.source].flags_at(u))) return true;
  }
  return false;
}

// Propagates a failure to dependent jobs. Each job is stopped at most once, which limits the cost of any number of failures.
struct Propagation {
  Plan& plan;
  std::vector<std::pair<std::size_t, std::int64_t>> open = {};  // stopped jobs whose dependents have not been visited yet
  std::int64_t count = 0;

  std::int64_t fail(std::size_t m, std::int64_t b) {
    auto& flags = plan.modules[m].at(b);
    const bool fresh = !stopped(flags);
    flags = static_cast<std::uint8_t>((flags | failed) & ~blocked);
    if (fresh) stop(m, b);
    return run();
  }

  std::int64_t block_from(std::size_t m, std::int64_t b) {
    block(m, b);
    return run();
  }

  std::int64_t run() {
    while (!open.empty()) step();
    return count;
  }

  void stop(std::size_t m, std::int64_t b) {
    ++count;
    open.emplace_back(m, b);
  }

  void block(std::size_t m, std::int64_t b) {
    auto& planned = plan.modules[m];
    if (!planned.covers(b) || stopped(planned.at(b)) || !(planned.at(b) & (needs_state | needs_result))) return;
    planned.at(b) |= blocked;
    stop(m, b);
  }

  void step() {
    const auto [m, b] = open.back();
    open.pop_back();
    const auto& planned = plan.modules[m];
    const auto& module = plan.graph->modules[m];
    if (state_lost(planned.flags_at(b))) {
      if (module.since)
        block(m, b + 1);
      else
        for (auto u = b + 1; u <= b + planned.back; ++u)
          if (row_only(planned.flags_at(u)) && plan.window_from(m, u) <= b) block(m, u);
    }
    if (!result_lost(planned.flags_at(b))) return;
    for (std::size_t r = 0; r < plan.modules.size(); ++r)
      for (const auto& input : plan.graph->modules[r].inputs) {
        if (input.kind == InputKind::flows || input.source != m) continue;
        for (auto u = b; u <= b + plan.modules[r].warmup; ++u)
          if (plan.reads(r, input, u) && plan.inputs_from(r, input, u) <= b) block(r, u);
      }
  }
};

bool is_read(const Plan& plan, std::uint32_t archive, const FileConflict& conflict) {
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    const auto& module = plan.graph->modules[m];
    if (module.inputs[0].kind != InputKind::flows || module.inputs[0].source != archive) continue;
    // The index may not list the router, because its files are undecided.
    if (!module.routers.empty() && std::ranges::find(module.routers, conflict.router) == module.routers.end()) continue;
    if (const auto filter = parse_filter(module.filter); filter && !may_pass(*filter, conflict.router)) continue;
    const auto& grid = plan.grid(m);
    const auto last = grid.number(conflict.to + module.warmup);
    for (auto b = grid.number(conflict.from - plan.graph->archives[archive].lateness); b <= last; ++b)
      if (plan.reads_inputs(m, b) && plan.reach(m, b).overlaps({conflict.from, conflict.to})) return true;
  }
  return false;
}

std::vector<std::string> routers_in_filter(const dag::Module& module) {
  const auto filter = parse_filter(module.filter);
  return filter ? routers_named(*filter) : std::vector<std::string>();
}

}  // namespace

std::string known_routers(const ArchiveIndex& index, const std::string& router) {
  constexpr std::size_t max_listed = 10;
  const auto names = manifest::nearest_first(router, index.routers());
  if (names.empty()) return "";
  if (names == std::vector<std::string>{""}) return "; the names of its files contain no router";
  std::string out = "; it has files of ";
  for (std::size_t i = 0; i < std::min(max_listed, names.size()); ++i) out += (i ? ", " : "") + names[i];
  return out + (names.size() > max_listed ? ", ..." : "");
}

std::vector<std::string> Plan::routers(std::size_t module) const {
  const auto& m = graph->modules[module];
  if (m.inputs.empty() || m.inputs[0].kind != InputKind::flows) return {};
  auto selected = m.routers.empty() ? indexes[m.archive]->routers() : m.routers;
  const auto filter = parse_filter(m.filter);
  if (!filter || filter->any()) return selected;
  std::vector<std::string> passing;
  std::ranges::copy_if(selected, std::back_inserter(passing), [&](const std::string& name) { return may_pass(*filter, name); });
  return passing.empty() ? selected : passing;
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
  // The states of a window are merged into states that begin with the context of the result's intervals.
  return reads_inputs(module, block) || (input.kind == InputKind::context && (modules[module].flags_at(block) & needs_result));
}

std::int64_t Plan::window_from(std::size_t module, std::int64_t block) const {
  const auto& m = modules[module];
  return std::max(std::min(m.begin, block), block - m.back);
}

std::int64_t Plan::inputs_from(std::size_t module, const dag::Input& input, std::int64_t block) const {
  return std::max(std::min(modules[input.source].begin, block), block - modules[module].warmup);
}

std::vector<std::string> notes_on(const Plan& plan, TimeRange range) {
  std::set<std::string> notes;
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    const auto& module = plan.graph->modules[m];
    if (module.inputs[0].kind != InputKind::flows) continue;
    const auto archive = "the archive \"" + plan.graph->archives[module.archive].name + "\"";
    const auto& index = *plan.indexes[module.archive];
    const auto span = index.span(plan.routers(m));
    if (span && range.from < span->from && !module.since)
      notes.insert(archive + " begins at " + format_time(span->from) + ", after the start of the range");
    const auto known = index.routers();
    const auto note_unknown = [&](const std::vector<std::string>& routers, const char* key, const char* does) {
      for (const auto& router : routers)
        if (std::ranges::find(known, router) == known.end())
          notes.insert(archive + " has no file of router " + router + ", which \"" + key + "\" of the module \"" + module.name +
                       "\" " + does + known_routers(index, router));
    };
    note_unknown(module.routers, "where", "selects");
    note_unknown(routers_in_filter(module), "filter", "names");
    if (dag::scale_of(module) != Scale::sampling) continue;
    for (const auto& [router, rate] : plan.graph->archives[module.archive].sampling.routers)
      if (std::ranges::find(known, router) == known.end())
        notes.insert(archive + " has no file of router " + router + ", for which \"sampling\" gives a rate" +
                     known_routers(index, router));
  }
  return {notes.begin(), notes.end()};
}

Result<> check_routers(const Plan& plan) {
  for (const auto& module : plan.graph->modules) {
    if (module.inputs[0].kind != InputKind::flows) continue;
    const auto& index = *plan.indexes[module.archive];
    const auto known = index.routers();
    const auto filter = parse_filter(module.filter);
    const auto named = filter ? routers_named(*filter) : std::vector<std::string>();
    const auto& selected = module.routers.empty() ? known : module.routers;
    const auto unknown = std::ranges::find_if(named, [&](const auto& r) { return std::ranges::find(known, r) == known.end(); });
    if (unknown == named.end() || selected.empty() ||
        std::ranges::any_of(selected, [&](const auto& router) { return may_pass(*filter, router); }))
      continue;
    return missing("the filter of the module \"" + module.name + "\" selects no router of the archive \"" +
                   plan.graph->archives[module.archive].name + "\", which has no file of router " + *unknown +
                   known_routers(index, *unknown));
  }
  return {};
}

// Refuses a plan with a job that reads files of which it is not known which are right, and notes other conflicts.
Result<> check_conflicts(Plan& plan) {
  constexpr std::size_t max_notes = 5;
  for (std::uint32_t a = 0; a < plan.indexes.size(); ++a) {
    const auto about = "the archive " + plan.graph->archives[a].name + ": ";
    const auto& findings = plan.indexes[a]->findings();
    for (const auto& note : findings.notes) plan.notes.push_back(about + note);
    std::size_t noted = 0;
    for (const auto& conflict : findings.conflicts) {
      if (!is_read(plan, a, conflict)) continue;
      if (conflict.refused) return invalid(about + conflict.message);
      if (++noted <= max_notes) plan.notes.push_back(about + conflict.message);
    }
    if (noted > max_notes)
      plan.notes.push_back(about + std::to_string(noted - max_notes) +
                           " more times have several files; mole archive gaps lists them");
  }
  return {};
}

namespace {

// `is_read(module, block)`: whether the files of the block count.
std::vector<NeededFile> files_of_blocks(const Plan& plan, const std::function<bool(std::size_t, std::int64_t)>& is_read) {
  std::vector<NeededFile> out;
  for (std::uint32_t a = 0; a < plan.indexes.size(); ++a) {
    std::vector<bool> read(plan.indexes[a]->files().size());
    for (std::size_t m = 0; m < plan.modules.size(); ++m) {
      const auto& input = plan.graph->modules[m].inputs[0];
      if (input.kind != InputKind::flows || input.source != a) continue;
      const auto routers = plan.routers(m);
      for (auto b = plan.modules[m].first; b < plan.modules[m].last(); ++b) {
        if (!is_read(m, b)) continue;
        for (const auto& router : routers)
          plan.indexes[a]->slots(router, plan.reach(m, b), [&](std::uint32_t file, TimeRange) {
            if (file != ArchiveIndex::no_file) read[file] = true;
          });
      }
    }
    for (std::uint32_t f = 0; f < read.size(); ++f)
      if (read[f]) out.push_back({a, f});
  }
  return out;
}

}  // namespace

std::vector<NeededFile> needed_files(const Plan& plan) {
  return files_of_blocks(plan, [&](std::size_t m, std::int64_t b) { return plan.reads_inputs(m, b); });
}

std::size_t files_in_reach(const Plan& plan) {
  const auto has_files = [&](std::size_t m, std::int64_t b) {
    return plan.modules[m].covers(b) && !(plan.modules[m].flags_at(b) & waits);
  };
  return files_of_blocks(plan, has_files).size();
}

// ---- failures

void propagate_failures(Plan& plan) {
  for (std::size_t m = 0; m < plan.modules.size(); ++m) {
    auto& planned = plan.modules[m];
    const auto& module = plan.graph->modules[m];
    std::int64_t lost = INT64_MIN;  // last block whose state cannot be computed
    for (auto b = planned.first; b < planned.last(); ++b) {
      auto& flags = planned.at(b);
      flags &= static_cast<std::uint8_t>(~blocked);
      if (!(flags & (needs_state | needs_result))) continue;
      bool stuck = inputs_lost(plan, m, b);
      if (module.since)
        stuck = stuck || lost == b - 1;
      else if (module.window > 0 && row_only(flags))
        stuck = stuck || lost >= plan.window_from(m, b);
      if (stuck && !(flags & failed)) flags |= blocked;
      if (state_lost(flags)) lost = b;
    }
  }
}

std::int64_t give_up(Plan& plan, std::size_t module, std::int64_t block) {
  const auto& planned = plan.modules[module];
  if (!planned.covers(block) || !(planned.flags_at(block) & (needs_state | needs_result))) return 0;
  return Propagation{plan}.fail(module, block);
}

std::int64_t block_row_without_states(Plan& plan, std::size_t module, std::int64_t block) {
  const auto& planned = plan.modules[module];
  if (!row_only(planned.flags_at(block)) || stopped(planned.flags_at(block))) return 0;
  for (auto b = plan.window_from(module, block); b < block; ++b)
    if (state_lost(planned.flags_at(b))) return Propagation{plan}.block_from(module, block);
  return 0;
}

}  // namespace mole::coordinator::jobs
