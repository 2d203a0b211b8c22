// Arrow arrays at the plugin boundary: columns passed to a plugin, rows received from a plugin.
#pragma once

#include "runtime/rows/row_table.hpp"
#include "sdk/descriptor/descriptor.hpp"

#include <mole/abi.h>
#include <mole/result.hpp>

#include <cstdint>
#include <deque>
#include <vector>

namespace mole::runtime {

// A struct array over borrowed memory, which must outlive every call that the array is passed to.
class ArrowView {
 public:
  ArrowView() = default;
  ArrowView(const ArrowView&) = delete;
  ArrowView& operator=(const ArrowView&) = delete;

  // Adds a column of fixed width. `validity`: a bitmap, or null if there are no nulls.
  void add(const void* values, const void* validity = nullptr, std::int64_t null_count = 0);
  // Changes the memory of column `index`. The arrays keep their addresses.
  void move(std::size_t index, const void* values) { children_[index].buffers[1] = values; }
  // Returns the array with `rows` rows, valid until the next call of a member function.
  const ArrowArray* array(std::uint64_t rows);
  void clear();
  std::size_t size() const { return children_.size(); }

 private:
  struct Child {
    ArrowArray array{};
    const void* buffers[2] = {};
  };
  std::deque<Child> children_;  // a deque keeps their addresses
  std::vector<ArrowArray*> pointers_;
  ArrowArray struct_{};
  const void* struct_buffers_[1] = {nullptr};
};

// Copies the children into columns of the types of `outputs`. internal: the shape does not match the descriptor; the message
// names the column. The lengths of the buffers cannot be checked.
Result<std::vector<Column>> to_columns(const ArrowArray& rows, std::uint64_t expected_rows, const std::vector<Output>& outputs);

// Returns an empty column for an output.
Column empty_column(const Output& output);
// Appends row `row` of `from` to `to`, which has the same type.
void append_value(Column& to, const Column& from, std::size_t row);

}  // namespace mole::runtime
