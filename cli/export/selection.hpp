// Selects columns and rows: --columns and --where.
#pragma once

#include <mole/result.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mole::cli {

// Returns the names that match the globs, in the order of the globs, each once. invalid: a glob matches nothing; the message
// suggests similar names.
Result<std::vector<std::string>> matching(const std::vector<std::string>& globs, const std::vector<std::string>& names);

// "flows, packets and bytes"
std::string listed(const std::vector<std::string>& names);

// Returns "no column is named 'x'; available: a and b", or for many names "...; the most similar of 300 are a and b".
std::string no_such(std::string_view what, std::string_view wanted, const std::vector<std::string>& names);

// A condition on a column: one of these values, or a comparison with a number.
struct GroupFilter {
  enum class Compare { equal, less, at_most, greater, at_least };

  std::string column;
  std::vector<std::string> values;  // equal
  Compare compare = Compare::equal;
  double number = 0;

  // Whether the text is one of the values. Addresses are compared as addresses: 2001:db8::1 is 2001:0db8:0::1, and
  // ::ffff:10.0.0.1 is 10.0.0.1.
  bool accepts(const std::string& text) const;
  bool accepts(double value) const;
  // "coverage < 1"; empty if it is no comparison.
  std::string comparison() const;
};

// Parses {"direction=in,protocol_class=tcp", "direction=out", "coverage<1"}; values of a repeated column are alternatives. A
// value that contains a comma is written in single or double quotes, which are doubled inside: "router='zh,1'". invalid: an
// argument is not a list of COLUMN=VALUE or COLUMN<NUMBER (or <=, >, >=).
Result<std::vector<GroupFilter>> parse_where(const std::vector<std::string>& arguments);

// Returns the argument of --where for these columns and values, quoted as needed in a shell: direction=in or "router='zh,1'".
std::string where_argument(const std::vector<std::pair<std::string, std::string>>& filters);

}  // namespace mole::cli
