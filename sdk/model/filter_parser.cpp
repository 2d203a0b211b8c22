#include "sdk/model/filter.hpp"
#include "sdk/model/filter_words.hpp"
#include "sdk/model/flow_columns.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace mole {
namespace {

using Kind = FilterNode::Kind;
using Compare = FilterNode::Compare;

constexpr std::size_t max_depth = 64;  // of parentheses and negations: the parser and the evaluation recurse
constexpr std::size_t max_length = 65536;

struct NumberWord {
  std::string_view word;
  int columns[2];  // source and destination
};

constexpr NumberWord number_words[] = {
    {"port", {MOLE_COLUMN_SRC_PORT, MOLE_COLUMN_DST_PORT}},
    {"as", {MOLE_COLUMN_SRC_AS, MOLE_COLUMN_DST_AS}},
    {"mask", {MOLE_COLUMN_SRC_MASK, MOLE_COLUMN_DST_MASK}},
    {"if", {MOLE_COLUMN_IN_IF, MOLE_COLUMN_OUT_IF}},
};

constexpr struct {
  std::string_view name;
  std::uint64_t number;
} protocols[] = {{"icmp", 1}, {"igmp", 2}, {"tcp", 6},    {"udp", 17},  {"gre", 47},
                 {"esp", 50}, {"ah", 51},  {"icmp6", 58}, {"ospf", 89}, {"sctp", 132}};

template <class T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

std::string protocol_names() {
  std::string names;
  for (const auto& p : protocols) names.append(names.empty() ? "" : ", ").append(p.name);
  return names;
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
      node.children.push_back(operand());
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
    if (take("flags") || take("tcp_flags")) return flags();
    if (take("router")) return router();
    if (take("src") || take("srcip")) return sided(0);
    if (take("dst") || take("dstip")) return sided(1);
    if (take("next")) return take("ip") ? addresses(MOLE_COLUMN_NEXT_HOP, -1, false) : fail("expected 'ip' after 'next'");
    if (take("in")) return take("if") ? numbers(MOLE_COLUMN_IN_IF, -1) : fail("expected 'if' after 'in'");
    if (take("out")) return take("if") ? numbers(MOLE_COLUMN_OUT_IF, -1) : fail("expected 'if' after 'out'");
    if (take("duration")) return numbers(duration_column, -1);
    if (take("bpp")) return numbers(bpp_column, -1);
    for (const auto& w : number_words)
      if (take(w.word)) return numbers(w.columns[0], w.columns[1]);
    for (const bool net : {false, true})
      if (net ? take("net") : (take("ip") || take("host"))) return addresses(MOLE_COLUMN_SRC_ADDR, MOLE_COLUMN_DST_ADDR, net);
    return plain_column();
  }

  FilterNode plain_column() {
    const int column = peek().quoted ? -1 : flow_column_named(peek().text);
    if (column < 0)
      return fail("unknown word '" + peek().raw +
                  "'; expected proto, port, ip, net, as, if, flags, tos, packets, bytes, router, a flow "
                  "column, not or (");
    advance();
    if (column == MOLE_COLUMN_SRC_ADDR || column == MOLE_COLUMN_DST_ADDR || column == MOLE_COLUMN_NEXT_HOP)
      return addresses(column, -1, false);
    return numbers(column, -1);
  }

  FilterNode sided(int side) {
    for (const auto& w : number_words)
      if (w.word != "if" && take(w.word)) return numbers(w.columns[side], -1);
    const int column = side == 0 ? MOLE_COLUMN_SRC_ADDR : MOLE_COLUMN_DST_ADDR;
    if (take("ip") || take("host")) return addresses(column, -1, false);
    if (take("net")) return addresses(column, -1, true);
    return fail("expected port, ip, host, net, as or mask after src or dst, found '" + peek().raw + "'");
  }

  // Applies `node` to one column, or to either of two.
  static FilterNode on(FilterNode node, int first, int second) {
    node.column = first;
    if (second < 0) return node;
    FilterNode other = node;
    other.column = second;
    const bool unequal = node.kind == Kind::number && node.compare == Compare::unequal;  // "port != 80" must hold on both sides
    return {.kind = unequal ? Kind::all_of : Kind::one_of, .children = {std::move(node), std::move(other)}};
  }

  Compare comparison() {
    static constexpr struct {
      std::string_view text;
      Compare compare;
    } signs[] = {{"=", Compare::equal},    {"==", Compare::equal},    {"eq", Compare::equal}, {"!=", Compare::unequal},
                 {"<=", Compare::at_most}, {">=", Compare::at_least}, {"<", Compare::less},   {"lt", Compare::less},
                 {">", Compare::greater},  {"gt", Compare::greater},  {"in", Compare::in}};
    for (const auto& s : signs)
      if (take(s.text)) return s.compare;
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
      const auto unit = std::string_view("kmg").find(text.back());
      if (unit != std::string_view::npos) {
        scale = std::uint64_t{1} << (10 * (unit + 1));
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

  FilterNode numbers(int first, int second) {
    FilterNode node{.kind = Kind::number, .compare = comparison()};
    if (node.compare == Compare::in) {
      list([&] { node.numbers.push_back(number()); });
      sort_unique(node.numbers);
      if (!error_ && node.numbers.empty()) return fail("a list needs at least one number");
    } else {
      node.numbers = {number()};
    }
    const bool ports = first == MOLE_COLUMN_SRC_PORT || first == MOLE_COLUMN_DST_PORT;
    if (!error_ && ports && *std::max_element(node.numbers.begin(), node.numbers.end()) > 0xffff)
      return fail("a port is at most 65535");
    return on(std::move(node), first, second);
  }

  FilterNode protocol() {
    FilterNode node{.kind = Kind::number, .compare = comparison()};
    const auto one = [&] {
      for (const auto& p : protocols)
        if (take(p.name)) return node.numbers.push_back(p.number);
      node.numbers.push_back(number("a protocol's number or one of " + protocol_names()));
      if (!error_ && node.numbers.back() > 255) fail("a protocol number is at most 255");
    };
    if (node.compare == Compare::in)
      list(one);
    else
      one();
    sort_unique(node.numbers);
    if (!error_ && node.numbers.empty()) return fail("a list needs at least one protocol");
    return on(std::move(node), MOLE_COLUMN_PROTOCOL, -1);
  }

  FilterNode flags() {
    static constexpr std::string_view letters = "fsrpauec";  // bits 0.. of tcpControlBits
    take("=");
    FilterNode node{.kind = Kind::flags, .column = MOLE_COLUMN_TCP_FLAGS};
    const std::string text = peek().text;
    if (!text.empty() && text.find_first_not_of("fsrpauecx") == text.npos) {
      std::uint64_t bits = 0;
      for (const char c : text) bits |= c == 'x' ? 0x3f : std::uint64_t{1} << letters.find(c);
      node.numbers = {bits};
      advance();
    } else {
      node.numbers = {number()};
    }
    if (!error_ && node.numbers[0] > 0xffff) return fail("TCP flags have 16 bits");
    return node;
  }

  FilterNode router() {
    FilterNode node{.kind = Kind::router, .column = MOLE_COLUMN_ROUTER};
    const auto name = [&] {
      if (peek().raw.empty() || (!peek().quoted && !is_filter_word(peek().raw[0]))) return void(fail("expected a router's name"));
      node.names.push_back(peek().raw);
      advance();
    };
    if (comparison() == Compare::in)
      list(name);
    else
      name();
    sort_unique(node.names);
    if (!error_ && node.names.empty()) return fail("a list needs at least one name");
    return node;
  }

  std::optional<FilterNode::Net> address(bool net_wanted) {
    const std::string& text = peek().text;
    const auto slash = text.find('/');
    const std::string host = text.substr(0, slash);
    FilterNode::Net net;
    if (inet_pton(AF_INET6, host.c_str(), net.address.data()) == 1) {
      net.family = 6;
      net.prefix = 128;
    } else if (inet_pton(AF_INET, host.c_str(), net.address.data()) != 1) {
      fail("expected an address, found '" + peek().raw + "'");
      return {};
    }
    if (slash != text.npos) {
      const auto bits = std::string_view(text).substr(slash + 1);
      std::uint32_t prefix = 0;
      const auto [end, status] = std::from_chars(bits.data(), bits.data() + bits.size(), prefix);
      if (status != std::errc{} || end != bits.data() + bits.size() || prefix > net.prefix) {
        fail("expected a prefix length of 0 to " + std::to_string(net.prefix) + " after '/'");
        return {};
      }
      net.prefix = prefix;
    } else if (net_wanted) {
      fail("a net needs a prefix length, such as 10.0.0.0/8");
      return {};
    }
    for (std::uint32_t bit = net.prefix; bit < 128; ++bit)  // clear the host bits
      net.address[bit / 8] = static_cast<std::uint8_t>(net.address[bit / 8] & ~(0x80u >> (bit % 8)));
    advance();
    return net;
  }

  FilterNode addresses(int first, int second, bool net_wanted) {
    FilterNode node{.kind = Kind::address};
    const Compare compare = comparison();
    if (compare != Compare::equal && compare != Compare::in && compare != Compare::unequal)
      return fail("addresses have no order; use =, != or in");
    const auto one = [&] {
      if (auto net = address(net_wanted)) node.nets.push_back(*net);
    };
    if (compare == Compare::in && peek().text == "[")
      list(one);
    else
      one();
    sort_unique(node.nets);
    if (!error_ && node.nets.empty()) return fail("a list needs at least one address");
    node = on(std::move(node), first, second);
    if (compare != Compare::unequal) return node;
    return {.kind = Kind::negation, .children = {std::move(node)}};
  }

  std::vector<FilterWord> words_;
  std::size_t next_ = 0, depth_ = 0;
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
