// Names of flow columns. IPFIX, nfdump and SiLK names are aliases wherever a person types one.
#pragma once

#include <mole/abi.h>

#include <string_view>

namespace mole {

// The name ("src_addr") of a MOLE_COLUMN_*; empty if there is no such column.
std::string_view flow_column_name(int column);
// The MOLE_COLUMN_* of a name or alias, in any case of letters; -1: unknown.
int flow_column_named(std::string_view name);

}  // namespace mole
