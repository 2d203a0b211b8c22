// Arrow arrays at the boundary: lending columns to a plugin, taking rows from one.
#pragma once

#include "runtime/rows/row_table.hpp"
#include "sdk/descriptor/descriptor.hpp"

#include <mole/abi.h>
#include <mole/result.hpp>

#include <cstdint>
#include <deque>
#include <vector>

namespace mole::runtime {

// A struct array over memory of somebody else. The memory must outlive every call it is lent to.
class ArrowView {
 public:
  ArrowView() = default;
  ArrowView(const ArrowView&) = delete;
  ArrowView& operator=(const ArrowView&) = delete;

  // A column of fixed width. `validity`: a bitmap, or null if every value is there.
  void add(const void* values, const void* validity = nullptr, std::int64_t null_count = 0);
  // Lets column `index` begin elsewhere; the arrays stay where they are.
  void move(std::size_t index, const void* values) { children_[index].buffers[1] = values; }
  // The array of `rows` rows, valid until the next call of any function here.
  const ArrowArray* array(std::uint64_t rows);
  void clear();
  std::size_t size() const { return children_.size(); }

 private:
  struct Child {
    ArrowArray array{};
    const void* buffers[2] = {};
  };
  std::deque<Child> children_;  // addresses stay
  std::vector<ArrowArray*> pointers_;
  ArrowArray struct_{};
  const void* struct_buffers_[1] = {nullptr};
};

// An array moved out of a plugin; released when it goes.
class OwnedArray {
 public:
  OwnedArray() = default;
  OwnedArray(const OwnedArray&) = delete;
  OwnedArray& operator=(const OwnedArray&) = delete;
  ~OwnedArray() {
    if (array_.release) array_.release(&array_);
  }
  ArrowArray* out() { return &array_; }
  const ArrowArray& get() const { return array_; }

 private:
  ArrowArray array_{};
};

// Copies the children into columns as `outputs` types them (u8..u32 do not occur in outputs). internal, naming the column:
// a shape that is not what the descriptor promises. What buffers point to is the plugin's word.
Result<std::vector<Column>> to_columns(const ArrowArray& rows, std::uint64_t expected_rows, const std::vector<Output>& outputs);

// An empty column of this output.
Column empty_column(const Output& output);
// Appends row `row` of `from` to `to`; both of one type.
void append_value(Column& to, const Column& from, std::size_t row);

}  // namespace mole::runtime
