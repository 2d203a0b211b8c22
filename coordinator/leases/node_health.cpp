#include "coordinator/leases/node_health.hpp"

#include <algorithm>
#include <utility>

namespace mole::coordinator::leases {
namespace {

constexpr std::size_t several_blocks = 3;

}  // namespace

void NodeHealth::end(const std::string& node, const std::string& incarnation, const std::set<Micros>& blocks,
                     const std::vector<std::string>& others, const Settings& settings, Micros now) {
  auto& ends = ends_[node];
  if (ends.count > 0 && ends.incarnation == incarnation) return;  // its leases end one after the other
  ends.incarnation = incarnation;
  if (ends.count++ == 0) ends.first = now;
  for (const auto block : blocks)
    if (ends.blocks.size() < several_blocks) ends.blocks.insert(block);
  const bool others_succeed = std::ranges::any_of(others, [&](const auto& other) {
    const auto last = succeeded_.find(other);
    return last != succeeded_.end() && last->second >= ends.first;
  });
  if (ends.count < settings.node_ends || ends.blocks.size() < several_blocks || !others_succeed) return;
  const auto length = doubled(settings.quarantine, settings.quarantine_cap, ++ends.quarantines);
  ends.until = now + length;
  changes_.push_back({node, length, ends.count});
}

void NodeHealth::succeed(const std::string& node, Micros now) {
  succeeded_[node] = now;
  forget(node);
}

void NodeHealth::forget(const std::string& node) {
  const auto found = ends_.find(node);
  if (found == ends_.end()) return;
  if (found->second.quarantines > 0) changes_.push_back({node, 0, found->second.count});
  ends_.erase(found);
}

const NodeHealth::Ends* NodeHealth::find(const std::string& node) const {
  const auto found = ends_.find(node);
  return found == ends_.end() ? nullptr : &found->second;
}

bool NodeHealth::is_quarantined(const std::string& node, Micros now) const {
  const auto* ends = find(node);
  return ends && now < ends->until;
}

bool NodeHealth::is_probed(const std::string& node) const {
  const auto* ends = find(node);
  return ends && ends->quarantines > 0;
}

std::uint32_t NodeHealth::ends(const std::string& node) const {
  const auto* ends = find(node);
  return ends ? ends->count : 0;
}

Micros NodeHealth::until(const std::string& node) const {
  const auto* ends = find(node);
  return ends ? ends->until : 0;
}

}  // namespace mole::coordinator::leases
