// Rows of an upstream module as an input reads them: one numeric column, with interval, group and evidence of each row.
#pragma once

#include "runtime/metric/dimension.hpp"
#include "runtime/rows/row_table.hpp"
#include "runtime/metric/state_file.hpp"
#include "sdk/model/time.hpp"

#include <mole/abi.h>
#include <mole/result.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mole::runtime {

class LentColumns;

// Values of the three numeric types lie as their bit patterns, 8 bytes each.
class UpstreamRows {
 public:
  struct Row {
    Micros interval_start = 0;
    Group group;
    RowEvidence evidence;
    std::uint64_t bits = 0;
    bool valid = false;  // false: the value is null
  };

  // `by`: the dimensions of the reading step; they must be those of the table.
  explicit UpstreamRows(std::vector<Dimension> by) : by_(std::move(by)) {}

  // Appends the rows of `table` within `range`. invalid: a column is missing, of another type, or `by` differs.
  Result<> append(const RowTable& table, const std::string& column, const std::string& type, TimeRange range);

  const std::vector<Row>& rows() const { return rows_; }
  // The row of an interval and group; null if there is none. Of several (a metric may give more than one row) the first.
  const Row* find(Micros interval_start, const Group& group) const;

 private:
  std::vector<Dimension> by_;
  std::vector<Row> rows_;
  std::map<std::pair<Micros, Group>, std::size_t> index_;
};

// Rows as the ABI hands them to begin and add: value, coverage, interval_start.
class LentRows {
 public:
  void add(const UpstreamRows::Row& row);
  std::uint64_t size() const { return bits_.size(); }
  // Valid until the next add; `columns` is filled anew.
  const ArrowArray* lend(LentColumns& columns) const;

 private:
  std::vector<std::uint64_t> bits_;
  std::vector<std::uint8_t> validity_;  // a bitmap
  std::int64_t nulls_ = 0;
  std::vector<double> coverage_;
  std::vector<Micros> starts_;
};

}  // namespace mole::runtime
