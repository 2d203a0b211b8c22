// What to remove because nothing needs it any more, and what was removed.
#pragma once

#include "sdk/model/field_json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mole::coordinator {

struct CollectOptions {
  bool dry_run = false;
  std::optional<Micros> keep_requests;
  std::optional<std::uint64_t> max_requests;

  static constexpr auto table =
      document("CollectOptions", "What to remove.",  //
               field("dry_run", &CollectOptions::dry_run, "Only count"),
               duration_field("keep_requests", &CollectOptions::keep_requests,
                              "How long requests are kept after their end; 0: for ever; absent: the setting of the coordinator")
                   .optional(),
               field("max_requests", &CollectOptions::max_requests,
                     "How many requests that have ended are kept at most; 0: any number; absent: the setting of the coordinator")
                   .optional());
};

struct CollectedKind {
  std::string kind;
  std::uint64_t count = 0, bytes = 0;

  bool operator==(const CollectedKind&) const = default;
  static constexpr auto table = document(
      "CollectedKind", "How many of one kind.",  //
      field("kind", &CollectedKind::kind,
            "`requests`, `request folders`, `client ids`, `revisions`, `fingerprints`, `catalogue rows`, `lineage rows`, "
            "`failure rows`, `events`, `states`, `nodes`, `blobs` or `uploads`"),
      field("count", &CollectedKind::count, "Number"),
      field("bytes", &CollectedKind::bytes, "Their size; of a folder, only what is not linked elsewhere").unit("B"));
};

struct Collection {
  bool dry_run = false;
  std::vector<CollectedKind> kinds;

  bool operator==(const Collection&) const = default;
  static constexpr auto table = document("Collection", "What was removed because nothing needs it.",  //
                                         field("dry_run", &Collection::dry_run, "Nothing was removed; this is what would be"),
                                         field("kinds", &Collection::kinds, "By kind; kinds without anything are left out"));
};

}  // namespace mole::coordinator
