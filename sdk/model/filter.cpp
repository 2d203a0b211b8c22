#include "sdk/model/filter.hpp"

#include "sdk/model/filter_names.hpp"
#include "sdk/model/flow_columns.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace mole {
namespace {

using Kind = FilterNode::Kind;
using Compare = FilterNode::Compare;

constexpr std::string_view compare_texts[] = {"=", "!=", "<", ">", "<=", ">=", "in"};  // by Compare

std::string net_text(const FilterNode::Net& net) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(net.family == 4 ? AF_INET : AF_INET6, net.address.data(), text, sizeof text);
  return std::string(text) + "/" + std::to_string(net.prefix);
}

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

template <class T, class F>
std::string listed(const std::vector<T>& values, F text) {
  std::string out = "[";
  for (const auto& v : values) out += (out.size() > 1 ? ", " : "") + text(v);
  return out + "]";
}

std::string column_text(int column) {
  const auto* derived = derived_column(column);
  return std::string(derived ? derived->name : flow_column_name(column));
}

std::string flag_letters(std::uint64_t bits) {
  std::string letters;
  for (std::size_t bit = 0; bit < tcp_flag_letters.size(); ++bit)
    if (bits >> bit & 1) letters += static_cast<char>(tcp_flag_letters[bit] - 'a' + 'A');
  return letters;
}

std::string text_of(const FilterNode& node) {
  const auto joined = [&](const char* word) {
    std::string out = "(";
    for (std::size_t i = 0; i < node.children.size(); ++i) out += (i ? word : "") + text_of(node.children[i]);
    return out + ")";
  };
  const auto number = [](std::uint64_t n) { return std::to_string(n); };
  switch (node.kind) {
    case Kind::any:
      return "any";
    case Kind::all_of:
      return joined(" and ");
    case Kind::one_of:
      return joined(" or ");
    case Kind::negation:
      return "not " + text_of(node.children[0]);
    case Kind::number:
      return column_text(node.column) + " " + std::string(compare_texts[static_cast<int>(node.compare)]) + " " +
             (node.compare == Compare::in ? listed(node.numbers, number) : number(node.numbers[0]));
    case Kind::text:
      if (node.compare == Compare::unequal) return column_text(node.column) + " != " + quoted(node.names[0]);
      return column_text(node.column) + " in " + listed(node.names, quoted);
    case Kind::address:
      if (node.compare == Compare::unequal) return column_text(node.column) + " != " + net_text(node.nets[0]);
      return column_text(node.column) + " in " + listed(node.nets, net_text);
    case Kind::all_flags:
    case Kind::any_flag:  // the parser derives the kind from the number of negations
      return "flags " + flag_letters(node.numbers[0]);
    case Kind::router:
      return "router in " + listed(node.names, quoted);
    case Kind::family:
      return node.numbers[0] == 4 ? "inet" : "inet6";
  }
  return "any";
}

// Adds the columns of a node itself, without those of its children.
void collect_own(const FilterNode& node, std::vector<int>& columns) {
  if (const auto* derived = derived_column(node.column))
    columns.insert(columns.end(), derived->reads.begin(), derived->reads.end());
  else if (node.kind == Kind::all_flags || node.kind == Kind::any_flag)
    columns.insert(columns.end(), {MOLE_COLUMN_PROTOCOL, MOLE_COLUMN_TCP_FLAGS});
  else if (node.column >= 0 && node.column != MOLE_COLUMN_ROUTER)
    columns.push_back(node.column);
}

void collect(const FilterNode& node, std::vector<int>& columns) {
  for (const auto& child : node.children) collect(child, columns);
  collect_own(node, columns);
}

// Which outcomes a node can have for the flows of one router.
struct Outcomes {
  bool pass, fail;
};

Outcomes outcomes_of(const FilterNode& node, const std::string& router) {
  Outcomes out{true, true};
  switch (node.kind) {
    case Kind::any:
      return {true, false};
    case Kind::router:
      out.pass = std::ranges::find(node.names, router) != node.names.end();
      return {out.pass, !out.pass};
    case Kind::negation:
      out = outcomes_of(node.children[0], router);
      return {out.fail, out.pass};
    case Kind::all_of:
      out.fail = false;
      for (const auto& child : node.children) {
        const auto one = outcomes_of(child, router);
        out = {out.pass && one.pass, out.fail || one.fail};
      }
      return out;
    case Kind::one_of:
      out.pass = false;
      for (const auto& child : node.children) {
        const auto one = outcomes_of(child, router);
        out = {out.pass || one.pass, out.fail && one.fail};
      }
      return out;
    default:
      return out;
  }
}

// Adds the columns on which the outcome of a node depends for the flows of one router.
void collect_deciding(const FilterNode& node, const std::string& router, std::vector<int>& columns) {
  if (const auto outcomes = outcomes_of(node, router); !outcomes.pass || !outcomes.fail) return;
  for (const auto& child : node.children) collect_deciding(child, router, columns);
  collect_own(node, columns);
}

void collect_routers(const FilterNode& node, std::vector<std::string>& names) {
  for (const auto& child : node.children) collect_routers(child, names);
  if (node.kind == Kind::router) names.insert(names.end(), node.names.begin(), node.names.end());
}

}  // namespace

Filter::Filter(FilterNode root) : root_(std::move(root)), canonical_(text_of(root_)) {
  collect(root_, columns_);
  std::sort(columns_.begin(), columns_.end());
  columns_.erase(std::unique(columns_.begin(), columns_.end()), columns_.end());
}

bool may_pass(const Filter& filter, const std::string& router) { return outcomes_of(filter.root(), router).pass; }

std::vector<int> columns_read(const Filter& filter, const std::string& router) {
  std::vector<int> columns;
  collect_deciding(filter.root(), router, columns);
  return columns;
}

std::vector<std::string> routers_named(const Filter& filter) {
  std::vector<std::string> names;
  collect_routers(filter.root(), names);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace mole
