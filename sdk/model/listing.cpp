#include "sdk/model/listing.hpp"

#include <algorithm>
#include <cstring>

namespace mole::task {
namespace {

using nlohmann::json;

constexpr std::size_t max_id = 4096;

void append(std::string& out, std::uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(number >> shift & 0xff);
}

void append(std::string& out, std::string_view text) {
  append(out, std::uint64_t{text.size()});
  out += text;
}

bool take(std::string_view& bytes, std::uint64_t& number) {
  if (bytes.size() < 8) return false;
  number = 0;
  for (std::size_t i = 0; i < 8; ++i) number |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << 8 * i;
  bytes.remove_prefix(8);
  return true;
}

bool take(std::string_view& bytes, std::string& text) {
  std::uint64_t size = 0;
  if (!take(bytes, size) || bytes.size() < size) return false;
  text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

std::array<std::uint64_t, 2> halves_of(std::string_view packed) {
  const auto digest = digest_of(packed);
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), digest.bytes.data(), sizeof halves);
  return halves;
}

std::string packed_of(const IndexEntry& entry) {
  std::string packed;
  append_packed(packed, entry);
  return packed;
}

}  // namespace

bool is_usable_id(std::string_view id) { return !id.empty() && id.size() <= max_id && id.find('\0') == std::string_view::npos; }

void append_packed(std::string& out, const IndexEntry& entry) {
  for (const auto* text : {&entry.id, &entry.version, &entry.medium, &entry.stated_digest}) append(out, std::string_view(*text));
  for (const std::uint64_t number : {entry.size, entry.position, entry.tier, std::uint64_t{entry.offline}}) append(out, number);
}

std::optional<IndexEntry> take_packed(std::string_view& bytes) {
  IndexEntry entry;
  std::uint64_t offline = 0;
  for (auto* text : {&entry.id, &entry.version, &entry.medium, &entry.stated_digest})
    if (!take(bytes, *text)) return std::nullopt;
  for (auto* number : {&entry.size, &entry.position, &entry.tier, &offline})
    if (!take(bytes, *number)) return std::nullopt;
  entry.offline = offline != 0;
  return entry;
}

void ListingDigest::add(std::string_view packed) {
  const auto halves = halves_of(packed);
  for (std::size_t i = 0; i < 2; ++i) sums_[i] += halves[i];
  ++entries_;
}

void ListingDigest::remove(std::string_view packed) {
  const auto halves = halves_of(packed);
  for (std::size_t i = 0; i < 2; ++i) sums_[i] -= halves[i];
  --entries_;
}

void ListingDigest::add(const IndexEntry& entry) { add(packed_of(entry)); }
void ListingDigest::remove(const IndexEntry& entry) { remove(packed_of(entry)); }

Digest ListingDigest::value() const {
  return Hasher().field("mole listing 1").field(entries_).field(sums_[0]).field(sums_[1]).finish();
}

void pass_over(std::vector<PassedOver>& list, const std::string& reason, std::string path) {
  auto found = std::ranges::find(list, reason, &PassedOver::reason);
  if (found == list.end() && list.size() == max_passed_over_reasons) found = std::prev(list.end());
  if (found == list.end()) found = list.insert(list.end(), {reason, 0, {}});
  ++found->count;
  if (found->examples.size() < max_passed_over_examples) found->examples.push_back(std::move(path));
}

std::string index_text(const std::vector<IndexEntry>& entries) {
  std::string text;
  for (const auto& entry : entries) text += json_text(json(entry)) + "\n";
  return text;
}

Result<std::vector<IndexEntry>> parse_index(std::string_view text) {
  if (text.size() > max_index_bytes) return exhausted("the listing is larger than 256 MiB; split the archive into several");
  std::vector<IndexEntry> entries;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return corrupt("the listing is truncated; index the archive again");
    if (entries.size() == max_index_entries)
      return exhausted("the listing has more than 2,000,000 files; split the archive into several");
    try {
      entries.push_back(json::parse(text.substr(0, end)).get<IndexEntry>());
    } catch (const json::exception& e) {
      return corrupt(std::string("this is not a line of a listing: ") + e.what());
    }
    text.remove_prefix(end + 1);
  }
  return entries;
}

}  // namespace mole::task
