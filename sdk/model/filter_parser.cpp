#include "sdk/model/filter.hpp"
#include "sdk/model/filter_names.hpp"
#include "sdk/model/filter_words.hpp"
#include "sdk/model/flow_columns.hpp"

#include <mole/names.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>

namespace mole {
namespace {

using Kind = FilterNode::Kind;
using Compare = FilterNode::Compare;

constexpr std::size_t max_depth = 64;  // of parentheses and negations: the parser and the evaluation recurse
constexpr std::size_t max_length = 65536;

// The side of a flow that a condition is about: `src`, `dst`, neither or `src or dst`, `src and dst`.
enum class Side { source, destination, either, both };

template <class T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// Recursive descent with one word of lookahead. The first failure is stored in error_ and ends every loop.
class Parser {
 public:
  explicit Parser(std::vector<FilterWord> words) : words_(std::move(words)) {}

  Result<FilterNode> parse() {
    FilterNode root = disjunction();
    if (!error_ && !peek().text.empty()) fail("expected 'and', 'or' or the end, found '" + peek().raw + "'");
    if (error_) return *error_;
    return root;
  }

 private:
  const FilterWord& peek() const { return words_[next_]; }
  void advance() {
    if (next_ + 1 < words_.size()) ++next_;
  }
  bool take(std::string_view word) {
    if (peek().quoted || peek().text != word) return false;
    advance();
    return true;
  }
  FilterNode fail(const std::string& what) {
    if (!error_) error_ = filter_error(peek().at, what);
    return {};
  }

  template <class Part>
  FilterNode series(Kind kind, std::string_view word, std::string_view sign, Part part) {
    FilterNode first = part();
    if (peek().text != word && peek().text != sign) return first;
    FilterNode node{.kind = kind};
    const auto join = [&](FilterNode child) {  // flattens (a and b) and c into a and b and c
      if (child.kind == kind)
        node.children.insert(node.children.end(), child.children.begin(), child.children.end());
      else
        node.children.push_back(std::move(child));
    };
    join(std::move(first));
    while (!error_ && (take(word) || take(sign))) join(part());
    return node;
  }

  FilterNode disjunction() {
    return series(Kind::one_of, "or", "||", [&] { return conjunction(); });
  }
  FilterNode conjunction() {
    return series(Kind::all_of, "and", "&&", [&] { return operand(); });
  }

  FilterNode operand() {
    if (++depth_ > max_depth) return fail("nested more than 64 levels deep; simplify the filter");
    FilterNode node;
    if (take("not") || take("!")) {
      node.kind = Kind::negation;
      negated_ = !negated_;
      node.children.push_back(operand());
      negated_ = !negated_;
    } else if (take("(")) {
      node = disjunction();
      if (!error_ && !take(")")) node = fail("expected ')', found '" + peek().raw + "'");
    } else {
      node = test();
    }
    --depth_;
    return node;
  }

  FilterNode test() {
    if (peek().text.empty() && !peek().quoted) return fail("expected a condition, found the end");
    if (take("any")) return {};
    if (take("inet") || take("ipv4")) return {.kind = Kind::family, .numbers = {4}};
    if (take("inet6") || take("ipv6")) return {.kind = Kind::family, .numbers = {6}};
    if (take("proto") || take("protocol")) return protocol();
    if (take("flags")) return flags();
    if (take("router")) return router();
    if (take("src")) return sided(Side::source, "dst");
    if (take("dst")) return sided(Side::destination, "src");
    if (take("next")) return take("ip") ? addresses(MOLE_COLUMN_NEXT_HOP) : fail("expected 'ip' after 'next'");
    if (take("in")) return incoming();
    if (take("out")) return take("if") ? numbers(MOLE_COLUMN_OUT_IF) : fail("expected 'if' after 'out'");
    if (take("if")) return numbers(interfaces, Side::either);
    if (auto node = sided_primitive(Side::either)) return *node;
    return plain_column();
  }

  FilterNode incoming() {
    if (take("if")) return numbers(MOLE_COLUMN_IN_IF);
    if (take("packets")) return numbers(MOLE_COLUMN_PACKETS);
    if (take("bytes")) return numbers(MOLE_COLUMN_BYTES);
    return fail("expected if, packets or bytes after 'in'");
  }

  FilterNode plain_column() {
    const auto* derived = peek().quoted ? nullptr : derived_column(peek().text);
    const int column = peek().quoted ? -1 : derived ? static_cast<int>(derived->column) : flow_column_named(peek().text);
    if (column < 0)
      return fail(
          "unknown word '" + peek().raw +
          "'; expected proto, port, icmp-type, icmp-code, ip, net, as, mask, if, flags, tos, packets, bytes, duration, bpp, "
          "bps, pps, router, a flow column, an information element, not or (" +
          nearest_columns(peek().raw));
    advance();
    if (const auto* element = element_of_column(column)) return element_values(column, element->type);
    return column < MOLE_COLUMN_COUNT && is_address_column(column) ? addresses(column) : numbers(column);
  }

  FilterNode element_values(int column, ElementType element) {
    const auto type = value_type(element);
    if (type == "addr") return element_addresses(column);
    if (type != "text") return numbers(column);
    const auto compare = comparison();
    if (is_ordered(compare)) return fail(std::string(flow_column_name(column)) + " is a string; use =, != or in");
    return names({.kind = Kind::text, .column = column, .compare = compare}, [&](FilterNode& node) {
      if (peek().raw.empty() && !peek().quoted) return void(fail("expected a string in quotes"));
      if (element == ElementType::string) return node.names.push_back(peek().raw);
      if (!is_octets(peek().text))
        return void(fail("expected octets as they are printed, such as 0x00ff, found '" + peek().raw + "'"));
      node.names.push_back(peek().text);
    });
  }

  // Reads one name or a list of them with `one`, which does not advance.
  template <class One>
  FilterNode names(FilterNode node, One one) {
    const auto next = [&] {
      one(node);
      advance();
    };
    if (node.compare == Compare::in)
      list(next);
    else
      next();
    if (node.compare == Compare::equal) node.compare = Compare::in;
    sort_unique(node.names);
    if (!error_ && node.names.empty()) return fail("a list needs at least one name");
    return node;
  }

  // What follows `src` or `dst`.
  FilterNode sided(Side side, std::string_view other) {
    const bool either = take("or") || take("||"), both = !either && (take("and") || take("&&"));
    if (either || both) {
      if (!take(other))
        return fail("expected '" + std::string(other) + "', as in src or dst port 53, found '" + peek().raw + "'");
      side = either ? Side::either : Side::both;
    }
    if (side == Side::source && take("tos")) return numbers(MOLE_COLUMN_TOS);
    if (auto node = sided_primitive(side)) return *node;
    return fail("expected port, ip, host, net, as or mask after src or dst, found '" + peek().raw + "'");
  }

  std::optional<FilterNode> sided_primitive(Side side) {
    for (const auto& w : number_words)
      if (take(w.word)) return numbers(w.columns, side);
    if (take("ip") || take("host")) return addresses(addresses_of_flow, side, false);
    if (take("net")) return addresses(addresses_of_flow, side, true);
    return std::nullopt;
  }

  // Applies `node` to the columns of `side`. "!=" is the negation of "=": it holds on both sides if no side is given.
  static FilterNode on(FilterNode node, const SidedColumns& columns, Side side) {
    node.column = columns[side == Side::destination ? 1 : 0];
    if (side == Side::source || side == Side::destination) return node;
    FilterNode other = node;
    other.column = columns[1];
    const bool unequal = node.kind == Kind::number && node.compare == Compare::unequal;
    return {.kind = (side == Side::both) != unequal ? Kind::all_of : Kind::one_of,
            .children = {std::move(node), std::move(other)}};
  }

  Compare comparison() {
    for (const auto& s : compare_words)
      if (take(s.word)) return s.compare;
    return Compare::equal;
  }

  template <class Item>
  void list(Item item) {
    if (!take("[")) fail("expected '[' and a list");
    while (!error_ && !take("]")) {
      item();
      take(",");
    }
  }

  std::uint64_t number(const std::string& what = "a number") {
    std::string_view text = peek().text;
    std::uint64_t scale = 1;
    if (!text.empty() && text.find_first_not_of("0123456789") == text.size() - 1) {
      const auto unit = std::string_view("kmgt").find(text.back());
      if (unit != std::string_view::npos) {
        for (std::size_t i = 0; i <= unit; ++i) scale *= 1000;
        text.remove_suffix(1);
      }
    }
    int base = 10;
    if (text.starts_with("0x")) {
      base = 16;
      text.remove_prefix(2);
    }
    std::uint64_t value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (status != std::errc{} || end != text.data() + text.size() || text.empty() ||
        (scale > 1 && value > ~std::uint64_t{0} / scale)) {
      fail("expected " + what + ", found '" + peek().raw + "'");
      return 0;
    }
    advance();
    return value * scale;
  }

  FilterNode numbers(int column) { return numbers({column, column}, Side::source); }

  FilterNode numbers(const SidedColumns& columns, Side side) {
    return number_list(columns, side, [&] { return number(); });
  }

  template <class One>
  FilterNode number_list(const SidedColumns& columns, Side side, One one) {
    FilterNode node{.kind = Kind::number, .compare = comparison()};
    const int column = columns[side == Side::destination ? 1 : 0];
    const auto* derived = derived_column(column);
    const std::string name(derived ? derived->name : flow_column_name(column));
    if (is_ordered(node.compare) && (column == icmp_type_column || column == icmp_code_column))
      return fail(name + " has no order; use =, != or in");
    const auto add = [&] {
      node.numbers.push_back(one());
      if (const auto largest = largest_value(column); !error_ && node.numbers.back() > largest)
        fail(name + " is at most " + std::to_string(largest));
    };
    if (node.compare == Compare::in)
      list(add);
    else
      add();
    sort_unique(node.numbers);
    if (!error_ && node.numbers.empty()) return fail("a list needs at least one number");
    return on(std::move(node), columns, side);
  }

  FilterNode protocol() {
    return number_list({MOLE_COLUMN_PROTOCOL, MOLE_COLUMN_PROTOCOL}, Side::source, [&]() -> std::uint64_t {
      if (const auto known = protocol_named(peek().text)) {
        advance();
        return *known;
      }
      return number("a protocol's number or its name in nfdump, such as tcp, udp, icmp, icmp6, gre, esp or sctp");
    });
  }

  // Letters: TCP, and all of them are set; under `not`, none of them is set. A number: TCP, and the flags compare to it.
  FilterNode flags() {
    const std::string text = peek().text;
    if (text.empty() || text.find_first_not_of("fsrpauecx") != text.npos) {
      FilterNode node{.kind = Kind::all_of, .children = {{.kind = Kind::number, .column = MOLE_COLUMN_PROTOCOL, .numbers = {6}}}};
      node.children.push_back(numbers(MOLE_COLUMN_TCP_FLAGS));
      return node;
    }
    advance();
    std::uint64_t bits = 0;
    for (const char c : text) bits |= c == 'x' ? 0x3f : std::uint64_t{1} << tcp_flag_letters.find(c);
    return {.kind = negated_ ? Kind::any_flag : Kind::all_flags, .column = MOLE_COLUMN_TCP_FLAGS, .numbers = {bits}};
  }

  FilterNode router() {
    const auto compare = comparison();
    if (is_ordered(compare)) return fail("routers have no order; use =, != or in");
    auto named = names({.kind = Kind::router, .column = MOLE_COLUMN_ROUTER, .compare = compare}, [&](FilterNode& node) {
      if (peek().raw.empty() || (!peek().quoted && !is_filter_word(peek().raw[0]))) return void(fail("expected a router's name"));
      if (!peek().quoted && peek().text == "ip")
        return void(
            fail("a router is chosen by its name in the manifest, such as router 19991, not by its address; put quotes around a "
                 "name that is 'ip'"));
      node.names.push_back(peek().raw);
    });
    return compare == Compare::unequal ? FilterNode{.kind = Kind::negation, .children = {std::move(named)}} : named;
  }

  // A network may be written with the first 2 or 3 of 4 bytes (172.16/16) or with a netmask (172.16.0.0 255.240.0.0), as in
  // nfdump.
  std::optional<FilterNode::Net> address(bool net_wanted) {
    const std::string text = peek().text;
    const auto slash = text.find('/');
    std::string host = text.substr(0, slash);
    const auto dots = static_cast<std::size_t>(std::count(host.begin(), host.end(), '.'));
    if (net_wanted && slash != text.npos && (dots == 1 || dots == 2))
      for (auto missing = dots; missing < 3; ++missing) host += ".0";
    FilterNode::Net net;
    if (inet_pton(AF_INET6, host.c_str(), net.address.data()) == 1) {
      net.family = 6;
      net.prefix = 128;
    } else if (inet_pton(AF_INET, host.c_str(), net.address.data()) != 1) {
      fail("expected an address, found '" + peek().raw + "'");
      return {};
    }
    if (slash != text.npos) {
      const auto longest = net_wanted && net.family == 4 ? static_cast<std::uint32_t>(8 * (dots + 1)) : net.prefix;
      const auto bits = std::string_view(text).substr(slash + 1);
      std::uint32_t prefix = 0;
      const auto [end, status] = std::from_chars(bits.data(), bits.data() + bits.size(), prefix);
      if (status != std::errc{} || end != bits.data() + bits.size() || prefix > longest) {
        fail("expected a prefix length of 0 to " + std::to_string(longest) + " after '/'");
        return {};
      }
      net.prefix = prefix;
    } else if (net_wanted) {
      advance();
      std::uint32_t mask = 0;
      if (net.family != 4 || inet_pton(AF_INET, peek().text.c_str(), &mask) != 1) {
        fail("a net needs a prefix length or a netmask, such as 10.0.0.0/8 or 10.0.0.0 255.0.0.0");
        return {};
      }
      net.prefix = static_cast<std::uint32_t>(std::countl_one(ntohl(mask)));
      if (net.prefix < 32 && ntohl(mask) << net.prefix != 0) {
        fail("the netmask " + peek().raw + " has a zero bit before a one bit; write several nets");
        return {};
      }
    }
    for (std::uint32_t bit = net.prefix; bit < 128; ++bit)  // clear the host bits
      net.address[bit / 8] = static_cast<std::uint8_t>(net.address[bit / 8] & ~(0x80u >> (bit % 8)));
    advance();
    return net;
  }

  // A flow can have no address or several: != is true if one of them differs.
  FilterNode element_addresses(int column) {
    auto node = addresses(column);
    if (node.kind == Kind::negation) (node = FilterNode(node.children[0])).compare = Compare::unequal;
    return node;
  }

  FilterNode addresses(int column) { return addresses({column, column}, Side::source, false); }

  FilterNode addresses(const SidedColumns& columns, Side side, bool net_wanted) {
    FilterNode node{.kind = Kind::address};
    const Compare compare = comparison();
    if (is_ordered(compare)) return fail("addresses have no order; use =, != or in");
    const auto one = [&] {
      if (auto net = address(net_wanted)) node.nets.push_back(*net);
    };
    if (compare == Compare::in && peek().text == "[")
      list(one);
    else
      one();
    sort_unique(node.nets);
    if (!error_ && node.nets.empty()) return fail("a list needs at least one address");
    node = on(std::move(node), columns, side);
    if (compare != Compare::unequal) return node;
    return {.kind = Kind::negation, .children = {std::move(node)}};
  }

  std::vector<FilterWord> words_;
  std::size_t next_ = 0, depth_ = 0;
  bool negated_ = false;  // an odd number of `not` around the current word
  std::optional<Error> error_;
};

}  // namespace

Result<Filter> parse_filter(std::string_view text) {
  if (text.size() > max_length) return invalid("filter: longer than 65536 characters; split the module into several");
  MOLE_TRY(auto words, split_filter(text));
  if (words.size() == 1) return Filter{};
  MOLE_TRY(auto root, Parser(std::move(words)).parse());
  return Filter(std::move(root));
}

}  // namespace mole
