#include "coordinator/control/load_series.hpp"

#include "coordinator/store/keys.hpp"

#include <algorithm>

namespace mole::coordinator::control {

using leases::merge;
using store::Batch;
using store::Table;

namespace {

// An hour of minutes is merged, and an hour erased, this often: more than are added.
constexpr Micros rest = 15 * minute_us;
constexpr std::size_t max_samples = 20'000, max_of_node = 1'500, min_of_node = 100;
constexpr TimeRange all_times{INT64_MIN, INT64_MAX};

// Returns the first sample in the range.
std::optional<LoadSample> first_of(const store::Records& records, std::uint64_t node, bool hours, TimeRange range) {
  std::optional<LoadSample> out;
  records.scan_loads(node, hours, range, [&](const LoadSample& sample) {
    out = sample;
    return false;
  });
  return out;
}

// Returns the first sample that is further away than `kept`, in the past, where the first one is at `first`, or in the future.
std::optional<LoadSample> first_old(const store::Records& records, std::uint64_t node, bool hours, Micros kept, Micros wall,
                                    Micros& first) {
  const auto this_hour = floor_to(wall, hour_us);
  const auto old = first_of(records, node, hours, {first, this_hour - kept});
  first = old ? old->from : std::max(first, this_hour - kept);
  return old ? old : first_of(records, node, hours, {this_hour + hour_us + kept, INT64_MAX});
}

std::map<std::uint64_t, std::string> node_names(const store::Records& records) {
  std::map<std::uint64_t, std::string> out;
  records.scan_json(Table::nodes, [&](std::string_view key, const nlohmann::json& row) {
    if (row.is_object()) out[store::keys::read_u64(key)] = row.value("name", "");
    return true;
  });
  return out;
}

// Returns the shortest step with which a node has at most `most` samples in the range.
Micros step_for(TimeRange range, std::size_t most) {
  for (const auto step : {minute_us, 5 * minute_us, 15 * minute_us, hour_us, 6 * hour_us, day_us})
    if ((range.to - range.from) / step < static_cast<Micros>(most)) return step;
  return 30 * day_us;
}

// Returns the samples of a node in steps, or hours where they are longer.
std::vector<LoadSample> merged(const store::Records& records, std::uint64_t node, TimeRange range, Micros step) {
  leases::Minutes found;
  std::set<Micros> hours;
  const auto add = [&](const LoadSample& sample, Micros length) {
    const auto from = floor_to(sample.from, length);
    const auto [at, added] = found.try_emplace(from);
    if (added) at->second.from = from, at->second.to = from + length;
    merge(sample, at->second);
  };
  records.scan_loads(node, true, range, [&](const LoadSample& sample) {
    hours.insert(sample.from);
    add(sample, std::max(step, hour_us));
    return true;
  });
  records.scan_loads(node, false, range, [&](const LoadSample& sample) {
    add(sample, hours.contains(floor_to(sample.from, hour_us)) ? std::max(step, hour_us) : step);
    return true;
  });
  std::vector<LoadSample> out;
  for (auto& [from, sample] : found) out.push_back(sample);
  return out;
}

}  // namespace

// ---- writing

void LoadSeries::add(std::uint64_t node, const leases::Minutes& minutes, Micros wall, Micros now) {
  if (node == 0 || wall < 0 || minutes.empty() || !admit(node, wall)) return;
  const auto [found, first] = ages_.try_emplace(node);
  auto& ages = found->second;
  if (first || now >= ages.next) {
    ages.next = now + rest;
    if (merge_hour(node, ages, wall)) merge_hour(node, ages, wall);
    erase_hour(node, ages, wall);
  }
  Batch batch;
  for (const auto& [from, sample] : minutes) {
    if (from < 0) continue;
    auto row = records_.load(node, false, from).value_or(LoadSample{.from = sample.from, .to = sample.to});
    merge(sample, row);
    records_.put_load(batch, node, false, row);
    ages.first_minute = std::min(ages.first_minute, row.from);
  }
  records_.store().write(batch);
}

bool LoadSeries::admit(std::uint64_t node, Micros wall) {
  if (!nodes_) {
    const auto known = records_.nodes_with_loads();
    nodes_.emplace(known.begin(), known.end());
  }
  if (nodes_->contains(node)) return true;
  if (nodes_->size() >= max_nodes) {
    const auto silent = std::ranges::find_if(*nodes_, [&](std::uint64_t other) {
      return !first_of(records_, other, false, {wall - day_us, INT64_MAX});
    });
    if (silent == nodes_->end()) return false;
    erase(*silent);
    nodes_->erase(silent);
  }
  nodes_->insert(node);
  return true;
}

void LoadSeries::erase(std::uint64_t node) {
  Batch batch;
  for (const bool hours : {false, true})
    records_.scan_loads(node, hours, all_times, [&](const LoadSample& sample) {
      batch.erase(Table::node_loads, store::keys::load(node, hours, sample.from));
      return true;
    });
  records_.store().write(batch);
  ages_.erase(node);
}

// Merges the minutes of an hour. Returns whether there was one.
bool LoadSeries::merge_hour(std::uint64_t node, Ages& ages, Micros wall) {
  const auto old = first_old(records_, node, false, minutes_kept, wall, ages.first_minute);
  if (!old) return false;
  const auto from = floor_to(old->from, hour_us);
  auto hour = records_.load(node, true, from).value_or(LoadSample{.from = from, .to = from + hour_us});
  Batch batch;
  records_.scan_loads(node, false, {from, from + hour_us}, [&](const LoadSample& minute) {
    merge(minute, hour);
    batch.erase(Table::node_loads, store::keys::load(node, false, minute.from));
    return true;
  });
  records_.put_load(batch, node, true, hour);
  ages.first_hour = std::min(ages.first_hour, from);
  records_.store().write(batch);
  return true;
}

void LoadSeries::erase_hour(std::uint64_t node, Ages& ages, Micros wall) {
  const auto old = first_old(records_, node, true, hours_kept, wall, ages.first_hour);
  if (!old) return;
  Batch batch;
  batch.erase(Table::node_loads, store::keys::load(node, true, old->from));
  records_.store().write(batch);
}

// ---- reading

LoadHistory read_loads(const store::Records& records, TimeRange range, Micros wall) {
  const auto end = wall + minute_us;
  range = range.empty() ? TimeRange{INT64_MIN, end} : TimeRange{range.from, std::min(range.to, end)};
  const auto nodes = records.nodes_with_loads();
  TimeRange extent{INT64_MAX, INT64_MIN};
  for (const auto node : nodes)
    for (const bool hours : {false, true})
      records.scan_loads(node, hours, range, [&](const LoadSample& sample) {
        extent = {std::min(extent.from, sample.from), std::max(extent.to, sample.to)};
        return true;
      });
  LoadHistory out;
  if (extent.empty()) return out;
  const auto step = step_for(extent, std::clamp(max_samples / nodes.size(), min_of_node, max_of_node));
  const auto names = node_names(records);
  for (const auto node : nodes) {
    const auto name = names.find(node);
    auto samples = merged(records, node, range, step);
    if (!samples.empty())
      out.nodes.push_back({name == names.end() ? "forgotten node " + std::to_string(node) : name->second, std::move(samples)});
  }
  return out;
}

BoundStatus read_bound(const store::Records& records, Micros wall) {
  LoadSample recent, hour;
  const auto this_minute = floor_to(wall, minute_us);
  for (const auto node : records.nodes_with_loads())
    records.scan_loads(node, false, {this_minute - hour_us, this_minute + minute_us}, [&](const LoadSample& sample) {
      merge(sample, hour);
      if (sample.from >= this_minute - 5 * minute_us) merge(sample, recent);
      return true;
    });
  BoundStatus out{leases::bound_of(recent, hour), 0, 0, recent.heartbeats};
  if (recent.slots > 0) out.slots_busy = recent.busy_slots / recent.slots;
  if (recent.cache_limit > 0) out.cache_used = recent.cache_bytes / recent.cache_limit;
  return out;
}

}  // namespace mole::coordinator::control
