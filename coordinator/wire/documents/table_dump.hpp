// The document that the call `dump` returns.
#pragma once

#include "sdk/model/field_json.hpp"

namespace mole::coordinator {

struct TableDump {
  std::string table_name;
  std::vector<nlohmann::json> rows;
  std::string next;

  bool operator==(const TableDump&) const = default;
  static constexpr auto table =
      document("TableDump", "Rows of one table of the store, from a snapshot.",  //
               field("table", &TableDump::table_name, "Name of the table"),
               field("rows", &TableDump::rows, "Rows as objects ([store.md](store.md)), at most 10,000"),
               field("next", &TableDump::next, "Cursor: pass it as `from` to continue; empty at the end"));
};

}  // namespace mole::coordinator
