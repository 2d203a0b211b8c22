// The dimensions of `by`: what rows are grouped by, their values as text and their order (DESIGN decision 9).
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime {

// One value per dimension, outermost first, as text: "19991", "tcp", "443", "10.0.0.1". The empty group is () for no `by`.
using Group = std::vector<std::string>;

struct Dimension {
  enum class Kind { router, direction, protocol_class, number, address };

  std::string name;
  Kind kind = Kind::number;
  int column = -1;     // flow column it is taken from; -1: a fact of the file, or worked out of several (direction)
  bool total = false;  // dense: has the member "all" beside the others, made by merging their states

  // Closed: every interval has every member. Open dimensions (the rest) have rows only for what occurred.
  bool dense() const { return kind == Kind::router || kind == Kind::direction || kind == Kind::protocol_class; }
  // Type of the column in rows: "u64" or "text".
  const char* type() const { return kind == Kind::number ? "u64" : "text"; }
};

// invalid: no such dimension; the message lists those there are.
Result<Dimension> dimension_named(std::string_view name);
Result<std::vector<Dimension>> dimensions_named(const std::vector<std::string>& names);

inline constexpr std::string_view protocol_classes[] = {"icmp", "other", "tcp", "udp"};  // in the order of rows
// Index into protocol_classes. ICMPv6 (58) is icmp.
constexpr std::uint8_t protocol_class_of(std::uint8_t protocol) {
  switch (protocol) {
    case 1:
    case 58:
      return 0;
    case 6:
      return 2;
    case 17:
      return 3;
    default:
      return 1;
  }
}

// The member that stands for all others of a dimension with `total`.
inline constexpr std::string_view all_members = "all";
// Sets `total` of the dimensions named. invalid: one of them is not in `by`, or open.
Result<> set_totals(std::vector<Dimension>& by, const std::vector<std::string>& totals);

// The order of rows: numbers by value, texts by bytes, dimension by dimension. A strict weak order.
struct GroupOrder {
  const std::vector<Dimension>* by;
  bool operator()(const Group& a, const Group& b) const;
};

// Every combination of members of the dense dimensions of `by` (routers: `routers`), "all" among them where there are totals;
// sparse dimensions are left "" (so the result has one entry () if nothing is dense).
std::vector<Group> dense_members(const std::vector<Dimension>& by, const std::vector<std::string>& routers);
// `group` with its sparse values made "".
Group dense_part(const std::vector<Dimension>& by, const Group& group);

}  // namespace mole::runtime
