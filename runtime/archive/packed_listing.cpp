#include "runtime/archive/packed_listing.hpp"

#include "sdk/model/durable_file.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace mole::runtime {
namespace {

constexpr std::string_view magic = "MOLELST1";
constexpr std::size_t header_bytes = magic.size() + sizeof(Digest::bytes);
constexpr std::uint64_t max_file_bytes = task::max_index_bytes;
constexpr std::size_t length_bytes = 8;  // of the id, at the start of a packed entry

}  // namespace

std::string_view PackedListing::id(const Entry& entry) const {
  const auto bytes = packed(entry).substr(length_bytes);
  return bytes.substr(0, static_cast<std::uint8_t>(bytes_[entry.offset]) | static_cast<std::uint8_t>(bytes_[entry.offset + 1])
                                                                               << 8);
}

task::IndexEntry PackedListing::unpacked(const Entry& entry) const {
  auto bytes = packed(entry);
  return *task::take_packed(bytes);  // was packed by add, or checked by read
}

Result<> PackedListing::add(const task::IndexEntry& entry) {
  if (!task::is_usable_id(entry.id)) return {};
  if (entries_.size() == task::max_index_entries)
    return exhausted("the archive lists more than 2,000,000 files; split it into several archives");
  const auto offset = bytes_.size();
  task::append_packed(bytes_, entry);
  entries_.push_back({offset, bytes_.size() - offset});
  return {};
}

void PackedListing::sort() {
  std::ranges::stable_sort(entries_, {}, [&](const Entry& e) { return id(e); });
  std::vector<Entry> kept;
  kept.reserve(entries_.size());
  for (const auto& entry : entries_) {
    if (!kept.empty() && id(kept.back()) == id(entry)) kept.pop_back();
    kept.push_back(entry);
  }
  entries_ = std::move(kept);
  digest_ = {};
  for (const auto& entry : entries_) digest_.add(packed(entry));
}

Result<> PackedListing::each(const std::function<Result<>(const task::IndexEntry&)>& visit) const {
  for (const auto& entry : entries_)
    if (auto visited = visit(unpacked(entry)); !visited) return visited;
  return {};
}

std::optional<ListingChanges> PackedListing::changes_since(const PackedListing& before, std::size_t limit) const {
  ListingChanges out;
  auto old = before.entries_.begin();
  for (const auto& entry : entries_) {
    for (; old != before.entries_.end() && before.id(*old) < id(entry); ++old) out.removed.emplace_back(before.id(*old));
    const bool listed = old != before.entries_.end() && before.id(*old) == id(entry);
    if (!listed || before.packed(*old) != packed(entry)) out.entries.push_back(unpacked(entry));
    if (listed) ++old;
    if (out.entries.size() + out.removed.size() > limit) return std::nullopt;
  }
  for (; old != before.entries_.end() && out.removed.size() <= limit; ++old) out.removed.emplace_back(before.id(*old));
  if (out.entries.size() + out.removed.size() > limit) return std::nullopt;
  return out;
}

Result<> PackedListing::write(const std::filesystem::path& path) const {
  const auto digest = digest_.value();
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << magic;
  file.write(reinterpret_cast<const char*>(digest.bytes.data()), static_cast<std::streamsize>(digest.bytes.size()));
  for (const auto& entry : entries_) file << packed(entry);
  file.close();
  if (!file) return transient("cannot write the listing " + path.string() + "; free up space on the node's disk");
  return {};
}

Result<PackedListing> PackedListing::read(const std::filesystem::path& path) {
  MOLE_TRY(auto bytes, read_file(path, max_file_bytes));
  const auto damaged = corrupt("the listing " + path.string() + " is damaged; it will be replaced");
  if (bytes.size() < header_bytes || !bytes.starts_with(magic)) return damaged;
  Digest digest;
  std::memcpy(digest.bytes.data(), bytes.data() + magic.size(), digest.bytes.size());
  PackedListing out;
  std::string_view rest = std::string_view(bytes).substr(header_bytes);
  while (!rest.empty()) {
    const auto offset = bytes.size() - rest.size();
    const auto entry = task::take_packed(rest);
    if (!entry || !task::is_usable_id(entry->id)) return damaged;
    out.entries_.push_back({offset, bytes.size() - rest.size() - offset});
  }
  out.bytes_ = std::move(bytes);
  out.sort();
  if (out.digest() != digest) return damaged;
  return out;
}

}  // namespace mole::runtime
