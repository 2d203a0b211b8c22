// What blocks want, what nodes hold, and the batches that run. stager_nodes.cpp has nodes and drives, stager_copies.cpp the
// copies from node to node, and stager_choice.cpp chooses the next batch.
#include "coordinator/leases/stager.hpp"

#include <algorithm>
#include <cstring>

namespace mole::coordinator::leases {
namespace {

constexpr std::size_t max_copied_files = 50'000;  // while a lock is held
constexpr std::uint32_t attempts = 3;             // to fetch a file

}  // namespace

std::size_t Stager::DigestHash::operator()(const Digest& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.bytes.data(), sizeof hash);
  return hash;
}

// ---- what is wanted

void Stager::set_request(std::uint64_t request, std::int32_t priority, bool in_order, std::vector<WantedBlock> blocks,
                         std::vector<SandboxPart> sandbox) {
  ++changes_;
  auto& wanted = requests_[request];
  wanted.sandbox = std::move(sandbox);
  wanted.priority = priority;
  wanted.in_order = in_order;
  auto previous = std::exchange(wanted.blocks, {});
  for (auto& block : blocks) {
    Block added;
    added.since = batches_;
    added.all_on_media = block.all_on_media;
    for (const auto& file : block.files) added.files.push_back(add_file(file));
    std::sort(added.files.begin(), added.files.end());
    added.files.erase(std::unique(added.files.begin(), added.files.end()), added.files.end());
    for (const auto number : added.files) {
      ++files_[number].blocks;
      added.bytes += files_[number].file.size;
      files_[number].readers.emplace_back(request, block.ref);
    }
    wanted_bytes_ += added.bytes;
    if (const auto known = previous.find(block.ref); known != previous.end()) {
      added.since = known->second.since;
      if (known->second.node) reserve(added, *known->second.node);
    }
    wanted.blocks.emplace(block.ref, std::move(added));
  }
  for (auto& [ref, block] : previous) remove_block(block, request, ref, false);
  for (const auto& [ref, block] : wanted.blocks) {
    bool staged = can_be_copied(block);
    for (std::uint32_t n = 0; n < nodes_.size() && !staged; ++n) staged = nodes_[n].limit > 0 && holds(n, block);
    if (staged) staged_.emplace_back(request, ref);
  }
  if (wanted.blocks.empty()) requests_.erase(request);
}

void Stager::drop(std::uint64_t request) {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return;
  ++changes_;
  for (auto& [ref, block] : found->second.blocks) remove_block(block, request, ref, false);
  requests_.erase(found);
}

void Stager::finish(std::uint64_t request, BlockRef ref, bool used) {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return;
  const auto block = found->second.blocks.find(ref);
  if (block == found->second.blocks.end()) return;
  ++changes_;
  remove_block(block->second, request, ref, used);
  found->second.blocks.erase(block);
  if (found->second.blocks.empty()) requests_.erase(found);
}

Stager::FileNumber Stager::add_file(const MediumFile& file) {
  const auto [known, added] = file_numbers_.try_emplace(file.key, static_cast<FileNumber>(files_.size()));
  if (!added) {
    files_[known->second].file.description = file.description;  // of the latest index
    return known->second;
  }
  ++wanted_files_[file.medium.library];
  if (!free_files_.empty()) {
    known->second = free_files_.back();
    free_files_.pop_back();
    files_[known->second] = {file};
  } else {
    files_.push_back({file});
  }
  for (std::uint32_t node = 0; node < nodes_.size(); ++node)
    if (std::ranges::binary_search(nodes_[node].cached, file.key)) files_[known->second].held.push_back(node);
  return known->second;
}

void Stager::remove_block(Block& block, std::uint64_t request, BlockRef ref, bool used) {
  release_space(block, used);
  wanted_bytes_ -= block.bytes;
  for (const auto number : block.files) {
    auto& file = files_[number];
    const auto reader = std::find(file.readers.begin(), file.readers.end(), std::pair(request, ref));
    file.readers.erase(reader);
    if (--file.blocks == 0) drop_unused_file(number);
  }
}

void Stager::drop_unused_file(FileNumber number) {
  for (auto& [id, running] : running_)
    if (running.files.erase(number) > 0) running.unwanted = true;
  const auto& file = files_[number].file;
  if (const auto wanted = wanted_files_.find(file.medium.library); --wanted->second == 0) wanted_files_.erase(wanted);
  file_numbers_.erase(file.key);
  files_[number] = {};
  free_files_.push_back(number);
}

// Ends the reservation of a block.
void Stager::release_space(Block& block, bool used) {
  if (!block.node) return;
  auto& node = nodes_[*block.node];
  for (const auto number : block.files) {
    const auto count = node.blocks.find(number);
    if (--count->second > 0) continue;
    node.blocks.erase(count);
    const auto& file = files_[number];
    node.reserved -= file.file.size;
    const bool kept = node.kept_again.erase(number) > 0 || !used;
    if (kept && has(*block.node, number)) node.released.push_back(file.file);
  }
  block.node.reset();
}

void Stager::reserve(Block& block, std::uint32_t number) {
  auto& node = nodes_[number];
  for (const auto file : block.files)
    if (++node.blocks[file] == 1) {
      node.reserved += files_[file].file.size;
      std::erase_if(node.released, [&](const MediumFile& released) { return released.key == files_[file].file.key; });
    }
  block.node = number;
}

// ---- batches

std::uint64_t Stager::adopt(const std::string& node, const Medium& medium) {
  Running running{{++batches_, 0, node, medium, {}, false}, node_number(node)};
  running_.emplace(batches_, std::move(running));
  return batches_;
}

bool Stager::add_ready(const std::string& name, const Digest& key) {
  const auto found = file_numbers_.find(key);
  if (found == file_numbers_.end()) return false;
  const auto node = node_number(name);
  auto& file = files_[found->second];
  for (auto& [id, running] : running_)
    if (running.node == node) running.files.erase(found->second);
  if (has(node, found->second)) return false;
  ++changes_;
  file.held.push_back(node);
  for (const auto& [request, ref] : file.readers)
    if (const auto& block = requests_.at(request).blocks.at(ref); holds(node, block) || can_be_copied(block))
      staged_.emplace_back(request, ref);
  return true;
}

bool Stager::add_failure(const Digest& key, Micros until, bool permanent) {
  const auto found = file_numbers_.find(key);
  if (found == file_numbers_.end()) return true;
  ++changes_;
  auto& file = files_[found->second];
  file.not_before = until;
  file.settled = permanent || ++file.failures >= attempts;
  if (!file.settled) return true;
  note_staged(file);
  return false;
}

// Notes the blocks that no longer wait for a file.
void Stager::note_staged(const File& file) {
  for (const auto& [request, ref] : file.readers) {
    const auto& block = requests_.at(request).blocks.at(ref);
    for (std::uint32_t node = 0; node < nodes_.size(); ++node)
      if (holds(node, block)) {
        staged_.emplace_back(request, ref);
        break;
      }
  }
}

bool Stager::lose(const std::string& name, const Digest& key) {
  const auto found = file_numbers_.find(key);
  if (found == file_numbers_.end()) return false;
  ++changes_;
  auto& file = files_[found->second];
  remove_holder(file, node_number(name));
  file.settled = file.settled || ++file.losses >= attempts;
  if (file.settled) note_staged(file);
  return true;
}

bool Stager::needs_whole(const Digest& key) const {
  const auto found = file_numbers_.find(key);
  return found != file_numbers_.end() && files_[found->second].losses > 0;
}

std::uint32_t Stager::failures(const Digest& key) const {
  const auto found = file_numbers_.find(key);
  return found == file_numbers_.end() ? 0 : files_[found->second].failures;
}

void Stager::end(std::uint64_t batch) { changes_ += running_.erase(batch); }

bool Stager::is_wanted(std::uint64_t batch) const {
  const auto found = running_.find(batch);
  if (found == running_.end()) return false;
  const auto& running = found->second;
  return !running.unwanted &&
         std::ranges::all_of(running.files, [&](FileNumber file) { return nodes_[running.node].blocks.contains(file); });
}

// ---- blocks

bool Stager::has(const std::string& name, const Digest& key) const {
  const auto found = file_numbers_.find(key);
  const auto* node = find_node(name);
  return found != file_numbers_.end() && node && has(static_cast<std::uint32_t>(node - nodes_.data()), found->second);
}

bool Stager::has(std::uint32_t node, FileNumber file) const {
  return std::ranges::find(files_[file].held, node) != files_[file].held.end();
}

bool Stager::holds(std::uint32_t node, const Block& block) const {
  return std::ranges::all_of(block.files, [&](FileNumber file) { return files_[file].settled || has(node, file); });
}

const Stager::Block* Stager::find_block(std::uint64_t request, BlockRef ref) const {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return nullptr;
  const auto block = found->second.blocks.find(ref);
  return block == found->second.blocks.end() ? nullptr : &block->second;
}

std::vector<BlockRef> Stager::blocks_of(std::uint64_t request) const {
  std::vector<BlockRef> out;
  if (const auto found = requests_.find(request); found != requests_.end())
    for (const auto& [ref, block] : found->second.blocks) out.push_back(ref);
  return out;
}

bool Stager::may_run(const std::string& name, std::uint64_t request, BlockRef ref) const {
  const auto* block = find_block(request, ref);
  const auto* node = find_node(name);
  if (block && node && node->copy_limit > 0) return block->bytes <= node->copy_limit && can_be_copied(*block);
  if (!block || exceeds_every_cache(requests_.at(request), *block)) return true;
  return node && node->limit > 0 && holds(static_cast<std::uint32_t>(node - nodes_.data()), *block);
}

bool Stager::is_elsewhere(const std::string& name, std::uint64_t request, BlockRef ref) const {
  const auto* block = find_block(request, ref);
  if (!block || has_space(name, request, ref) || may_run(name, request, ref)) return false;
  if (block->node) return true;
  for (std::uint32_t other = 0; other < nodes_.size(); ++other)
    if (nodes_[other].limit > 0 && may_take(nodes_[other], requests_.at(request)) && holds(other, *block)) return true;
  return false;
}

bool Stager::has_space(const std::string& name, std::uint64_t request, BlockRef ref) const {
  const auto* block = find_block(request, ref);
  return block && block->node && nodes_[*block->node].name == name;
}

std::set<Digest> Stager::shared_files(const std::string& name, std::uint64_t request, BlockRef ref) {
  std::set<Digest> out;
  const auto* block = find_block(request, ref);
  if (!block || !find_node(name)) return out;
  const auto here = node_number(name);
  auto& node = nodes_[here];
  for (const auto number : block->files) {
    const auto count = node.blocks.find(number);
    if (count == node.blocks.end() || count->second <= (block->node == here ? 1U : 0U)) continue;
    node.kept_again.insert(number);
    out.insert(files_[number].file.key);
  }
  return out;
}

std::set<Digest> Stager::staged_files(const std::string& name, std::uint64_t request, BlockRef ref) const {
  std::set<Digest> out;
  const auto* block = find_block(request, ref);
  const auto* node = find_node(name);
  if (!block || !node || node->limit == 0 || exceeds_every_cache(requests_.at(request), *block)) return out;
  for (const auto number : block->files)
    if (!files_[number].settled && has(static_cast<std::uint32_t>(node - nodes_.data()), number))
      out.insert(files_[number].file.key);
  return out;
}

std::vector<std::pair<std::uint64_t, BlockRef>> Stager::take_staged() { return std::exchange(staged_, {}); }

std::vector<MediumFile> Stager::take_released(const std::string& name, const std::string& archive) {
  std::vector<MediumFile> out;
  const auto* known = find_node(name);
  if (!known) return out;
  auto& node = nodes_[static_cast<std::size_t>(known - nodes_.data())];
  std::erase_if(node.released, [&](MediumFile& released) {
    if (released.archive != archive) return false;
    out.push_back(std::move(released));
    return true;
  });
  return out;
}

const MediumFile* Stager::find_file(const Digest& key) const {
  const auto found = file_numbers_.find(key);
  return found == file_numbers_.end() ? nullptr : &files_[found->second].file;
}

std::vector<MediumDemand> Stager::demand(std::uint64_t request) const {
  std::map<Medium, MediumDemand> by_medium;
  const auto found = requests_.find(request);
  if (found == requests_.end()) return {};
  std::set<FileNumber> counted;
  for (const auto& [ref, block] : found->second.blocks) {
    std::set<Medium> media;
    for (const auto number : block.files) {
      const auto& file = files_[number];
      if (file.settled || !file.held.empty()) continue;
      auto& demand = by_medium[file.file.medium];
      demand.blocks += media.insert(file.file.medium).second;
      if (!counted.insert(number).second) continue;
      ++demand.files;
      demand.bytes += file.file.size;
    }
  }
  std::vector<MediumDemand> out;
  for (auto& [medium, demand] : by_medium) {
    demand.medium = medium;
    for (const auto& [id, running] : running_)
      if (running.batch.medium == medium) demand.node = running.batch.node;
    out.push_back(std::move(demand));
  }
  std::ranges::stable_sort(out, std::ranges::greater{}, &MediumDemand::blocks);
  return out;
}

Stager::Wanted Stager::wanted(std::uint64_t request, std::size_t limit) const {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return {};
  Wanted out{found->second.in_order, found->second.blocks.size()};
  std::size_t files = 0;
  for (const auto& [ref, block] : found->second.blocks) {
    files += block.files.size();
    if (out.blocks.size() == limit || (!out.blocks.empty() && files > max_copied_files)) break;
    auto& copy = out.blocks.emplace_back(WantedBlock{ref, {}});
    for (const auto number : block.files) copy.files.push_back(files_[number].file);
  }
  return out;
}

std::vector<std::pair<std::string, Digest>> Stager::held() const {
  std::vector<std::pair<std::string, Digest>> out;
  for (const auto& file : files_)
    if (!file.held.empty()) out.emplace_back(nodes_[file.held.front()].name, file.file.key);
  for (const auto& node : nodes_)
    for (const auto& key : node.cached)
      if (!file_numbers_.contains(key)) out.emplace_back(node.name, key);
  return out;
}

std::uint64_t Stager::bytes_of(std::uint64_t request, BlockRef ref) const {
  const auto* block = find_block(request, ref);
  return block ? block->bytes : 0;
}

std::uint64_t Stager::reserved(const std::string& name) const {
  const auto* node = find_node(name);
  return node ? node->reserved : 0;
}

}  // namespace mole::coordinator::leases
