#include "runtime/host/arrow_columns.hpp"

#include <cstring>
#include <string>

namespace mole::runtime {
namespace {

void release_borrowed(ArrowArray* array) { array->release = nullptr; }

bool bit(const void* bitmap, std::uint64_t i) { return static_cast<const std::uint8_t*>(bitmap)[i / 8] >> (i % 8) & 1; }

template <class T>
std::vector<T> copied(const ArrowArray& array, std::uint64_t rows) {
  std::vector<T> out(rows);
  if (rows > 0) std::memcpy(out.data(), array.buffers[1], rows * sizeof(T));
  return out;
}

std::vector<std::int64_t> copied_bits(const ArrowArray& array, std::uint64_t rows) {
  std::vector<std::int64_t> out(rows);
  for (std::uint64_t i = 0; i < rows; ++i) out[i] = bit(array.buffers[1], i);
  return out;
}

Result<std::vector<std::string>> copied_strings(const ArrowArray& array, std::uint64_t rows, const std::string& name) {
  std::vector<std::string> out(rows);
  const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
  const auto* bytes = static_cast<const char*>(array.buffers[2]);
  for (std::uint64_t i = 0; i < rows; ++i) {
    if (offsets[i] < 0 || offsets[i + 1] < offsets[i] || (!bytes && offsets[i + 1] != offsets[i]))
      return internal("column '" + name + "': string offsets decrease; report this bug to the author of the plugin");
    if (bytes) out[i].assign(bytes + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
  }
  return out;
}

}  // namespace

void ArrowView::clear() {
  children_.clear();
  pointers_.clear();
}

void ArrowView::add(const void* values, const void* validity, std::int64_t null_count) {
  Child& child = children_.emplace_back();
  child.buffers[0] = validity;
  child.buffers[1] = values;
  child.array.null_count = null_count;
  child.array.n_buffers = 2;
  child.array.buffers = child.buffers;
  child.array.release = release_borrowed;
  pointers_.push_back(&child.array);
}

const ArrowArray* ArrowView::array(std::uint64_t rows) {
  for (auto& child : children_) child.array.length = static_cast<std::int64_t>(rows);
  struct_ = {};
  struct_.length = static_cast<std::int64_t>(rows);
  struct_.n_buffers = 1;
  struct_.buffers = struct_buffers_;
  struct_.n_children = static_cast<std::int64_t>(pointers_.size());
  struct_.children = pointers_.data();
  struct_.release = release_borrowed;
  return &struct_;
}

Column empty_column(const Output& output) {
  return {output.name, output.type, output.unit, output.doc, empty_values(output.type).value_or(std::vector<std::int64_t>{}), {}};
}

void append_value(Column& to, const Column& from, std::size_t row) {
  const bool valid = from.valid.empty() || from.valid[row];
  const std::size_t before = to.size();
  std::visit(
      [&](auto& values) {
        using Values = std::remove_reference_t<decltype(values)>;
        values.push_back(valid ? std::get<Values>(from.values)[row] : typename Values::value_type{});
      },
      to.values);
  if (valid && to.valid.empty()) return;
  if (to.valid.empty()) to.valid.assign(before, 1);  // the first null
  to.valid.push_back(valid);
}

Result<std::vector<Column>> to_columns(const ArrowArray& rows, std::uint64_t expected_rows, const std::vector<Output>& outputs) {
  if (rows.offset != 0 || rows.length < 0 || static_cast<std::uint64_t>(rows.length) != expected_rows)
    return internal("finish returned " + std::to_string(rows.length) + " rows but counted " + std::to_string(expected_rows) +
                    " in rows_of_state; report this bug to the author of the plugin");
  if (rows.n_children != static_cast<std::int64_t>(outputs.size()) || (!outputs.empty() && !rows.children))
    return internal("finish returned " + std::to_string(rows.n_children) + " columns, but its descriptor has " +
                    std::to_string(outputs.size()) + "; report this bug to the author of the plugin");
  std::vector<Column> columns;
  for (std::size_t c = 0; c < outputs.size(); ++c) {
    const Output& output = outputs[c];
    const ArrowArray* child = rows.children[c];
    const std::int64_t buffers = output.type == "text" ? 3 : 2;
    if (!child || child->length != rows.length || child->offset != 0 || child->n_buffers != buffers || !child->buffers ||
        (expected_rows > 0 && !child->buffers[1]))
      return internal("finish: column '" + output.name + "' is not an array of " + std::to_string(expected_rows) + " values of " +
                      output.type + "; report this bug to the author of the plugin");
    Column column = empty_column(output);
    if (output.type == "u64")
      column.values = copied<std::uint64_t>(*child, expected_rows);
    else if (output.type == "f64")
      column.values = copied<double>(*child, expected_rows);
    else if (output.type == "bool")
      column.values = copied_bits(*child, expected_rows);
    else if (output.type == "text") {
      MOLE_TRY(column.values, copied_strings(*child, expected_rows, output.name));
    } else
      column.values = copied<std::int64_t>(*child, expected_rows);  // i64, time
    if (const void* validity = child->buffers[0]; validity && child->null_count != 0) {
      column.valid.resize(expected_rows);
      for (std::uint64_t i = 0; i < expected_rows; ++i) {
        column.valid[i] = bit(validity, i);
        if (!column.valid[i] && !output.nullable)
          return internal("finish: column '" + output.name +
                          "' has a null, but is not nullable in its descriptor; declare it nullable");
      }
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace mole::runtime
