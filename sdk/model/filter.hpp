// A filter of flows in nfdump's syntax and with nfdump's meaning, as in a module's `filter` key. docs/guide/filters.md lists the
// words and every difference.
//
//   auto filter = mole::parse_filter("proto tcp and dst port in [80, 443] and not src net 10.0.0.0/8");
//   filter->canonical();  // "(protocol = 6 and dst_port in [80, 443] and not src_addr in [10.0.0.0/8])": part of keys
//   filter->columns();    // the flow columns that evaluation reads
//
// Grammar (words are case-insensitive; `and` binds tighter than `or`; `&&`, `||`, `!` are synonyms; # begins a comment):
//   any        inet | inet6 (ipv4 | ipv6)        proto NAME|N
//   [SIDE] port|as|mask [op] N | [SIDE] port|as|mask in [N, N, ...]         SIDE: src, dst, src or dst, src and dst
//   [SIDE] ip|host A | [SIDE] ip in [A, A/B, ...] | [SIDE] net A/B          next ip A
//   [in|out] if N        flags SAFRPU (TCP, and all of these are set; under `not`: none of them) | flags [op] N
//   tos|packets|bytes|duration|bpp|bps|pps [op] N      N may end in k, m, g, t (powers of 1000)      icmp-type|icmp-code N
//   router NAME | router in [NAME, ...]        COLUMN [op] N for every other flow column
//   ELEMENT [op] N | ELEMENT [=|!=] "text" | ELEMENT in ["text", ...] | ELEMENT [=|!=] A/B
//       by the type of the information element;
//       true if one of its values in the flow matches
// A condition without a side applies to either side. Evaluation: runtime/metric/filter_eval.hpp.
#pragma once

#include <mole/abi.h>
#include <mole/result.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mole {

// One node of the syntax tree. Leaves compare one column.
struct FilterNode {
  // all_flags, any_flag: TCP, and all (any) of the flags are set.
  enum class Kind { any, all_of, one_of, negation, number, address, text, all_flags, any_flag, router, family };
  enum class Compare { equal, unequal, less, greater, at_most, at_least, in };
  struct Net {
    std::uint32_t family = 4;                // 4 or 6
    std::array<std::uint8_t, 16> address{};  // network order; the first 4 bytes of an IPv4 address
    std::uint32_t prefix = 32;               // bits that must agree
    auto operator<=>(const Net&) const = default;
  };

  Kind kind = Kind::any;
  std::vector<FilterNode> children{};    // all_of, one_of: at least 2; negation: 1
  int column = -1;                       // a flow column; number: also a derived column
  Compare compare = Compare::equal;      // number; text and address: unequal, or one of `names` or `nets`
  std::vector<std::uint64_t> numbers{};  // number: the operand, or the sorted set of `in`; flags: the bits; family: 4 or 6
  std::vector<Net> nets{};               // address: one of them must match
  std::vector<std::string> names{};      // router, text: one of them must match
};

// Numbers that are computed from the columns of a flow, rounded down.
enum DerivedColumn : int {
  duration_column = 1'000'000,  // end - start, milliseconds
  bpp_column,                   // bytes per packet
  bps_column,                   // bits per second; 0 if the duration is 0
  pps_column,                   // packets per second; 0 if the duration is 0
  icmp_type_column,             // no number if the flow is not ICMP
  icmp_code_column,
};

class Filter {
 public:
  Filter() = default;  // any
  explicit Filter(FilterNode root);

  const FilterNode& root() const { return root_; }
  bool any() const { return root_.kind == FilterNode::Kind::any; }
  // The same text for equal trees, whatever their spelling; "any" for the empty filter. parse_filter accepts it.
  const std::string& canonical() const { return canonical_; }
  // Flow columns that evaluation reads, ascending; without `router`, which is a property of the file.
  const std::vector<int>& columns() const { return columns_; }

 private:
  FilterNode root_;
  std::string canonical_ = "any";
  std::vector<int> columns_;
};

// Returns false if no flow of this router passes the filter, whatever its columns contain.
bool may_pass(const Filter& filter, const std::string& router);
// Returns the columns on which the outcome depends for flows of this router: "router zh1 and application_label 53" reads no
// column of other routers. A subset of Filter::columns().
std::vector<int> columns_read(const Filter& filter, const std::string& router);
// Returns the routers that the filter names, sorted.
std::vector<std::string> routers_named(const Filter& filter);

// Parses a filter; the empty string is `any`. invalid: the message states the column (from 1) of the error and what was expected.
Result<Filter> parse_filter(std::string_view text);

}  // namespace mole
