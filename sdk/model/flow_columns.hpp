// Names of flow columns, with aliases from IPFIX, nfdump and SiLK.
#pragma once

#include <mole/abi.h>

#include <string_view>

namespace mole {

// Returns the name ("src_addr") of a MOLE_COLUMN_*; empty if there is no such column.
std::string_view flow_column_name(int column);
// Returns the MOLE_COLUMN_* of a name or alias, ignoring case; -1 if unknown.
int flow_column_named(std::string_view name);

}  // namespace mole
