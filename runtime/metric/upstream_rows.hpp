// Rows of an upstream module, as read by an input: one numeric column, with interval, group and coverage of each row.
#pragma once

#include "runtime/metric/dimension.hpp"
#include "runtime/metric/state_file.hpp"
#include "runtime/rows/row_table.hpp"
#include "sdk/model/task.hpp"
#include "sdk/model/time.hpp"

#include <mole/abi.h>
#include <mole/result.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mole::runtime {

class ArrowView;

// Values of the three numeric types are held as their bit patterns, 8 bytes each.
class UpstreamRows {
 public:
  struct Row {
    Micros interval_start = 0;
    Group group;
    RowCoverage coverage;
    std::uint64_t bits = 0;
    bool valid = false;     // false: the value is null
    bool selected = false;  // false: no row of the interval and group passed `where`
  };

  // `by`: the dimensions of the reading step; the tables must have the same.
  explicit UpstreamRows(std::vector<Dimension> by) : by_(std::move(by)) {}

  // Appends the column `input` is bound to, from the rows of `table` within `range` that pass its `where`: one row per interval
  // and group of the table, with a null value if no row passes. invalid: a column is missing or has a different type, `by`
  // differs, or several rows of an interval and group pass.
  Result<> append(const RowTable& table, const task::Input& input, TimeRange range);

  const std::vector<Row>& rows() const { return rows_; }
  // Returns the row of an interval and group; null if there is none.
  const Row* find(Micros interval_start, const Group& group) const;

 private:
  std::vector<Dimension> by_;
  std::vector<Row> rows_;
  std::map<std::pair<Micros, Group>, std::size_t> index_;
};

// Converts rows to the form that the ABI passes to begin and add: value, coverage, interval_start.
class ArrowRows {
 public:
  void add(const UpstreamRows::Row& row);
  std::uint64_t size() const { return bits_.size(); }
  // Replaces the content of `columns`. Valid until the next add().
  const ArrowArray* view(ArrowView& columns) const;

 private:
  std::vector<std::uint64_t> bits_;
  std::vector<std::uint8_t> validity_;  // a bitmap
  std::int64_t nulls_ = 0;
  std::vector<double> coverage_;
  std::vector<Micros> starts_;
};

}  // namespace mole::runtime
