#include "runtime/metric/row_builder.hpp"

#include "runtime/host/arrow_columns.hpp"

#include <algorithm>
#include <charconv>

namespace mole::runtime {
namespace {

constexpr std::size_t states_per_finish = 4096;  // bounds the plugin's output array

Column standard_column(const char* name, const char* type, const char* unit, const char* doc) {
  return empty_column({name, type, false, unit, doc});
}

std::uint64_t number_of(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

template <class T, class Keys, class Get>
void fill(Column& column, const Keys& keys, Get get) {
  auto& values = std::get<std::vector<T>>(column.values);
  values.reserve(keys.size());
  for (const auto& key : keys) values.push_back(get(key));
}

}  // namespace

RowBuilder::RowBuilder(const OpenStep& step) : step_(step) {
  for (const auto& output : step.module->outputs()) columns_.push_back(empty_column(output));
}

Result<> RowBuilder::add(std::span<const StateToFinish> states) {
  for (std::size_t at = 0; at < states.size(); at += states_per_finish) {
    const auto part = states.subspan(at, std::min(states_per_finish, states.size() - at));
    std::vector<mole_state*> pointers;
    std::vector<mole_interval> intervals;
    for (const auto& s : part) {
      pointers.push_back(s.state);
      intervals.push_back({s.interval_start, s.interval_start + step_.step->interval});
    }
    MOLE_TRY(auto finished, step_.module->finish(pointers, intervals));
    std::size_t row = 0;
    for (std::size_t i = 0; i < part.size(); ++i)
      for (std::uint32_t k = 0; k < finished.rows_of_state[i]; ++k, ++row) {
        if (!part[i].keep) continue;
        keys_.push_back({part[i].interval_start, *part[i].group, part[i].coverage, keys_.size()});
        for (std::size_t c = 0; c < columns_.size(); ++c) append_value(columns_[c], finished.columns[c], row);
      }
  }
  return {};
}

void RowBuilder::set_coverage(const CoverageOf& coverage) {
  for (Key& key : keys_) {
    const auto late = key.coverage.flows_late;
    key.coverage = coverage(step_.grid.index_of(key.interval_start), dense_part(step_.by, key.group));
    key.coverage.flows_late = late;
  }
}

RowTable RowBuilder::build() {
  const GroupOrder order{&step_.by};
  std::stable_sort(keys_.begin(), keys_.end(), [&](const Key& a, const Key& b) {
    return a.interval_start != b.interval_start ? a.interval_start < b.interval_start : order(a.group, b.group);
  });
  RowTable table;
  auto& out = table.columns;
  const Micros interval = step_.step->interval;
  out.push_back(standard_column("interval_start", "time", "", "start of the interval, UTC"));
  fill<std::int64_t>(out.back(), keys_, [](const Key& k) { return k.interval_start; });
  out.push_back(standard_column("interval_end", "time", "", "end of the interval (exclusive), UTC"));
  fill<std::int64_t>(out.back(), keys_, [&](const Key& k) { return k.interval_start + interval; });
  for (std::size_t d = 0; d < step_.by.size(); ++d) {
    out.push_back(standard_column(step_.by[d].name.c_str(), step_.by[d].type(), "", "group"));
    if (step_.by[d].kind == Dimension::Kind::number)
      fill<std::uint64_t>(out.back(), keys_, [&](const Key& k) { return number_of(k.group[d]); });
    else
      fill<std::string>(out.back(), keys_, [&](const Key& k) { return k.group[d]; });
  }
  for (const auto& column : columns_) {
    out.push_back({column.name, column.type, column.unit, column.doc, *empty_values(column.type), {}});
    for (const auto& key : keys_) append_value(out.back(), column, key.row);
  }
  out.push_back(standard_column("coverage", "f64", "1", "share of the expected input that was present, 0..1"));
  fill<double>(out.back(), keys_, [](const Key& k) { return k.coverage.share; });
  out.push_back(standard_column("flows_lost", "u64", "flow", "flows lost between exporter and archive, by sequence number"));
  fill<std::uint64_t>(out.back(), keys_, [](const Key& k) { return k.coverage.flows_lost; });
  out.push_back(standard_column("flows_late", "u64", "flow", "flows that arrived too late for their interval, not counted"));
  fill<std::uint64_t>(out.back(), keys_, [](const Key& k) { return k.coverage.flows_late; });
  out.push_back(standard_column("files_expected", "u64", "1", "files expected for the interval, present or not"));
  fill<std::uint64_t>(out.back(), keys_, [](const Key& k) { return k.coverage.files_expected; });
  out.push_back(standard_column("files_present", "u64", "1", "expected files with at least one readable byte"));
  fill<std::uint64_t>(out.back(), keys_, [](const Key& k) { return k.coverage.files_present; });
  return table;
}

}  // namespace mole::runtime
