// What a downloader lists: the files of an archive and the paths it passes over.
#pragma once

#include "sdk/model/field_json.hpp"

#include <cstdint>
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

// Counts a path, and keeps it if there are few examples. Further reasons than the first 32 are counted with the last one.
void pass_over(std::vector<PassedOver>& list, const std::string& reason, std::string path);

// A listing too large for a message: one IndexEntry per line, each a JSON object. corrupt: malformed; exhausted: larger than
// these limits, which protect against untrusted text.
inline constexpr std::uint64_t max_index_bytes = std::uint64_t{256} << 20;
inline constexpr std::size_t max_index_entries = 2'000'000;
std::string index_text(const std::vector<IndexEntry>& entries);
Result<std::vector<IndexEntry>> parse_index(std::string_view text);

}  // namespace mole::task
