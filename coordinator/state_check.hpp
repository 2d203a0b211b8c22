// Checks everything that a stopped coordinator has stored, and repairs what can be computed again (mole state check).
#pragma once

#include "coordinator/control/scrub_report.hpp"
#include "sdk/model/field_json.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mole::coordinator {

struct DamagedTable {
  std::string name;
  std::uint64_t rows = 0, unreadable = 0;
  bool complete = true, repaired = false;

  static constexpr auto table =
      document("DamagedTable", "A table of the store with rows that cannot be read.",  //
               field("name", &DamagedTable::name, "Name"), field("rows", &DamagedTable::rows, "Rows that can be read"),
               field("unreadable", &DamagedTable::unreadable, "Rows with a wrong checksum"),
               field("complete", &DamagedTable::complete, "false: blocks cannot be read, with an unknown number of rows"),
               field("repaired", &DamagedTable::repaired, "What cannot be read was removed"));
};

struct StateCheck {
  std::uint64_t rows = 0, lost_changes = 0;
  std::vector<std::string> lost_requests;
  std::string database;
  std::vector<DamagedTable> tables;
  std::uint64_t blobs = 0, blob_bytes = 0, unclaimed_blobs = 0;
  std::vector<std::string> damaged_blobs, missing_blobs;
  std::uint64_t results_dropped = 0;
  std::uint64_t stale_links = 0;
  std::vector<std::string> wrong_links;
  std::optional<ScrubReport> scrub;
  bool repair = false;

  // Whether something is damaged or lost that was not repaired.
  bool has_damage() const;

  static constexpr auto table = document(
      "StateCheck", "What a check of a coordinator's state found.",  //
      field("rows", &StateCheck::rows, "Rows of the store that can be read"),
      field("lost_changes", &StateCheck::lost_changes,
            "Acknowledged changes from the first unreadable one on; those that could be read were kept"),
      field("lost_requests", &StateCheck::lost_requests, "Requests that are lost, the first 1000"),
      field("database", &StateCheck::database, "First block of the database that cannot be read; empty: none"),
      field("tables", &StateCheck::tables, "Tables with rows that cannot be read"), field("blobs", &StateCheck::blobs, "Blobs"),
      field("blob_bytes", &StateCheck::blob_bytes, "Their size").unit("B"),
      field("unclaimed_blobs", &StateCheck::unclaimed_blobs, "Blobs that no result, plugin or routing table refers to"),
      field("damaged_blobs", &StateCheck::damaged_blobs, "Blobs whose bytes do not have their digest; a repair moves them away"),
      field("missing_blobs", &StateCheck::missing_blobs, "Blobs that results refer to and that do not exist"),
      field("results_dropped", &StateCheck::results_dropped,
            "Results whose blobs were lost: a repair makes the next request compute them again"),
      field("stale_links", &StateCheck::stale_links,
            "Results without a file in tables/ or what_if/, and files without a result, as after a crash: the next start, or a "
            "repair, links or removes them"),
      field("wrong_links", &StateCheck::wrong_links,
            "Files in tables/, what_if/ and requests/ whose bytes are not those of their result, and files of requests that are "
            "missing, the first 1000; a repair links them again"),
      field("scrub", &StateCheck::scrub, "The last complete round of the coordinator's own check; absent: none").optional(),
      field("repair", &StateCheck::repair, "Whether a repair was asked for"));
};

// Reads all rows, blobs and links of the state in `state`, which no coordinator may use. `repair`: accepts the loss of
// acknowledged changes, removes unreadable rows, moves damaged blobs to blobs/.quarantine, drops the results whose blobs are
// lost, and links files in tables/, what_if/ and requests/ again. missing, unsupported, corrupt: see store::Store::open.
Result<StateCheck> check_state(const std::filesystem::path& state, bool repair);

}  // namespace mole::coordinator
