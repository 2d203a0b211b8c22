#include "runtime/metric/filter_eval.hpp"

#include "runtime/decode/element_text.hpp"

#include <algorithm>
#include <cstring>

namespace mole::runtime {
namespace {

using Kind = FilterNode::Kind;
using Compare = FilterNode::Compare;

template <class Value>
void compare_rows(std::uint8_t* out, std::uint32_t rows, const FilterNode& node, Value value) {
  const std::uint64_t n = node.numbers[0];
  switch (node.compare) {
    case Compare::equal:
      for (std::uint32_t i = 0; i < rows; ++i) out[i] = value(i) == n;
      break;
    case Compare::unequal:
      for (std::uint32_t i = 0; i < rows; ++i) out[i] = value(i) != n;
      break;
    case Compare::less:
      for (std::uint32_t i = 0; i < rows; ++i) out[i] = value(i) < n;
      break;
    case Compare::greater:
      for (std::uint32_t i = 0; i < rows; ++i) out[i] = value(i) > n;
      break;
    case Compare::at_most:
      for (std::uint32_t i = 0; i < rows; ++i) out[i] = value(i) <= n;
      break;
    case Compare::at_least:
      for (std::uint32_t i = 0; i < rows; ++i) out[i] = value(i) >= n;
      break;
    case Compare::in:
      if (node.numbers.size() <= 8) {
        std::fill_n(out, rows, std::uint8_t{0});
        for (const std::uint64_t m : node.numbers)
          for (std::uint32_t i = 0; i < rows; ++i) out[i] |= value(i) == m;
      } else {
        for (std::uint32_t i = 0; i < rows; ++i) out[i] = std::binary_search(node.numbers.begin(), node.numbers.end(), value(i));
      }
      break;
  }
}

// Returns `scale` times `count` per second, rounded down; 0 if the duration is 0.
std::uint64_t per_second(std::uint64_t count, std::uint64_t scale, std::uint64_t milliseconds) {
  if (milliseconds == 0) return 0;
  const auto rate = static_cast<unsigned __int128>(count) * (1000 * scale) / milliseconds;
  return rate > ~std::uint64_t{0} ? ~std::uint64_t{0} : static_cast<std::uint64_t>(rate);
}

// An ICMP message's type and code as one number. Exporters write it to dst_port; some write it to src_port with its bytes
// swapped.
std::uint16_t icmp_message(std::uint16_t src_port, std::uint16_t dst_port) {
  return src_port == 0 ? dst_port : static_cast<std::uint16_t>(src_port << 8 | src_port >> 8);
}

void compare_icmp(std::uint8_t* out, const FlowBatch& flows, const FilterNode& node) {
  const auto* protocol = flows.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL).data();
  const auto* src_port = flows.column<std::uint16_t>(MOLE_COLUMN_SRC_PORT).data();
  const auto* dst_port = flows.column<std::uint16_t>(MOLE_COLUMN_DST_PORT).data();
  const int shift = node.column == icmp_type_column ? 8 : 0;
  compare_rows(out, flows.rows, node, [=](std::uint32_t i) -> std::uint64_t {
    if (protocol[i] != 1 && protocol[i] != 58) return ~std::uint64_t{0};  // equal to no type or code
    return icmp_message(src_port[i], dst_port[i]) >> shift & 0xff;
  });
}

void compare_derived(std::uint8_t* out, const FlowBatch& flows, const FilterNode& node) {
  const auto* start = flows.column<std::int64_t>(MOLE_COLUMN_START).data();
  const auto* end = flows.column<std::int64_t>(MOLE_COLUMN_END).data();
  const auto* packets = flows.column<std::uint64_t>(MOLE_COLUMN_PACKETS).data();
  const auto* bytes = flows.column<std::uint64_t>(MOLE_COLUMN_BYTES).data();
  const auto duration = [=](std::uint32_t i) {
    return end[i] > start[i] ? (static_cast<std::uint64_t>(end[i]) - static_cast<std::uint64_t>(start[i])) / 1000 : 0;
  };
  switch (static_cast<DerivedColumn>(node.column)) {
    case duration_column:
      return compare_rows(out, flows.rows, node, duration);
    case bpp_column:
      return compare_rows(out, flows.rows, node, [=](std::uint32_t i) { return packets[i] ? bytes[i] / packets[i] : 0; });
    case bps_column:
      return compare_rows(out, flows.rows, node, [=](std::uint32_t i) { return per_second(bytes[i], 8, duration(i)); });
    case pps_column:
      return compare_rows(out, flows.rows, node, [=](std::uint32_t i) { return per_second(packets[i], 1, duration(i)); });
    case icmp_type_column:
    case icmp_code_column:
      return compare_icmp(out, flows, node);
  }
}

// Sets out[i], unless it is set, to whether one of the values of an element in row i satisfies `matches(values, index)`.
template <class Matches>
void any_value(std::uint8_t* out, const FlowBatch& flows, int column, Matches matches) {
  const auto rows = flows.column<mole_values>(column);
  for (std::uint32_t i = 0; i < flows.rows; ++i) {
    for (std::uint64_t v = 0; v < rows[i].count && out[i] == 0; ++v) out[i] = matches(rows[i].values, v);
  }
}

template <class Value>
bool compares(const FilterNode& node, Value value) {
  const auto is = [&](std::uint64_t n) { return value == static_cast<Value>(n); };
  const auto n = static_cast<Value>(node.numbers[0]);
  switch (node.compare) {
    case Compare::equal:
    case Compare::in:
      return std::ranges::any_of(node.numbers, is);
    case Compare::unequal:
      return value != n;
    case Compare::less:
      return value < n;
    case Compare::greater:
      return value > n;
    case Compare::at_most:
      return value <= n;
    case Compare::at_least:
      return value >= n;
  }
  return false;
}

void compare_element(std::uint8_t* out, const FlowBatch& flows, const FilterNode& node) {
  const auto compare = [&]<class Value>(Value) {
    any_value(out, flows, node.column,
              [&](const void* values, std::uint64_t v) { return compares(node, static_cast<const Value*>(values)[v]); });
  };
  std::fill_n(out, flows.rows, std::uint8_t{0});
  const auto type = value_type(element_of_column(node.column)->type);
  if (type == "f64") return compare(double{});
  if (type == "u64" || type == "bool") return compare(std::uint64_t{});
  compare(std::int64_t{});  // i64 and time
}

void match_text(std::uint8_t* out, const FlowBatch& flows, const FilterNode& node) {
  std::fill_n(out, flows.rows, std::uint8_t{0});
  const bool wanted = node.compare != Compare::unequal;
  if (const auto type = element_of_column(node.column)->type; type != ElementType::string) {
    std::string octets;  // as printed: 0x00ff
    return any_value(out, flows, node.column, [&](const void* values, std::uint64_t v) {
      octets.clear();
      append_element_text(octets, type, {values, v + 1}, v);
      return std::ranges::binary_search(node.names, octets) == wanted;
    });
  }
  any_value(out, flows, node.column, [&](const void* values, std::uint64_t v) {
    const auto& text = static_cast<const mole_text*>(values)[v];
    return std::ranges::binary_search(node.names, std::string_view(text.data, text.size), std::less<>()) == wanted;
  });
}

void compare_numbers(std::uint8_t* out, const FlowBatch& flows, const FilterNode& node) {
  if (node.column >= duration_column) return compare_derived(out, flows, node);
  if (is_element_column(node.column)) return compare_element(out, flows, node);
  with_numbers(flows, node.column, [&](auto values) {
    compare_rows(out, flows.rows, node,
                 [column = values.data()](std::uint32_t i) { return static_cast<std::uint64_t>(column[i]); });
  });
}

void match_flags(std::uint8_t* __restrict out, const FlowBatch& flows, const FilterNode& node) {
  const auto* protocol = flows.column<std::uint8_t>(MOLE_COLUMN_PROTOCOL).data();
  const auto* flags = flows.column<std::uint16_t>(MOLE_COLUMN_TCP_FLAGS).data();
  const std::uint32_t rows = flows.rows;
  const auto bits = static_cast<std::uint16_t>(node.numbers[0]);
  if (node.kind == Kind::all_flags)
    for (std::uint32_t i = 0; i < rows; ++i) out[i] = protocol[i] == 6 && (flags[i] & bits) == bits;
  else
    for (std::uint32_t i = 0; i < rows; ++i) out[i] = protocol[i] == 6 && (flags[i] & bits) != 0;
}

// `rows` is a local copy and `out` is __restrict: stores of bytes may alias anything, and without both the compiler would reload
// values in every iteration and could not vectorise the loop.
void match_v4(std::uint8_t* __restrict out, const FlowBatch& flows, const FilterNode& node) {
  const auto* column = flows.column<std::uint32_t>(node.column).data();
  const std::uint32_t rows = flows.rows;
  for (const auto& net : node.nets) {
    if (net.family != 4) continue;
    const std::uint32_t mask = net.prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - net.prefix);
    const std::uint32_t network = static_cast<std::uint32_t>(net.address[0]) << 24 |
                                  static_cast<std::uint32_t>(net.address[1]) << 16 |
                                  static_cast<std::uint32_t>(net.address[2]) << 8 | net.address[3];
    for (std::uint32_t i = 0; i < rows; ++i) out[i] |= (column[i] & mask) == network;
  }
}

// Returns an IPv4 network as the network of its IPv4-mapped IPv6 addresses.
FilterNode::Net mapped(const FilterNode::Net& net) {
  if (net.family == 6) return net;
  FilterNode::Net out{6, {}, net.prefix + 96};
  out.address[10] = out.address[11] = 0xff;
  std::copy_n(net.address.begin(), 4, out.address.begin() + 12);
  return out;
}

// A network of addresses of 16 bytes.
struct WideNet {
  std::uint64_t mask[2], network[2];

  explicit WideNet(const FilterNode::Net& net) {
    std::array<std::uint8_t, 16> bits{};
    for (std::uint32_t bit = 0; bit < net.prefix; ++bit)
      bits[bit / 8] = static_cast<std::uint8_t>(bits[bit / 8] | 0x80u >> (bit % 8));
    std::memcpy(mask, bits.data(), 16);
    std::memcpy(network, net.address.data(), 16);
  }
  bool contains(const std::uint8_t* bytes) const {
    std::uint64_t address[2];
    std::memcpy(address, bytes, 16);
    return (address[0] & mask[0]) == network[0] && (address[1] & mask[1]) == network[1];
  }
};

// Matches addresses of 16 bytes. In a column of addresses of the batch's family, no IPv4 network matches.
void match_wide(std::uint8_t* out, const FlowBatch& flows, const FilterNode& node) {
  for (const auto& given : node.nets) {
    if (given.family != 6 && is_family_address(node.column)) continue;
    const WideNet net(mapped(given));
    if (is_element_column(node.column)) {
      any_value(out, flows, node.column, [&](const void* values, std::uint64_t v) {
        return net.contains(static_cast<const std::uint8_t*>(values) + 16 * v) == (node.compare != Compare::unequal);
      });
      continue;
    }
    const auto* column = flows.column<std::uint8_t>(node.column).data();
    for (std::uint32_t i = 0; i < flows.rows; ++i) out[i] |= net.contains(column + std::size_t{16} * i);
  }
}

}  // namespace

std::uint8_t* FilterEvaluator::mask(std::size_t depth, std::uint32_t rows) {
  if (masks_.size() <= depth) masks_.resize(depth + 1);
  if (masks_[depth].size() < rows) masks_[depth].resize(rows);
  return masks_[depth].data();
}

const std::uint8_t* FilterEvaluator::evaluate(const FlowBatch& flows, std::string_view router) {
  node(filter_.root(), flows, router, 0);
  return mask(0, flows.rows);
}

// Writes the result to mask(depth).
void FilterEvaluator::node(const FilterNode& n, const FlowBatch& flows, std::string_view router, std::size_t depth) {
  mask(depth + 1, flows.rows);  // first, because it may move masks_
  std::uint8_t* out = mask(depth, flows.rows);
  const auto rows = flows.rows;
  const auto fill = [&](bool value) { std::fill_n(out, rows, static_cast<std::uint8_t>(value)); };
  switch (n.kind) {
    case Kind::any:
      return fill(true);
    case Kind::family:
      return fill(n.numbers[0] == flows.address_family);
    case Kind::router:
      return fill(std::binary_search(n.names.begin(), n.names.end(), router));
    case Kind::number:
      return compare_numbers(out, flows, n);
    case Kind::text:
      return match_text(out, flows, n);
    case Kind::all_flags:
    case Kind::any_flag:
      return match_flags(out, flows, n);
    case Kind::address:
      fill(false);
      return column_width(n.column, flows.address_family) == 4 ? match_v4(out, flows, n) : match_wide(out, flows, n);
    case Kind::negation:
      node(n.children[0], flows, router, depth);
      out = mask(depth, rows);
      for (std::uint32_t i = 0; i < rows; ++i) out[i] ^= 1;
      return;
    case Kind::all_of:
    case Kind::one_of:
      node(n.children[0], flows, router, depth);
      for (std::size_t c = 1; c < n.children.size(); ++c) {
        node(n.children[c], flows, router, depth + 1);
        out = mask(depth, rows);
        const std::uint8_t* other = mask(depth + 1, rows);
        if (n.kind == Kind::all_of)
          for (std::uint32_t i = 0; i < rows; ++i) out[i] &= other[i];
        else
          for (std::uint32_t i = 0; i < rows; ++i) out[i] |= other[i];
      }
      return;
  }
}

const std::uint8_t* DirectionEvaluator::evaluate(const FlowBatch& flows, std::string_view router) {
  if (direction_.size() < flows.rows) direction_.resize(flows.rows);
  const std::uint8_t* from_home = source_.evaluate(flows, router);
  const std::uint8_t* to_home = destination_.evaluate(flows, router);
  // From home: internal or out, 2 - to; from elsewhere: in or transit, 3 - 3 * to. Without a branch, and with __restrict, so that
  // the compiler can vectorise the loop.
  std::uint8_t* const __restrict direction = direction_.data();
  for (std::uint32_t i = 0, rows = flows.rows; i < rows; ++i) {
    const unsigned from = from_home[i], to = to_home[i];
    direction[i] = static_cast<std::uint8_t>(3 - from - (-to & (3 - 2 * from)));
  }
  return direction;
}

}  // namespace mole::runtime
