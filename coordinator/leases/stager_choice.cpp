// The choice of the next batch.
#include "coordinator/leases/stager.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace mole::coordinator::leases {
namespace {

constexpr std::size_t max_batch = 500;  // files: a worker has one open file for each, and may have 1024
// The part of a cache that is reserved for blocks: the rest serves files of other archives, and columns.
constexpr std::uint64_t reserved_percent = 75;
// Weights. A block that has reserved space is preferred, because it returns the space. A tape that may still be in a drive is
// read to its end, unless others have waited for long.
constexpr double reserved_weight = 2, mounted_weight = 100, age_weight = 1;
constexpr std::int32_t max_priority = 10;
// How long a tape stays in its drive for another node that is to read it: less than a mount takes, and time for many requests of
// the node for tasks.
constexpr Micros left_to_others_for = 20 * second_us;

}  // namespace

// The blocks that wait for a medium, for one node.
struct Stager::Choice {
  double weight = 0;
  struct Waiting {
    std::uint64_t request;
    BlockRef block;
    double weight;
  };
  std::vector<Waiting> waiting;  // blocks for which no space is reserved yet
};

double Stager::weight_of(const Request& request, const Block& block) const {
  const auto priority = std::clamp(request.priority, -max_priority, max_priority);
  return std::exp2(priority) * (1 + age_weight * static_cast<double>(batches_ - block.since));
}

std::uint64_t Stager::new_bytes(const Node& node, const Block& block) const {
  std::uint64_t bytes = 0;
  for (const auto number : block.files)
    if (!node.blocks.contains(number)) bytes += files_[number].file.size;
  return bytes;
}

std::size_t Stager::nodes_with_cache() const {
  return static_cast<std::size_t>(std::ranges::count_if(nodes_, [](const Node& node) { return node.limit > 0; }));
}

bool Stager::exceeds_every_cache(const Request& request, const Block& block) const {
  return std::ranges::none_of(
      nodes_, [&](const Node& node) { return node.limit > 0 && block.bytes <= node.limit && may_take(node, request); });
}

// With several nodes, each takes its part of the blocks that wait.
std::uint64_t Stager::space_for_blocks(const Node& node) const {
  const auto part = node.limit / 100 * reserved_percent + node.limit % 100 * reserved_percent / 100;
  const auto nodes = nodes_with_cache();
  return nodes > 1 ? std::min(part, wanted_bytes_ / nodes + 1) : part;
}

// The first block always fits in a cache that is large enough.
bool Stager::fits(const Node& node, const Block& block) const {
  if (node.reserved == 0) return block.bytes <= node.limit;
  return node.reserved + new_bytes(node, block) <= space_for_blocks(node);
}

// Whether no other node that may run the block holds or has reserved more of the block's bytes.
bool Stager::is_near(std::uint32_t number, const Request& request, const Block& block) const {
  const auto bytes_at = [&](std::uint32_t at) {
    std::uint64_t bytes = 0;
    for (const auto file : block.files)
      if (has(at, file) || nodes_[at].blocks.contains(file)) bytes += files_[file].file.size;
    return bytes;
  };
  if (nodes_with_cache() < 2) return true;
  const auto here = bytes_at(number);
  for (std::uint32_t other = 0; other < nodes_.size(); ++other)
    if (other != number && block.bytes <= nodes_[other].limit && may_take(nodes_[other], request) && bytes_at(other) > here)
      return false;
  return true;
}

bool Stager::is_being_fetched(std::uint32_t node, FileNumber file) const {
  return std::ranges::any_of(running_,
                             [&](const auto& entry) { return entry.second.node == node && entry.second.files.contains(file); });
}

std::uint32_t Stager::drives_of(const std::string& library) const {
  const auto known = drives_.find(library);
  return known == drives_.end() ? default_drives : known->second;
}

// Whether a drive is free for the medium. `drives_left`: number of drives of idle media that are left to other nodes.
bool Stager::may_use(const Medium& medium, std::size_t drives_left) const {
  std::uint32_t used = 0;
  for (const auto& [id, running] : running_) {
    if (running.batch.medium == medium) return false;
    used += running.batch.medium.library == medium.library;
  }
  return used + drives_left < drives_of(medium.library);
}

bool Stager::any_drive_is_free() const {
  return std::ranges::any_of(wanted_files_, [&](const auto& entry) {
    const auto used =
        std::ranges::count_if(running_, [&](const auto& running) { return running.second.batch.medium.library == entry.first; });
    return static_cast<std::uint32_t>(used) < drives_of(entry.first);
  });
}

// Returns the idle media that are probably still in a drive and that another node is to read. A medium that is not in a drive
// would take the drive of one of them, which would then be mounted again.
std::set<Medium> Stager::left_to_others(std::uint32_t number, Micros now) {
  std::set<Medium> idle, out;
  if (nodes_with_cache() < 2) return out;
  for (const auto& [library, media] : mounted_)
    for (const auto& name : media) idle.insert({library, name});
  for (const auto& [id, running] : running_) idle.erase(running.batch.medium);
  const auto add_missing = [&](std::uint32_t other, const Block& block) {
    for (const auto file : block.files)
      if (const auto& f = files_[file]; !f.settled && f.not_before <= now && !has(other, file) && idle.contains(f.file.medium))
        out.insert(f.file.medium);
  };
  const auto is_for = [&](std::uint32_t node, const Request& request, const Block& block) {
    return may_take(nodes_[node], request) && fits(nodes_[node], block) && is_near(node, request, block);
  };
  for (const auto& [id, request] : requests_)
    for (const auto& [ref, block] : request.blocks) {
      if (out.size() == idle.size()) break;
      if (std::ranges::none_of(block.files, [&](FileNumber file) { return idle.contains(files_[file].file.medium); })) continue;
      if (block.node && block.node != number) add_missing(*block.node, block);
      if (block.node || request.in_order || is_for(number, request, block)) continue;
      for (std::uint32_t other = 0; other < nodes_.size(); ++other)
        if (other != number && nodes_[other].limit > 0 && is_for(other, request, block)) add_missing(other, block);
    }
  std::erase_if(
      out, [&](const Medium& medium) { return now - left_since_.try_emplace(medium, now).first->second >= left_to_others_for; });
  return out;
}

std::vector<std::pair<std::uint64_t, Stager::Request*>> Stager::by_priority() {
  std::vector<std::pair<std::uint64_t, Request*>> out;
  for (auto& [id, request] : requests_) out.emplace_back(id, &request);
  std::ranges::stable_sort(out, std::ranges::greater{}, [](const auto& entry) { return entry.second->priority; });
  return out;
}

// Reserves space for blocks that may need results of earlier ones, earlier ones first.
void Stager::admit_in_order(std::uint32_t number) {
  for (auto& [id, request] : by_priority()) {
    if (!request->in_order || !may_take(nodes_[number], *request)) continue;
    for (auto& [ref, block] : request->blocks) {
      if (block.node || block.bytes > nodes_[number].limit) continue;
      if (!is_near(number, *request, block) || !fits(nodes_[number], block)) break;
      reserve(block, number);
    }
  }
}

// Reserves space for the first block that has none, beyond the part of the cache for blocks. Otherwise blocks that wait for its
// results could keep the space for ever. Not while a block that has space waits for its files: a drive may be busy for hours, and
// each call would reserve more than the cache holds.
bool Stager::admit_one(std::uint32_t number) {
  Block* first = nullptr;
  for (auto& [id, request] : by_priority())
    for (auto& [ref, block] : request->blocks) {
      if (block.node == number && !holds(number, block)) return false;
      if (!first && !block.node && block.bytes <= nodes_[number].limit && may_take(nodes_[number], *request) &&
          is_near(number, *request, block))
        first = &block;
    }
  if (!first) return false;
  reserve(*first, number);
  return true;
}

std::optional<Batch> Stager::next(const std::string& name, Micros now, bool idle) {
  const auto number = node_number(name);
  auto& node = nodes_[number];
  if (node.limit == 0 || requests_.empty() || !any_drive_is_free()) return std::nullopt;
  const auto state = changes_ * 2 + (idle ? 1 : 0);
  if (node.idle_at == state && now < node.wake) return std::nullopt;
  admit_in_order(number);
  auto batch = choose(number, now);
  const bool fetches = std::ranges::any_of(running_, [&](const auto& entry) { return entry.second.node == number; });
  if (!batch && idle && !fetches && admit_one(number)) batch = choose(number, now);
  if (batch) return batch;
  node.idle_at = state;
  node.wake = INT64_MAX;
  for (const auto& file : files_)
    if (file.not_before > now) node.wake = std::min(node.wake, file.not_before);
  for (const auto& [medium, since] : left_since_)
    if (since + left_to_others_for > now) node.wake = std::min(node.wake, since + left_to_others_for);
  return std::nullopt;
}

std::optional<Batch> Stager::choose(std::uint32_t number, Micros now) {
  auto& node = nodes_[number];
  std::map<Medium, Choice> choices;
  const auto is_missing = [&](FileNumber file) {
    const auto& f = files_[file];
    return !f.settled && f.not_before <= now && !has(number, file) && !is_being_fetched(number, file);
  };
  for (auto& [id, request] : by_priority()) {
    if (!may_take(node, *request)) continue;
    for (auto& [ref, block] : request->blocks) {
      const bool here = block.node == number;
      if (block.node ? !here : request->in_order || block.bytes > node.limit || !is_near(number, *request, block)) continue;
      std::set<const Medium*, decltype([](const Medium* a, const Medium* b) { return *a < *b; })> media;
      for (const auto file : block.files)
        if (is_missing(file)) media.insert(&files_[file].file.medium);
      for (const auto* medium : media) {
        auto& choice = choices[*medium];
        const auto part = weight_of(*request, block) * (here ? reserved_weight : 1) / static_cast<double>(media.size());
        choice.weight += part;
        if (!here) choice.waiting.push_back({id, ref, part});
      }
      if (!here && media.empty() && fits(node, block)) reserve(block, number);  // so that its files are kept
    }
  }
  const auto left = left_to_others(number, now);
  std::vector<std::pair<double, const Medium*>> order;
  for (const auto& [medium, choice] : choices) {
    const auto& mounted = mounted_[medium.library];
    const bool in_drive = std::ranges::find(mounted, medium.name) != mounted.end();
    const auto drives_left = in_drive ? 0 : std::ranges::count(left, medium.library, &Medium::library);
    if (may_use(medium, static_cast<std::size_t>(drives_left)))
      order.emplace_back(choice.weight * (in_drive ? mounted_weight : 1), &medium);
  }
  std::ranges::stable_sort(order, std::ranges::greater{}, [](const auto& entry) { return entry.first; });
  bool may_reserve = true;
  for (const auto& [weight, medium] : order) {
    auto& waiting = choices.at(*medium).waiting;  // those that need no other medium first
    std::ranges::stable_sort(waiting, std::ranges::greater{}, &Choice::Waiting::weight);
    for (const auto& [id, ref, part] : waiting) {
      auto& block = requests_.at(id).blocks.at(ref);
      // Space that becomes free is left to the blocks that wait for it.
      may_reserve = may_reserve && (block.node || fits(node, block));
      if (may_reserve && !block.node) reserve(block, number);
    }
    std::vector<FileNumber> files;
    for (const auto& [file, blocks] : node.blocks)
      if (files_[file].file.medium == *medium && is_missing(file)) files.push_back(file);
    if (files.empty()) continue;
    std::ranges::sort(files, {}, [&](FileNumber file) {
      const auto& f = files_[file].file;
      return std::tie(f.position, f.key);
    });
    const auto archive = files_[files.front()].file.archive;
    std::erase_if(files, [&](FileNumber file) { return files_[file].file.archive != archive; });
    if (files.size() > max_batch) files.resize(max_batch);
    Running running{{++batches_, files_[files.front()].readers.front().first, node.name, *medium, {}, false},
                    number,
                    {files.begin(), files.end()}};
    for (const auto file : files) running.batch.files.push_back(files_[file].file.key);
    auto& mounted = mounted_[medium->library];
    running.batch.mounts = std::ranges::find(mounted, medium->name) == mounted.end();
    if (running.batch.mounts) left_since_.erase(*medium);  // left once for each mount, so that heavier media get the drive
    std::erase(mounted, medium->name);
    mounted.insert(mounted.begin(), medium->name);
    mounted.resize(std::min<std::size_t>(mounted.size(), drives_of(medium->library)));
    ++changes_;
    return running_.emplace(batches_, std::move(running)).first->second.batch;
  }
  return std::nullopt;
}

}  // namespace mole::coordinator::leases
