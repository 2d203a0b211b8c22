#include "cli/plot/load_lines.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace mole::cli {
namespace {

using coordinator::LoadSample;

double seconds_of(const LoadSample& sample) { return static_cast<double>(sample.to - sample.from) / second_us; }

// Returns a point without a value where the node was not measured.
Point measured(const LoadSample& sample, double value) {
  Point point{sample.from, sample.to, std::nullopt};
  const double length = seconds_of(sample);
  if (sample.heartbeats == 0 || length <= 0) return point;
  point.value = value;
  point.coverage = std::clamp(static_cast<double>(sample.measured_seconds) / length, 0.0, 1.0);
  return point;
}

// Work may end before a node is heard, and is known even if it was not.
Point rate(const LoadSample& sample, std::uint64_t amount) {
  const auto length = sample.measured_seconds > 0 ? static_cast<double>(sample.measured_seconds) : seconds_of(sample);
  const double value = length > 0 ? static_cast<double>(amount) / length : 0;
  auto point = measured(sample, value);
  if (!point.value && amount > 0) point.value = value;
  return point;
}

template <class PointOf>
Series line(const coordinator::NodeLoads& node, const char* column, const char* unit, std::string group, PointOf point_of) {
  Series out{.column = column, .unit = unit, .group = std::move(group), .points = {}};
  for (const auto& sample : node.samples)
    if (sample.from < sample.to) out.points.push_back(point_of(sample));
  return out;
}

// The points of all nodes, each interval once.
Series shared(const std::vector<Series>& limits) {
  std::map<Micros, Point> points;
  for (const auto& limit : limits)
    for (const auto& point : limit.points)
      if (const auto [at, added] = points.try_emplace(point.from, point); !added && !at->second.value) at->second = point;
  auto out = limits.front();
  out.group = "limit";
  out.points.clear();
  for (const auto& [from, point] : points)  // intervals of nodes differ where one has hours and another minutes
    if (out.points.empty() || out.points.back().to <= from) out.points.push_back(point);
  return out;
}

}  // namespace

std::vector<Series> load_lines(const coordinator::LoadHistory& history) {
  std::vector<Series> out, limits;
  std::set<double> values;
  for (const auto& node : history.nodes) {
    out.push_back(line(node, "cache", "B", node.node, [](const LoadSample& s) { return measured(s, s.cache_bytes); }));
    limits.push_back(
        line(node, "cache", "B", "limit of " + node.node, [](const LoadSample& s) { return measured(s, s.cache_limit); }));
    for (const auto& point : limits.back().points)
      if (point.value) values.insert(*point.value);
  }
  if (values.size() == 1) limits = {shared(limits)};
  out.insert(out.end(), limits.begin(), limits.end());
  for (const auto& node : history.nodes)
    out.push_back(line(node, "fetched", "B/s", node.node, [](const LoadSample& s) { return rate(s, s.fetched_bytes); }));
  for (const auto& node : history.nodes)
    out.push_back(line(node, "decoded", "flow/s", node.node, [](const LoadSample& s) { return rate(s, s.decoded_flows); }));
  return out;
}

}  // namespace mole::cli
