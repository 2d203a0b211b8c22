// The dimensions of `by`: their values as text and the order of groups.
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime {

// One value per dimension, outermost first, as text: "19991", "tcp", "443", "10.0.0.1". Without `by`, the group is empty.
using Group = std::vector<std::string>;

struct Dimension {
  // element: the first value of an information element, as text; empty if the flow does not have it.
  enum class Kind { router, direction, protocol_class, number, address, element };

  std::string name;
  Kind kind = Kind::number;
  int column = -1;     // flow column that holds the value; -1: a property of the file, or derived from columns (direction)
  bool total = false;  // dense: also has the member "all", made by merging the states of the others

  // True: every interval has rows for every member. Open dimensions (all others) have rows only for members that occurred.
  bool dense() const { return kind == Kind::router || kind == Kind::direction || kind == Kind::protocol_class; }
  // Returns the type of the column in rows: "u64" or "text".
  const char* type() const { return kind == Kind::number ? "u64" : "text"; }
};

// invalid: there is no such dimension; the message lists them all.
Result<Dimension> dimension_named(std::string_view name);
Result<std::vector<Dimension>> dimensions_named(const std::vector<std::string>& names);

inline constexpr std::string_view protocol_classes[] = {"icmp", "other", "tcp", "udp"};  // in the order of rows
// Returns an index into protocol_classes. ICMPv6 (58) is icmp.
constexpr std::uint8_t protocol_class_of(std::uint8_t protocol) {
  return protocol == 1 || protocol == 58 ? 0 : protocol == 6 ? 2 : protocol == 17 ? 3 : 1;
}

// The member that is the total of all others, in a dimension with `total`.
inline constexpr std::string_view all_members = "all";
// Sets `total` of the named dimensions. invalid: one of them is not in `by`, or is open.
Result<> set_totals(std::vector<Dimension>& by, const std::vector<std::string>& totals);

// The order of rows: numbers by value, strings by bytes, dimension by dimension. A strict weak order.
struct GroupOrder {
  const std::vector<Dimension>* by;
  bool operator()(const Group& a, const Group& b) const;
};

// Returns every combination of members of the dense dimensions of `by` (`routers` are the members of the router dimension),
// including "all" where there are totals; the values of open dimensions are "".
std::vector<Group> dense_members(const std::vector<Dimension>& by, const std::vector<std::string>& routers);
// Returns `group` with the values of open dimensions replaced by "".
Group dense_part(const std::vector<Dimension>& by, const Group& group);

}  // namespace mole::runtime
