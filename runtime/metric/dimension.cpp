#include "runtime/metric/dimension.hpp"

#include "runtime/metric/filter_eval.hpp"
#include "sdk/model/flow_columns.hpp"

#include <mole/abi.h>

#include <algorithm>

namespace mole::runtime {
namespace {

using Kind = Dimension::Kind;

}  // namespace

Result<Dimension> dimension_named(std::string_view name) {
  static const std::vector<Dimension> known = [] {
    std::vector<Dimension> all{{"router", Kind::router, -1},
                               {"direction", Kind::direction, -1},
                               {"protocol_class", Kind::protocol_class, MOLE_COLUMN_PROTOCOL}};
    for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
      if (is_dimension_column(c))
        all.push_back({std::string(flow_column_name(c)), is_address_column(c) ? Kind::address : Kind::number, c});
    return all;
  }();
  std::string names;
  for (const auto& k : known) {
    if (name == k.name) return k;
    names += (names.empty() ? "" : ", ") + k.name;
  }
  if (const int column = flow_column_named(name); column >= MOLE_COLUMN_COUNT)
    return Dimension{std::string(flow_column_name(column)), Kind::element, column};
  return invalid("by: '" + std::string(name) + "' is not a dimension; choose among " + names +
                 ", or name an information element");
}

Result<std::vector<Dimension>> dimensions_named(const std::vector<std::string>& names) {
  std::vector<Dimension> out;
  for (const auto& name : names) {
    MOLE_TRY(auto dimension, dimension_named(name));
    for (const auto& earlier : out)
      if (earlier.name == name) return invalid("by: '" + name + "' is named twice; name it once");
    out.push_back(std::move(dimension));
  }
  return out;
}

Result<> set_totals(std::vector<Dimension>& by, const std::vector<std::string>& totals) {
  for (const auto& name : totals) {
    const auto found = std::find_if(by.begin(), by.end(), [&](const Dimension& d) { return d.name == name; });
    if (found == by.end()) return invalid("totals: '" + name + "' is not in `by`; add it there or leave it out");
    if (!found->dense())
      return invalid("totals: '" + name + "' is an open dimension, whose members are not known in advance; leave it out");
    found->total = true;
  }
  return {};
}

bool GroupOrder::operator()(const Group& a, const Group& b) const {
  for (std::size_t d = 0; d < by->size() && d < a.size() && d < b.size(); ++d) {
    if (a[d] == b[d]) continue;
    // Numbers have no leading zeros: the longer one is larger.
    if ((*by)[d].kind == Kind::number && a[d].size() != b[d].size()) return a[d].size() < b[d].size();
    return a[d] < b[d];
  }
  return a.size() < b.size();
}

std::vector<Group> dense_members(const std::vector<Dimension>& by, const std::vector<std::string>& routers) {
  std::vector<Group> out{{}};
  for (const auto& dimension : by) {
    std::vector<std::string> members{""};
    if (dimension.kind == Kind::router) members = routers;
    if (dimension.kind == Kind::direction) members.assign(std::begin(directions), std::end(directions));
    if (dimension.kind == Kind::protocol_class) members.assign(std::begin(protocol_classes), std::end(protocol_classes));
    if (dimension.total) members.emplace_back(all_members);
    std::vector<Group> longer;
    for (const auto& prefix : out)
      for (const auto& member : members) {
        longer.push_back(prefix);
        longer.back().push_back(member);
      }
    out = std::move(longer);
  }
  return out;
}

Group dense_part(const std::vector<Dimension>& by, const Group& group) {
  Group out = group;
  for (std::size_t d = 0; d < by.size() && d < out.size(); ++d)
    if (!by[d].dense()) out[d].clear();
  return out;
}

}  // namespace mole::runtime
