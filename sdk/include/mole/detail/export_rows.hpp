// Converts result rows to an Arrow struct array that the host then owns.
#pragma once

#include <mole/abi.h>
#include <mole/detail/boundary.hpp>
#include <mole/output.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace mole::detail {

// The memory of one column in Arrow's layout: validity bits; values, or i32 offsets and text; bools as bits.
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

// Writes value i. Null cells keep zeros.
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

inline void put_offset(OutColumn& c, std::size_t i) {
  if (c.text.size() > std::numeric_limits<std::int32_t>::max())
    throw Failure(exhausted("a text column of one batch of results exceeds 2 GiB; use shorter strings or a longer interval"));
  const auto at = static_cast<std::int32_t>(c.text.size());
  std::memcpy(c.values.data() + 4 * i, &at, 4);
}

template <class S>
void fill_column(const S& s, const std::vector<typename S::Row>& rows, OutColumn& c, std::int64_t& nulls) {
  using T = typename S::Cell;
  using Value = typename Nullable<T>::type;
  constexpr bool is_text = std::is_same_v<Value, std::string>;
  const std::size_t n = rows.size();
  c.values.resize(std::is_same_v<Value, bool> ? (n + 7) / 8 : is_text ? 4 * (n + 1) : 8 * n);
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
    if constexpr (is_text) put_offset(c, i + 1);
  }
}

template <class S>
void export_column(const S& s, const std::vector<typename S::Row>& rows, ArrowArray& out) {
  constexpr bool is_text = std::is_same_v<typename Nullable<typename S::Cell>::type, std::string>;
  auto* c = new OutColumn;  // owned by `out` from the next line on
  out = {std::ssize(rows), 0, 0, is_text ? 3 : 2, 0, c->buffers, nullptr, nullptr, &OutColumn::release, c};
  fill_column(s, rows, *c, out.null_count);
  c->buffers[0] = out.null_count > 0 ? c->valid.data() : nullptr;
  c->buffers[1] = c->values.data();
  c->buffers[2] = c->text.data();
}

// Moves the rows to the host, which releases `out`. After an exception there is nothing to release.
template <class M>
void export_rows(const std::vector<typename std::remove_cvref_t<decltype(M::output)>::Row>& rows, ArrowArray* out) {
  std::int64_t width = 0;
  for_each_column(M::output, [&](const auto&) { ++width; });
  auto* owned = new OutRows;
  *out = {std::ssize(rows), 0, 0, 1, width, owned->buffers, nullptr, nullptr, &OutRows::release, owned};
  try {
    owned->columns.resize(static_cast<std::size_t>(width));
    for (auto& c : owned->columns) owned->pointers.push_back(&c);
    out->children = owned->pointers.data();
    std::size_t i = 0;
    for_each_column(M::output, [&](const auto& s) { export_column(s, rows, owned->columns[i++]); });
  } catch (...) {
    out->release(out);
    throw;
  }
}

}  // namespace mole::detail
