// What a downloader lists: the files of an archive and the paths it passes over.
#pragma once

#include "sdk/model/digest.hpp"
#include "sdk/model/field_json.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::task {

struct IndexEntry {
  std::string id;
  std::uint64_t size = 0;
  std::string version, medium;
  std::uint64_t position = 0;
  std::string stated_digest = {};
  bool offline = false;
  std::uint64_t tier = 0;

  bool operator==(const IndexEntry&) const = default;
  static constexpr auto table = document(
      "IndexEntry", "A file that a downloader listed.",  //
      field("id", &IndexEntry::id, "Argument of the downloader's fetch"), field("size", &IndexEntry::size, "Size").unit("B"),
      field("version", &IndexEntry::version, "Changes when the content may have changed; may be empty"),
      field("medium", &IndexEntry::medium, "Tape or other medium it is on; empty: not known"),
      field("position", &IndexEntry::position, "Position on the medium"),
      field("stated_digest", &IndexEntry::stated_digest,
            "Digest that the archive states for its bytes, `sha256:` or `md5:` and hexadecimal digits; may be empty")
          .optional(),
      field("offline", &IndexEntry::offline, "It must be staged from its medium before it can be fetched").optional(),
      field("tier", &IndexEntry::tier, "The first tier that lists it, counted from the last one, which is 0").optional());
};

// Whether an archive may have a file of this id. Others in a listing are ignored.
bool is_usable_id(std::string_view id);

// Appends the packed form of an entry, which docs/formats/listing.md defines. Equal entries have equal packed forms.
void append_packed(std::string& out, const IndexEntry& entry);
// Removes the packed form of an entry from the front of `bytes`. nullopt: it is truncated.
std::optional<IndexEntry> take_packed(std::string_view& bytes);

// The digest of a listing, whose entries have usable ids, each once. It does not depend on their order, and a listing that
// changes in a few entries needs only these.
class ListingDigest {
 public:
  void add(std::string_view packed);     // an entry
  void remove(std::string_view packed);  // that has been added
  void add(const IndexEntry& entry);
  void remove(const IndexEntry& entry);
  std::uint64_t entries() const { return entries_; }
  Digest value() const;  // never empty

 private:
  std::uint64_t entries_ = 0;
  std::array<std::uint64_t, 2> sums_{};  // of the halves of the entries' digests
};

struct PassedOver {
  std::string reason;
  std::uint64_t count = 0;
  std::vector<std::string> examples;

  bool operator==(const PassedOver&) const = default;
  static constexpr auto table =
      document("PassedOver", "Paths of an archive that are not used as its files.",  //
               field("reason", &PassedOver::reason, "Why"), field("count", &PassedOver::count, "How many"),
               field("examples", &PassedOver::examples, "Some of them"));
};

// Counts a path, and keeps it if there are few examples. Further reasons than the first ones are counted with the last one.
inline constexpr std::size_t max_passed_over_reasons = 32, max_passed_over_examples = 5;
void pass_over(std::vector<PassedOver>& list, const std::string& reason, std::string path);

// A listing too large for a message: one IndexEntry per line, each a JSON object. corrupt: malformed; exhausted: larger than
// these limits, which protect against untrusted text.
inline constexpr std::uint64_t max_index_bytes = std::uint64_t{256} << 20;
inline constexpr std::size_t max_index_entries = 2'000'000;
std::string index_text(const std::vector<IndexEntry>& entries);
Result<std::vector<IndexEntry>> parse_index(std::string_view text);

}  // namespace mole::task
