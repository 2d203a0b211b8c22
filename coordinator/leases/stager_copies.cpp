// Nodes that do not reach the archives, and copy files from the caches of nodes that do.
#include "coordinator/leases/stager.hpp"

#include <algorithm>

namespace mole::coordinator::leases {

bool Stager::set_copy_limit(const std::string& name, std::uint64_t copy_limit) {
  auto& node = nodes_[node_number(name)];
  return std::exchange(node.copy_limit, copy_limit) != copy_limit;
}

bool Stager::copies(const std::string& name) const {
  const auto* node = find_node(name);
  return node && node->copy_limit > 0;
}

void Stager::set_serving(const std::string& name, bool serves) { nodes_[node_number(name)].serves = serves; }

bool Stager::stop_copying(const std::string& name, const Digest& key) {
  const auto found = file_numbers_.find(key);
  if (found == file_numbers_.end()) return false;
  auto& file = files_[found->second];
  const auto node = node_number(name);
  if (has(node, found->second) && std::ranges::find(file.unserved, node) == file.unserved.end()) file.unserved.push_back(node);
  return true;
}

void Stager::remove_holder(File& file, std::uint32_t node) {
  std::erase(file.held, node);
  std::erase(file.unserved, node);
}

// Returns a node from which others can copy the file.
std::optional<std::uint32_t> Stager::source_of(const File& file) const {
  if (file.settled) return std::nullopt;
  const auto found = std::ranges::find_if(file.held, [&](std::uint32_t node) {
    return nodes_[node].serves && std::ranges::find(file.unserved, node) == file.unserved.end();
  });
  return found == file.held.end() ? std::nullopt : std::optional(*found);
}

bool Stager::can_be_copied(const Block& block) const {
  return block.all_on_media &&
         std::ranges::all_of(block.files, [&](FileNumber file) { return source_of(files_[file]).has_value(); });
}

std::map<Digest, std::string> Stager::sources(const std::string& name, std::uint64_t request, BlockRef ref) const {
  std::map<Digest, std::string> out;
  const auto* block = find_block(request, ref);
  if (!block || !copies(name) || !may_run(name, request, ref)) return out;
  for (const auto number : block->files)
    if (const auto source = source_of(files_[number])) out.emplace(files_[number].file.key, nodes_[*source].name);
  return out;
}

}  // namespace mole::coordinator::leases
