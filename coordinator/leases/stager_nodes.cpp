// Nodes and drives.
#include "coordinator/leases/stager.hpp"

#include <algorithm>
#include <utility>

namespace mole::coordinator::leases {

std::uint32_t Stager::node_number(const std::string& name) {
  const auto found = std::ranges::find(nodes_, name, &Node::name);
  if (found != nodes_.end()) return static_cast<std::uint32_t>(found - nodes_.begin());
  nodes_.emplace_back().name = name;
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

const Stager::Node* Stager::find_node(const std::string& name) const {
  const auto found = std::ranges::find(nodes_, name, &Node::name);
  return found == nodes_.end() ? nullptr : &*found;
}

bool Stager::set_node(const std::string& name, std::uint64_t cache_limit) {
  const auto number = node_number(name);
  auto& node = nodes_[number];
  if (node.limit == cache_limit) return false;
  ++changes_;
  if (cache_limit < node.limit) release_node(number);  // its blocks may be too large for it now
  node.limit = cache_limit;
  return true;
}

void Stager::set_sandbox(const std::string& name, const std::vector<SandboxPart>& parts) {
  const auto number = node_number(name);
  if (std::exchange(nodes_[number].sandbox, parts) == parts) return;
  ++changes_;
  release_node(number);  // it may not run some of its blocks now
}

// Ends the reservations of all blocks on a node.
void Stager::release_node(std::uint32_t number) {
  for (auto& [id, request] : requests_)
    for (auto& [ref, block] : request.blocks)
      if (block.node == number) release_space(block, true);
}

void Stager::set_cached(const std::string& name, std::vector<Digest> files) {
  auto& node = nodes_[node_number(name)];
  std::ranges::sort(files);
  node.cached = std::move(files);
  for (const auto& key : node.cached) add_ready(name, key);
}

void Stager::remove_node(const std::string& name) {
  if (!find_node(name)) return;
  ++changes_;
  const auto number = node_number(name);
  release_node(number);
  for (auto& file : files_) remove_holder(file, number);
  nodes_[number].cached.clear();
  std::erase_if(running_, [&](const auto& entry) { return entry.second.node == number; });
  nodes_[number].limit = 0;
  nodes_[number].serves = false;
  nodes_[number].released.clear();
}

void Stager::set_drives(const std::string& library, std::uint32_t drives) {
  auto& known = drives_[library];
  changes_ += known != drives;
  known = drives;
}

bool Stager::limit_batches(const std::string& library, std::uint32_t drives) {
  bool any = false;
  for (auto& [number, running] : running_) {  // the oldest first
    if (running.batch.medium.library != library || running.unwanted) continue;
    if (drives > 0)
      --drives;
    else
      running.unwanted = any = true;
  }
  return any;
}

MediaWait Stager::media_wait(Micros now) const {
  MediaWait out;
  std::set<Medium> read;
  std::map<std::string, std::uint32_t> batches;  // by library
  for (const auto& [id, running] : running_) {
    read.insert(running.batch.medium);
    ++batches[running.batch.medium.library];
  }
  const auto drive_is_free = [&](const std::string& library) {
    const auto used = batches.find(library);
    return (used == batches.end() ? 0 : used->second) < drives_of(library);
  };
  for (const auto& file : files_) {
    if (out.unfetched) break;
    if (file.blocks == 0 || file.settled || !file.held.empty()) continue;
    out.waiting = true;
    const auto& medium = file.file.medium;
    out.unfetched = file.not_before <= now && !read.contains(medium) && drive_is_free(medium.library);
  }
  return out;
}

}  // namespace mole::coordinator::leases
