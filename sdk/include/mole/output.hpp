// Result rows: a plain struct and a table over it.
//
//   struct Row { std::optional<double> mean; std::uint64_t count; };
//   static constexpr auto output = mole::columns(
//       mole::column("{values}_mean", &Row::mean, mole::same("values"), "Arithmetic mean"),
//       mole::column("{values}_count", &Row::count, mole::unit::interval, "Values that entered"));
//
// Members may be integers (unsigned become u64, signed i64), double, bool, std::string, mole::Time, or std::optional of
// these: a column that may be null. `{role}` in a name is replaced by the column bound to that input role.
#pragma once

#include <mole/abi.h>
#include <mole/boundary.hpp>
#include <mole/columns.hpp>
#include <mole/describe.hpp>

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace mole {
namespace detail {

template <class R, class T>
struct ColumnSpec {
  using Row = R;
  using Member = T;
  const char* name;
  T R::*member;
  Unit unit;
  const char* doc;
};

template <class... S>
struct ColumnTable {
  using Row = typename std::tuple_element_t<0, std::tuple<S...>>::Row;
  std::tuple<S...> specs;
};

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
  if constexpr (std::is_same_v<T, bool>) return "bool";
  else if constexpr (std::is_same_v<T, double>) return "f64";
  else if constexpr (std::is_same_v<T, std::string>) return "text";
  else if constexpr (std::is_same_v<T, Time>) return "time";
  else {
    static_assert(std::is_integral_v<T>, "a result column is an integer, double, bool, std::string or mole::Time");
    return std::is_signed_v<T> ? "i64" : "u64";
  }
}

template <class R, class T>
std::string describe_column(const ColumnSpec<R, T>& s) {
  return JsonObject().text("name", s.name).text("type", output_type<typename Nullable<T>::type>())
      .raw("nullable", Nullable<T>::value ? "true" : "false").text("unit", s.unit.text()).text("doc", s.doc).str();
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

inline void set_bit(std::vector<std::uint8_t>& bits, std::size_t i) { bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | 1u << (i % 8)); }

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

template <class R, class T>
void fill_column(const ColumnSpec<R, T>& s, const std::vector<R>& rows, OutColumn& c, std::int64_t& nulls) {
  using Value = typename Nullable<T>::type;
  const std::size_t n = rows.size();
  if constexpr (std::is_same_v<Value, bool>) c.values.resize((n + 7) / 8);
  else if constexpr (std::is_same_v<Value, std::string>) c.values.resize(4 * (n + 1));
  else c.values.resize(8 * n);
  if constexpr (Nullable<T>::value) c.valid.resize((n + 7) / 8);
  for (std::size_t i = 0; i < n; ++i) {
    if constexpr (Nullable<T>::value) {
      if (const auto& value = rows[i].*s.member) {
        put_cell<Value>(c, i, *value);
        set_bit(c.valid, i);
      } else {
        ++nulls;
      }
    } else {
      put_cell<Value>(c, i, rows[i].*s.member);
    }
    put_offset<Value>(c, i + 1);
  }
}

template <class R, class T>
void export_column(const ColumnSpec<R, T>& s, const std::vector<R>& rows, ArrowArray& out) {
  auto c = std::make_unique<OutColumn>();
  std::int64_t nulls = 0;
  fill_column(s, rows, *c, nulls);
  c->buffers[0] = nulls > 0 ? c->valid.data() : nullptr;
  c->buffers[1] = c->values.data();
  c->buffers[2] = c->text.data();
  const bool text = std::is_same_v<typename Nullable<T>::type, std::string>;
  out = {static_cast<std::int64_t>(rows.size()), nulls, 0, text ? 3 : 2, 0, c->buffers, nullptr, nullptr, &OutColumn::release, nullptr};
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
  *out = {static_cast<std::int64_t>(rows.size()), 0, 0, 1, static_cast<std::int64_t>(width), made->buffers, made->pointers.data(),
          nullptr, &OutRows::release, nullptr};
  out->private_data = made.release();
}

}  // namespace detail

template <class R, class T>
constexpr detail::ColumnSpec<R, T> column(const char* name, T R::*member, Unit unit, const char* doc) {
  return {name, member, unit, doc};
}
template <class... S>
constexpr detail::ColumnTable<S...> columns(S... specs) {
  return {{specs...}};
}

}  // namespace mole
