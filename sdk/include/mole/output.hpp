// Result rows: a plain struct and a table of its columns.
//
//   struct Row { std::optional<double> mean; std::uint64_t count; };
//   static constexpr auto output = mole::columns(
//       mole::column("{values}_mean", &Row::mean, mole::same("values"), "Arithmetic mean"),
//       mole::column("{values}_count", &Row::count, mole::unit::interval, "Number of values used"));
//
// Members may be integers (unsigned become u64, signed i64), double, bool, std::string, mole::Time, or std::optional of these for
// a nullable column. `{role}` in a name is replaced by the name of the column bound to that input role.
//
// group() includes the table of a nested struct under a name; each() adds one column per element of an array:
//
//   struct Volume {
//     std::uint64_t flows, bytes;
//     static constexpr auto output = mole::columns(mole::column("flows_*", &Volume::flows, mole::unit::flow, "Flows of *"),
//                                                  mole::column("bytes_*", &Volume::bytes, mole::unit::byte, "Bytes of *"));
//   };
//   struct Sides { Volume web, mail; std::array<std::uint64_t, 2> sizes; };
//   static constexpr auto grouped = mole::columns(
//       mole::group("web", "web servers", &Sides::web, Volume::output),      // flows_web, bytes_web: "Flows of web servers"
//       mole::group("mail", "mail servers", &Sides::mail, Volume::output),
//       mole::each(std::array{"small", "large"}, "flows_*", &Sides::sizes, mole::unit::flow, "Flows that are *"));
#pragma once

#include <mole/columns.hpp>
#include <mole/detail/describe.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace mole {
namespace detail {

// Returns `text` with each '*' replaced.
inline std::string filled(std::string_view text, std::string_view part) {
  std::string out;
  for (const char c : text) c == '*' ? out += part : out += c;
  return out;
}

// One column of Row. A column spec has name(), doc(), a unit, and of(), the column's cell in a row.
template <class R, class T>
struct ColumnSpec {
  using Row = R;
  using Cell = T;
  const char* name_;
  T R::*member;
  Unit unit;
  const char* doc_;

  std::string name() const { return name_; }
  std::string doc() const { return doc_; }
  const T& of(const R& row) const { return row.*member; }
  T& of(R& row) const { return row.*member; }
};

// One column per element of an array.
template <class R, class T, std::size_t N>
struct ArrayColumns {
  using Row = R;
  std::array<const char*, N> labels;
  const char* name;
  std::array<T, N> R::*member;
  Unit unit;
  const char* doc;
};
template <class R, class T, std::size_t N>
struct ElementSpec {
  using Row = R;
  using Cell = T;
  const ArrayColumns<R, T, N>& array;
  std::size_t index;
  Unit unit;

  std::string name() const { return filled(array.name, array.labels[index]); }
  std::string doc() const { return filled(array.doc, array.labels[index]); }
  const T& of(const R& row) const { return (row.*array.member)[index]; }
  T& of(R& row) const { return (row.*array.member)[index]; }
};

// The columns of a struct within the row.
template <class R, class Inner, class Table>
struct GroupColumns {
  using Row = R;
  const char *part, *doc_part;
  Inner R::*member;
  Table table;
  Unit unit;
};
template <class Group, class Inner>
struct GroupedSpec {
  using Row = typename Group::Row;
  using Cell = typename Inner::Cell;
  const Group& group;
  const Inner& inner;
  Unit unit;

  std::string name() const { return filled(inner.name(), group.part); }
  std::string doc() const { return filled(inner.doc(), group.doc_part); }
  const Cell& of(const Row& row) const { return inner.of(row.*group.member); }
  Cell& of(Row& row) const { return inner.of(row.*group.member); }
};

// Items are ColumnSpec, ArrayColumns or GroupColumns of one Row.
template <class First, class... More>
struct ColumnTable {
  using Row = typename First::Row;
  std::tuple<First, More...> items;
};

constexpr bool is_any(Unit u) { return !u.rule && std::string_view(u.base) == unit::any.base; }

// Calls f(column spec) for each column, in order.
template <class R, class T, class F>
void for_each_column(const ColumnSpec<R, T>& column, F& f) {
  f(column);
}
template <class R, class T, std::size_t N, class F>
void for_each_column(const ArrayColumns<R, T, N>& array, F& f) {
  for (std::size_t i = 0; i < N; ++i) f(ElementSpec<R, T, N>{array, i, array.unit});
}
template <class R, class Inner, class Table, class F>
void for_each_column(const GroupColumns<R, Inner, Table>& group, F& f) {
  auto wrapped = [&](const auto& inner) {
    using Spec = GroupedSpec<GroupColumns<R, Inner, Table>, std::remove_cvref_t<decltype(inner)>>;
    f(Spec{group, inner, is_any(inner.unit) ? group.unit : inner.unit});
  };
  for_each_column(group.table, wrapped);
}
template <class... Item, class F>
void for_each_column(const ColumnTable<Item...>& table, F&& f) {
  std::apply([&](const auto&... item) { (for_each_column(item, f), ...); }, table.items);
}

template <class T>
struct Nullable : std::false_type {
  using type = T;
};
template <class T>
struct Nullable<std::optional<T>> : std::true_type {
  using type = T;
};

template <class T>
constexpr const char* output_type() {
  if constexpr (std::is_same_v<T, bool>)
    return "bool";
  else if constexpr (std::is_same_v<T, double>)
    return "f64";
  else if constexpr (std::is_same_v<T, std::string>)
    return "text";
  else if constexpr (std::is_same_v<T, Time>)
    return "time";
  else {
    static_assert(std::is_integral_v<T>, "a result column is an integer, double, bool, std::string or mole::Time");
    return std::is_signed_v<T> ? "i64" : "u64";
  }
}

inline std::string describe_column(const std::string& name, const char* type, bool nullable, Unit unit, const std::string& doc) {
  return JsonObject()
      .text("name", name)
      .text("type", type)
      .raw("nullable", nullable ? "true" : "false")
      .text("unit", unit.text())
      .text("doc", doc)
      .str();
}

template <class M>
std::string describe_output() {
  std::vector<std::string> items;
  for_each_column(M::output, [&](const auto& s) {
    using Cell = Nullable<typename std::remove_cvref_t<decltype(s)>::Cell>;
    items.push_back(describe_column(s.name(), output_type<typename Cell::type>(), Cell::value, s.unit, s.doc()));
  });
  return json_array(items);
}

}  // namespace detail

template <class R, class T>
constexpr detail::ColumnSpec<R, T> column(const char* name, T R::*member, Unit unit, const char* doc) {
  return {name, member, unit, doc};
}
// One column per element of an array; '*' in `name` and `doc` stands for the element's label.
template <class R, class T, std::size_t N>
constexpr detail::ArrayColumns<R, T, N> each(const std::array<const char*, N>& labels, const char* name,
                                             std::array<T, N> R::*member, Unit unit, const char* doc) {
  return {labels, name, member, unit, doc};
}
// The columns of a member's own table. '*' in their names and docs stands for `part` and `doc_part`, which may contain a '*' for
// an enclosing group. `unit` replaces unit::any.
template <class R, class Inner, class... Item>
constexpr detail::GroupColumns<R, Inner, detail::ColumnTable<Item...>> group(const char* part, const char* doc_part,
                                                                             Inner R::*member,
                                                                             const detail::ColumnTable<Item...>& table,
                                                                             Unit unit = unit::any) {
  return {part, doc_part, member, table, unit};
}
// The table of a result: columns, each(..) and group(..), in order.
template <class... Item>
constexpr detail::ColumnTable<Item...> columns(Item... items) {
  return {{items...}};
}

// The quotient of two counts as a nullable column: nullopt if `whole` is 0.
inline std::optional<double> share(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace mole
