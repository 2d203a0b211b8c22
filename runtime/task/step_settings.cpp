#include "runtime/task/step_settings.hpp"

#include <algorithm>

namespace mole::runtime {
namespace {

Result<HomeFilters> parse_home(const task::Archive& archive) {
  if (archive.home.source.empty()) return invalid("by: direction requires `home`; set it in the archive '" + archive.name + "'");
  MOLE_TRY(auto source, parse_filter(archive.home.source));
  MOLE_TRY(auto destination, parse_filter(archive.home.destination));
  return HomeFilters{std::move(source), std::move(destination)};
}

Result<std::vector<Dimension>> parse_by(const task::Step& step, const task::Spec& spec) {
  auto by = dimensions_named(step.by);
  if (!by) return by;
  if (auto set = set_totals(*by, step.totals); !set) return set.error();
  const bool router_total =
      std::any_of(by->begin(), by->end(), [](const Dimension& d) { return d.kind == Dimension::Kind::router && d.total; });
  if (router_total &&
      std::any_of(spec.files.begin(), spec.files.end(), [](const task::File& f) { return f.router == all_members; }))
    return invalid("a router is named 'all', like the total over routers; remove router from `totals`");
  return by;
}

Result<> check_time(const task::Step& step, bool sequential) {
  if (step.window < 0 || step.window % step.interval != 0)
    return invalid("window " + format_duration(step.window) + " is not a multiple of the interval " +
                   format_duration(step.interval) + "; choose one that is");
  if (step.window / step.interval > 1'000'000)
    return invalid("window " + format_duration(step.window) + " has more than a million intervals; choose a longer interval");
  if (sequential && step.window > 0)
    return invalid("a sequential module has no window, because its states cannot be merged; remove `window`");
  if (sequential && step.load != Load::start) return invalid("a sequential module counts flows at their start; remove `load`");
  if (step.load == Load::proportional)
    return unsupported("load: proportional is not available in this version; choose start or end");
  if (step.warmup < 0 || step.warmup % step.interval != 0)
    return invalid("warmup " + format_duration(step.warmup) + " is not a multiple of the interval " +
                   format_duration(step.interval) + "; choose one that is");
  return {};
}

}  // namespace

Result<StepSettings> parse_settings(const task::Step& step, const task::Spec& spec) {
  const bool sequential = step.execution == Execution::sequential;
  if (step.execution == Execution::block) return unsupported("block modules are not available in this version");
  StepSettings out;
  MOLE_TRY(auto by, parse_by(step, spec));
  out.by = std::move(by);
  const bool reads_flows =
      std::any_of(step.inputs.begin(), step.inputs.end(), [](const task::Input& i) { return i.kind == InputKind::flows; });
  if (!step.totals.empty() && sequential && reads_flows)
    return invalid("the states of a sequential module cannot be merged into totals; remove `totals`");
  MOLE_TRY(out.grid, IntervalGrid::over(spec.block, step.interval));
  MOLE_TRY(out.filter, parse_filter(step.filter));
  const bool by_direction =
      std::any_of(out.by.begin(), out.by.end(), [](const Dimension& d) { return d.kind == Dimension::Kind::direction; });
  if (by_direction && spec.archive) {
    MOLE_TRY(out.home, parse_home(*spec.archive));
  }
  if (auto checked = check_time(step, sequential); !checked) return checked.error();
  return out;
}

}  // namespace mole::runtime
