// Which columns and which rows: what --columns and --where say.
#pragma once

#include <mole/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

// The names the globs match, in the order of the globs and each once. invalid: a glob that matches none, naming what
// comes near.
Result<std::vector<std::string>> matching(const std::vector<std::string>& globs, const std::vector<std::string>& names);

// "flows, packets and bytes"
std::string listed(const std::vector<std::string>& names);

// "no column is named 'x'; there are ..." or, of many, "near it are ...".
std::string no_such(std::string_view what, std::string_view wanted, const std::vector<std::string>& names);

// One column and the values it may have.
struct GroupFilter {
  std::string column;
  std::vector<std::string> values;
};

// {"direction=in", "protocol_class=tcp", "direction=out"}: a column named again may have either value. invalid, with what to
// write, for anything else.
Result<std::vector<GroupFilter>> parse_where(const std::vector<std::string>& texts);

}  // namespace mole::cli
