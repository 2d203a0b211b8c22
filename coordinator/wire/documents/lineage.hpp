// The document that the call `why` returns.
#pragma once

#include "sdk/model/field_json.hpp"

namespace mole::coordinator {

struct Interval {
  Micros from = 0, to = 0;

  bool operator==(const Interval&) const = default;
  static constexpr auto table = document("Interval", "A half-open time range.", time_field("from", &Interval::from, "Start"),
                                         time_field("to", &Interval::to, "End"));
};

// The origin of the rows of one block.
struct BlockLineage {
  std::string module, column;
  Interval interval;
  Micros block = 0;
  Digest rows_blob;
  nlohmann::json lineage;

  bool operator==(const BlockLineage&) const = default;
  static constexpr auto table = document(
      "BlockLineage", "The origin of a block of an upstream module.",  //
      field("module", &BlockLineage::module, "`PIPELINE/MODULE`"), field("column", &BlockLineage::column, "Column that is read"),
      field("interval", &BlockLineage::interval, "Part of the block that is read"),
      time_field("block", &BlockLineage::block, "Start of the block"),
      field("rows_blob", &BlockLineage::rows_blob, "Digest of its Parquet file; empty: none is stored"),
      field(
          "lineage", &BlockLineage::lineage,
          "Row of the table `lineage` ([store.md](store.md)) without `decides`; null: none is stored. `result` and `state` also "
          "contain the parts of the worker's record ([lineage.md](lineage.md)), with times as strings: `module`, `plugin`, "
          "`interval`, `window`, `archive`, `routes`, `files` (including missing ones), `inputs`, `states`"));
};

struct Lineage : BlockLineage {
  std::vector<std::string> overrides;
  std::vector<BlockLineage> upstream;

  bool operator==(const Lineage&) const = default;
  static constexpr auto table = document(
      "Lineage", "The origin of one number.",  //
      field("module", &Lineage::module, "`PIPELINE/MODULE`"), field("column", &Lineage::column, "Column of the number"),
      field("interval", &Lineage::interval, "Interval of the number"), time_field("block", &Lineage::block, "Start of its block"),
      field("rows_blob", &Lineage::rows_blob, "Digest of the Parquet file that contains it"),
      field("lineage", &Lineage::lineage, "As in `BlockLineage`"),
      field("overrides", &Lineage::overrides, "As in `ModuleResults`"),
      field("upstream", &Lineage::upstream, "Every block of every module it was computed from, sources first"));
};

}  // namespace mole::coordinator
