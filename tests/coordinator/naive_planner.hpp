// Reference planner that follows the definition directly: recursion over single jobs, windows by time, plain sets. Deliberately
// slow and simple; the real planner must find the same jobs.
#pragma once

#include "coordinator/jobs/plan.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace mole::test {

using Job = std::pair<std::uint32_t, std::int64_t>;  // module, block number

struct Needs {
  std::set<Job> states, results;  // to be computed
  std::set<std::string> files;    // to be read
  bool operator==(const Needs&) const = default;
};

class NaivePlanner {
 public:
  NaivePlanner(const coordinator::dag::Graph& graph, const std::vector<const coordinator::jobs::ArchiveIndex*>& indexes,
               std::set<Job> has_state, std::set<Job> has_result)
      : graph_(graph), indexes_(indexes), has_state_(std::move(has_state)), has_result_(std::move(has_result)) {
    for (std::uint32_t m = 0; m < graph.modules.size(); ++m) begins_.push_back(begin_of(m));
  }

  Needs plan(const std::vector<std::uint32_t>& modules, TimeRange range) {
    needs_ = {};
    for (const auto m : modules) {
      const auto& a = graph_.grid(graph_.modules[m]);
      for (auto b = number(a, range.from); start(a, b) < range.to; ++b)
        if (b >= begins_[m]) need_result(m, b);
    }
    return needs_;
  }

 private:
  static std::int64_t number(const coordinator::dag::Archive& a, Micros t) {
    return floor_div(t - a.block_origin, a.block_length);
  }
  static Micros start(const coordinator::dag::Archive& a, std::int64_t b) { return a.block_origin + b * a.block_length; }

  std::int64_t begin_of(std::uint32_t m) const {
    const auto& module = graph_.modules[m];
    std::int64_t begin = INT64_MAX;
    std::int64_t floor = INT64_MIN;
    for (const auto& input : module.inputs) {
      if (input.kind == InputKind::flows) {
        Micros first = INT64_MAX;
        for (const auto& f : indexes_[input.source]->files())
          if (module.routers.empty() || std::count(module.routers.begin(), module.routers.end(), f.file.router))
            first = std::min(first, f.file.covers.from);
        begin = std::min(begin, number(graph_.archives[input.source], first));
      } else {
        begin = std::min(begin, begins_[input.source]);
        if (chained(input.source)) floor = std::max(floor, begins_[input.source]);
      }
    }
    if (module.since) floor = std::max(floor, number(graph_.grid(module), *module.since));
    return std::max(begin, floor);
  }

  // Whether the module or one it reads has `since`: no block exists before its start.
  bool chained(std::uint32_t m) const {
    const auto& module = graph_.modules[m];
    return module.since || std::any_of(module.inputs.begin(), module.inputs.end(),
                                       [&](const auto& i) { return i.kind != InputKind::flows && chained(i.source); });
  }

  // Returns the blocks that overlap `range` and are not before `begin`; a block before `begin` reaches only itself (`own`).
  std::vector<std::int64_t> overlapping(const coordinator::dag::Archive& a, TimeRange range, std::int64_t begin,
                                        std::int64_t own) const {
    std::vector<std::int64_t> out;
    for (auto b = number(a, range.from); start(a, b) < range.to; ++b)
      if (b >= begin || b == own) out.push_back(b);
    return out;
  }

  void need_result(std::uint32_t m, std::int64_t b) {
    if (has_result_.contains({m, b}) || !needs_.results.insert({m, b}).second) return;
    const auto& module = graph_.modules[m];
    const auto& a = graph_.grid(module);
    if (module.window == 0) {
      if (module.since && b > begins_[m]) need_state(m, b - 1);
      return need_inputs(m, b);
    }
    for (const auto x : overlapping(a, {start(a, b) + module.interval - module.window, start(a, b + 1)}, begins_[m], b))
      if (x <= b) need_state(m, x);
    for (const auto& input : module.inputs)
      if (input.kind == InputKind::context) need_result(input.source, b);
  }

  void need_state(std::uint32_t m, std::int64_t b) {
    if (has_state_.contains({m, b}) || !needs_.states.insert({m, b}).second) return;
    if (graph_.modules[m].since && b > begins_[m]) need_state(m, b - 1);
    need_inputs(m, b);
  }

  void need_inputs(std::uint32_t m, std::int64_t b) {
    const auto& module = graph_.modules[m];
    const auto& a = graph_.grid(module);
    for (const auto& input : module.inputs) {
      if (input.kind == InputKind::flows) {
        const TimeRange reach{start(a, b) - module.warmup, start(a, b + 1) + graph_.archives[input.source].lateness};
        const auto& files = indexes_[input.source]->files();  // sorted by router, then time
        for (const auto& router : module.routers.empty() ? indexes_[input.source]->routers() : module.routers) {
          auto f = std::lower_bound(
              files.begin(), files.end(), std::pair(router, reach.from - 2 * graph_.archives[input.source].covers),
              [](const auto& x, const auto& y) { return std::pair(x.file.router, x.file.covers.from) < y; });
          for (; f != files.end() && f->file.router == router && f->file.covers.from < reach.to; ++f)
            if (f->file.covers.overlaps(reach)) needs_.files.insert(f->file.id);
        }
      } else {
        for (const auto x : overlapping(a, {start(a, b) - module.warmup, start(a, b + 1)}, begins_[input.source], b))
          need_result(input.source, x);
      }
    }
  }

  const coordinator::dag::Graph& graph_;
  std::vector<const coordinator::jobs::ArchiveIndex*> indexes_;
  std::set<Job> has_state_, has_result_;
  std::vector<std::int64_t> begins_;
  Needs needs_;
};

// Returns the same sets for a plan of the real planner.
inline Needs needs_of(const coordinator::jobs::Plan& plan) {
  Needs out;
  for (std::uint32_t m = 0; m < plan.modules.size(); ++m)
    for (auto b = plan.modules[m].first; b < plan.modules[m].last(); ++b) {
      if (plan.modules[m].flags_at(b) & coordinator::jobs::needs_state) out.states.insert({m, b});
      if (plan.modules[m].flags_at(b) & coordinator::jobs::needs_result) out.results.insert({m, b});
    }
  for (const auto& f : coordinator::jobs::needed_files(plan)) out.files.insert(plan.indexes[f.archive]->files()[f.file].file.id);
  return out;
}

}  // namespace mole::test
