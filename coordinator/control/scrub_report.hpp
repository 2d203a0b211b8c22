// What a round of the scrub has read and found.
#pragma once

#include "sdk/model/field_json.hpp"

namespace mole::coordinator {

struct ScrubReport {
  Micros started = 0, finished = 0;
  std::uint64_t blobs = 0, rows = 0, bytes = 0;
  std::uint64_t damaged_blobs = 0, lost_results = 0, unreadable_rows = 0, damaged_files = 0, wrong_links = 0;

  bool operator==(const ScrubReport&) const = default;
  bool found_damage() const { return damaged_blobs + lost_results + unreadable_rows + damaged_files + wrong_links > 0; }
  static constexpr auto table = document(
      "ScrubReport", "What a round of the scrub has read and found.",  //
      time_field("started", &ScrubReport::started, "Its start"), time_field("finished", &ScrubReport::finished, "Its end"),
      field("blobs", &ScrubReport::blobs, "Blobs read"), field("rows", &ScrubReport::rows, "Rows of the store read"),
      field("bytes", &ScrubReport::bytes, "Bytes read").unit("B"),
      field("damaged_blobs", &ScrubReport::damaged_blobs, "Blobs that were damaged, and moved to the quarantine"),
      field("lost_results", &ScrubReport::lost_results, "Results whose blobs were damaged or missing: they are computed again"),
      field("unreadable_rows", &ScrubReport::unreadable_rows, "Rows of the store with a wrong checksum"),
      field("damaged_files", &ScrubReport::damaged_files, "Files of the database with blocks that cannot be read"),
      field("wrong_links", &ScrubReport::wrong_links,
            "Files in tables/, what_if/ and requests/ that were missing or damaged, and linked again"));
};

// Row of the table `meta`: the ScrubReport of the last complete round.
inline constexpr std::string_view last_scrub = "scrub";

}  // namespace mole::coordinator
