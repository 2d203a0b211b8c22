#include "runtime/metric/upstream_rows.hpp"

#include "runtime/host/arrow_columns.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace mole::runtime {
namespace {

template <class T>
const std::vector<T>* values_of(const RowTable& table, std::string_view name) {
  const Column* column = table.find(name);
  return column ? std::get_if<std::vector<T>>(&column->values) : nullptr;
}

std::uint64_t bits_of(const Column& column, std::size_t row) {
  std::uint64_t bits = 0;
  visit_fixed_size(column,
                   [&](const auto& values) { std::memcpy(&bits, &values[row], std::min(sizeof bits, sizeof values[row])); });
  return bits;
}

// The text of a group, or of a value in `where`.
std::string text_of(const Column& column, std::size_t row) {
  if (const auto* numbers = std::get_if<std::vector<std::uint64_t>>(&column.values)) return std::to_string((*numbers)[row]);
  if (const auto* strings = std::get_if<std::vector<std::string>>(&column.values)) return (*strings)[row];
  if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&column.values))
    return column.type != "bool" ? std::to_string((*numbers)[row]) : (*numbers)[row] ? "true" : "false";
  return {};
}

bool is_null(const Column& column, std::size_t row) { return !column.valid.empty() && !column.valid[row]; }

std::string text_of(const std::vector<task::RowFilter>& where) {
  std::string text;
  for (const auto& [column, value] : where) text += (text.empty() ? "" : ", ") + column + ": " + value;
  return "{" + text + "}";
}

}  // namespace

Result<> UpstreamRows::append(const RowTable& table, const task::Input& input, TimeRange range) {
  const auto& [column, type] = std::tie(input.column, input.type);
  const auto* starts = values_of<std::int64_t>(table, "interval_start");
  const auto* coverage = values_of<double>(table, "coverage");
  const std::vector<std::uint64_t>* counts[4];
  static constexpr const char* names[4] = {"flows_lost", "flows_late", "files_expected", "files_present"};
  bool complete = starts && coverage;
  for (int i = 0; i < 4; ++i) complete = (counts[i] = values_of<std::uint64_t>(table, names[i])) && complete;
  if (!complete) return invalid("upstream rows lack a standard column; compute the upstream module again");
  const Column* values = table.find(column);
  if (!values || values->type != type || type == "text")
    return invalid("upstream rows have no column '" + column + "' of type " + type + "; submit the manifest again");
  std::vector<const Column*> groups;
  for (const auto& d : by_) {
    groups.push_back(table.find(d.name));
    if (!groups.back()) return invalid("upstream rows are not grouped by '" + d.name + "'; give both modules the same `by`");
  }
  // The columns are interval_start, interval_end, <by>, <outputs>, 5 standard ones. With an additional group column,
  // several rows would appear to belong to one group.
  if (const std::size_t next = 2 + by_.size(); table.columns.size() > next) {
    const auto& name = table.columns[next].name;
    if (auto extra = dimension_named(name); extra && name != column && values != &table.columns[next] &&
                                            table.columns[next].unit.empty() && table.columns[next].type == extra->type())
      return invalid("upstream rows are grouped by '" + name + "' as well; give both modules the same `by`");
  }
  std::vector<const Column*> selectors;
  for (const auto& filter : input.where) {
    selectors.push_back(table.find(filter.column));
    if (!selectors.back())
      return invalid("upstream rows have no column '" + filter.column + "' for `where`; submit the manifest again");
  }
  const auto passes = [&](std::size_t row) {
    for (std::size_t s = 0; s < selectors.size(); ++s)
      if (is_null(*selectors[s], row) || text_of(*selectors[s], row) != input.where[s].value) return false;
    return true;
  };
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const Micros start = (*starts)[i];
    if (start < range.from || start >= range.to) continue;
    Row row;
    row.interval_start = start;
    for (const Column* g : groups) row.group.push_back(text_of(*g, i));
    row.coverage = {(*coverage)[i], (*counts[0])[i], (*counts[1])[i], (*counts[2])[i], (*counts[3])[i]};
    const auto [entry, added] = index_.try_emplace({start, row.group}, rows_.size());
    if (added) rows_.push_back(std::move(row));
    if (!passes(i)) continue;
    auto& kept = rows_[entry->second];
    if (kept.selected)
      return invalid("several rows of the interval " + format_time(start) +
                     (input.where.empty() ? " belong to one group; say which one to read, such as `where: {rank: 1}`"
                                          : " and one group have " + text_of(input.where) + "; add a column to `where`"));
    kept.selected = true;
    kept.bits = bits_of(*values, i);
    kept.valid = !is_null(*values, i);
  }
  return {};
}

const UpstreamRows::Row* UpstreamRows::find(Micros interval_start, const Group& group) const {
  const auto found = index_.find({interval_start, group});
  return found == index_.end() ? nullptr : &rows_[found->second];
}

void ArrowRows::add(const UpstreamRows::Row& row) {
  const std::size_t i = bits_.size();
  if (i % 8 == 0) validity_.push_back(0);
  if (row.valid)
    validity_[i / 8] = static_cast<std::uint8_t>(validity_[i / 8] | 1u << (i % 8));
  else
    ++nulls_;
  bits_.push_back(row.valid ? row.bits : 0);
  coverage_.push_back(row.coverage.share);
  starts_.push_back(row.interval_start);
}

const ArrowArray* ArrowRows::view(ArrowView& columns) const {
  columns.clear();
  columns.add(bits_.data(), nulls_ ? validity_.data() : nullptr, nulls_);
  columns.add(coverage_.data());
  columns.add(starts_.data());
  return columns.array(bits_.size());
}

}  // namespace mole::runtime
