// Result rows: a plain struct and a table over it.
//
//   struct Row { std::optional<double> mean; std::uint64_t count; };
//   static constexpr auto output = mole::columns(
//       mole::column("{values}_mean", &Row::mean, mole::same("values"), "Arithmetic mean"),
//       mole::column("{values}_count", &Row::count, mole::unit::interval, "Values that entered"));
//
// Members may be integers (unsigned become u64, signed i64), double, bool, std::string, mole::Time, or std::optional of
// these: a column that may be null. `{role}` in a name is replaced by the column bound to that input role.
//
// Columns that come again and again are written once: a struct's own table enters under a name, an array under its labels.
//
//   struct Volume {
//     std::uint64_t flows, bytes;
//     static constexpr auto output = mole::columns(mole::column("flows_*", &Volume::flows, mole::unit::flow, "Flows of *"),
//                                                  mole::column("bytes_*", &Volume::bytes, mole::unit::byte, "Bytes of *"));
//   };
//   struct Row { Volume web, mail; std::array<std::uint64_t, 2> sizes; };
//   static constexpr auto output = mole::columns(
//       mole::group("web", "web servers", &Row::web, Volume::output),      // flows_web, bytes_web: "Flows of web servers"
//       mole::group("mail", "mail servers", &Row::mail, Volume::output),
//       mole::each(std::array{"small", "large"}, "flows_*", &Row::sizes, mole::unit::flow, "Flows that are *"));
#pragma once

#include <mole/abi.h>
#include <mole/detail/boundary.hpp>
#include <mole/columns.hpp>
#include <mole/detail/describe.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace mole {
namespace detail {

// `text` with each '*' replaced.
inline std::string filled(std::string_view text, std::string_view part) {
  std::string out;
  for (const char c : text) {
    if (c == '*')
      out += part;
    else
      out += c;
  }
  return out;
}

// A column of Row: of() is its cell; name, unit and doc are for the descriptor.
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

// Element `index` of an array.
template <class R, class T, std::size_t N>
struct ElementSpec {
  using Row = R;
  using Cell = T;
  const char* label;
  std::size_t index;
  const char* name_;
  std::array<T, N> R::*member;
  Unit unit;
  const char* doc_;

  std::string name() const { return filled(name_, label); }
  std::string doc() const { return filled(doc_, label); }
  const T& of(const R& row) const { return (row.*member)[index]; }
  T& of(R& row) const { return (row.*member)[index]; }
};

// A column of a struct within the row.
template <class R, class Inner>
struct GroupedSpec {
  using Row = R;
  using Cell = typename Inner::Cell;
  const char *part, *doc_part;
  typename Inner::Row R::*member;
  Inner inner;
  Unit unit;

  std::string name() const { return filled(inner.name(), part); }
  std::string doc() const { return filled(inner.doc(), doc_part); }
  const Cell& of(const R& row) const { return inner.of(row.*member); }
  Cell& of(R& row) const { return inner.of(row.*member); }
};

template <class... S>
struct ColumnTable {
  using Row = typename std::tuple_element_t<0, std::tuple<S...>>::Row;
  std::tuple<S...> specs;
};
template <class... S>
constexpr ColumnTable<S...> column_table(std::tuple<S...> specs) {
  return {specs};
}

constexpr bool is_any(Unit u) { return !u.rule && std::string_view(u.base) == unit::any.base; }

template <class S>
constexpr std::tuple<S> as_tuple(S spec) {
  return {spec};
}
template <class... S>
constexpr std::tuple<S...> as_tuple(std::tuple<S...> specs) {
  return specs;
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

template <class S>
std::string describe_column(const S& s) {
  using Cell = Nullable<typename S::Cell>;
  return JsonObject()
      .text("name", s.name())
      .text("type", output_type<typename Cell::type>())
      .raw("nullable", Cell::value ? "true" : "false")
      .text("unit", s.unit.text())
      .text("doc", s.doc())
      .str();
}

template <class M>
std::string describe_output() {
  std::vector<std::string> items;
  std::apply([&](const auto&... s) { (items.push_back(describe_column(s)), ...); }, M::output.specs);
  return json_array(items);
}

// One column on its way to the host, in Arrow's layout: validity bits; values, or i32 offsets and text; bool as bits.
struct OutColumn {
  std::vector<std::uint8_t> valid, values;
  std::string text;
  const void* buffers[3] = {nullptr, nullptr, nullptr};

  static void release(ArrowArray* a) {
    delete static_cast<OutColumn*>(a->private_data);
    a->release = nullptr;
  }
};

struct OutRows {
  std::vector<ArrowArray> columns;
  std::vector<ArrowArray*> pointers;
  const void* buffers[1] = {nullptr};

  static void release(ArrowArray* a) {
    auto* self = static_cast<OutRows*>(a->private_data);
    for (auto& c : self->columns)
      if (c.release) c.release(&c);
    delete self;
    a->release = nullptr;
  }
};

inline void set_bit(std::vector<std::uint8_t>& bits, std::size_t i) {
  bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | 1u << (i % 8));
}

// Writes value i; a null leaves zeros.
template <class T>
void put_cell(OutColumn& c, std::size_t i, const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    c.text += value;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (value) set_bit(c.values, i);
  } else if constexpr (std::is_same_v<T, double> || std::is_same_v<T, Time>) {
    std::memcpy(c.values.data() + 8 * i, &value, 8);
  } else {
    const auto wide = static_cast<std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>(value);
    std::memcpy(c.values.data() + 8 * i, &wide, 8);
  }
}

template <class T>
void put_offset(OutColumn& c, std::size_t i) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (c.text.size() > std::numeric_limits<std::int32_t>::max())
      throw Failure(exhausted("a text column of one batch of results exceeds 2 GiB; use shorter texts or a longer interval"));
    const auto at = static_cast<std::int32_t>(c.text.size());
    std::memcpy(c.values.data() + 4 * i, &at, 4);
  }
}

template <class S>
void fill_column(const S& s, const std::vector<typename S::Row>& rows, OutColumn& c, std::int64_t& nulls) {
  using T = typename S::Cell;
  using Value = typename Nullable<T>::type;
  const std::size_t n = rows.size();
  if constexpr (std::is_same_v<Value, bool>)
    c.values.resize((n + 7) / 8);
  else if constexpr (std::is_same_v<Value, std::string>)
    c.values.resize(4 * (n + 1));
  else
    c.values.resize(8 * n);
  if constexpr (Nullable<T>::value) c.valid.resize((n + 7) / 8);
  for (std::size_t i = 0; i < n; ++i) {
    if constexpr (Nullable<T>::value) {
      if (const auto& value = s.of(rows[i])) {
        put_cell<Value>(c, i, *value);
        set_bit(c.valid, i);
      } else {
        ++nulls;
      }
    } else {
      put_cell<Value>(c, i, s.of(rows[i]));
    }
    put_offset<Value>(c, i + 1);
  }
}

template <class S>
void export_column(const S& s, const std::vector<typename S::Row>& rows, ArrowArray& out) {
  auto c = std::make_unique<OutColumn>();
  std::int64_t nulls = 0;
  fill_column(s, rows, *c, nulls);
  c->buffers[0] = nulls > 0 ? c->valid.data() : nullptr;
  c->buffers[1] = c->values.data();
  c->buffers[2] = c->text.data();
  const bool text = std::is_same_v<typename Nullable<typename S::Cell>::type, std::string>;
  out = {static_cast<std::int64_t>(rows.size()),
         nulls,
         0,
         text ? 3 : 2,
         0,
         c->buffers,
         nullptr,
         nullptr,
         &OutColumn::release,
         nullptr};
  out.private_data = c.release();
}

// Moves rows out to the host.
template <class M>
void export_rows(const std::vector<typename std::remove_cvref_t<decltype(M::output)>::Row>& rows, ArrowArray* out) {
  constexpr auto width = std::tuple_size_v<std::remove_cvref_t<decltype(M::output.specs)>>;
  auto made = std::make_unique<OutRows>();
  made->columns.resize(width);
  for (auto& c : made->columns) c.release = nullptr;
  for (auto& c : made->columns) made->pointers.push_back(&c);
  struct Undo {  // an exception half way releases the columns made so far
    OutRows* rows;
    ~Undo() {
      if (rows)
        for (auto& c : rows->columns)
          if (c.release) c.release(&c);
    }
  } undo{made.get()};
  std::size_t i = 0;
  std::apply([&](const auto&... s) { (export_column(s, rows, made->columns[i++]), ...); }, M::output.specs);
  undo.rows = nullptr;
  *out = {static_cast<std::int64_t>(rows.size()),
          0,
          0,
          1,
          static_cast<std::int64_t>(width),
          made->buffers,
          made->pointers.data(),
          nullptr,
          &OutRows::release,
          nullptr};
  out->private_data = made.release();
}

}  // namespace detail

template <class R, class T>
constexpr detail::ColumnSpec<R, T> column(const char* name, T R::*member, Unit unit, const char* doc) {
  return {name, member, unit, doc};
}
// A column per element, named by its label: '*' in `name` and `doc` stands for it.
template <class R, class T, std::size_t N>
constexpr auto each(const std::array<const char*, N>& labels, const char* name, std::array<T, N> R::*member, Unit unit,
                    const char* doc) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple{detail::ElementSpec<R, T, N>{labels[I], I, name, member, unit, doc}...};
  }
  (std::make_index_sequence<N>{});
}
// The columns of a struct's own table; '*' in their names and docs stands for `part` and `doc_part`, which may hold a '*' for
// the group around this one.
template <class R, class Inner, class... S>
constexpr auto group(const char* part, const char* doc_part, Inner R::*member, const detail::ColumnTable<S...>& table) {
  return std::apply(
      [&](const auto&... s) {
        return std::tuple{detail::GroupedSpec<R, S>{part, doc_part, member, s, s.unit}...};
      },
      table.specs);
}
// The same; columns of unit::any are in `unit`.
template <class R, class Inner, class... S>
constexpr auto group(const char* part, const char* doc_part, Inner R::*member, const detail::ColumnTable<S...>& table,
                     Unit unit) {
  return std::apply(
      [&](const auto&... s) {
        return std::tuple{detail::GroupedSpec<R, S>{part, doc_part, member, s, detail::is_any(s.unit) ? unit : s.unit}...};
      },
      table.specs);
}
// Of columns, each(..) and group(..), in the order of the result.
template <class... S>
constexpr auto columns(S... specs) {
  return detail::column_table(std::tuple_cat(detail::as_tuple(specs)...));
}

}  // namespace mole
