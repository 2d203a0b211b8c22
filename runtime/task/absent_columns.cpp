#include "runtime/task/absent_columns.hpp"

#include "sdk/descriptor/provided_columns.hpp"
#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/flow_columns.hpp"

#include <algorithm>

namespace mole::runtime {

AbsentColumns::AbsentColumns(const task::Archive& archive, ColumnSet columns, ReadBy read_by) : read_by_(std::move(read_by)) {
  for (const auto& use : archive.candidates()) {
    const auto sidecar = Sidecar::parse(use.sidecar);
    const auto* decoder = sidecar ? sidecar->find(PluginKind::decoder, use.name) : nullptr;
    for (int c = 0; decoder && c < MOLE_COLUMN_COUNT; ++c)
      if (!mole::provides(*decoder, use.params, flow_column_name(c))) not_provided_[use.name].set(static_cast<std::size_t>(c));
  }
  for (int c = MOLE_COLUMN_COUNT; c < max_columns; ++c)
    if (columns[static_cast<std::size_t>(c)]) elements_.push_back({c});
}

void AbsentColumns::start_file() {
  flows_ = 0;
  for (auto& element : elements_) element.in_file = 0;
}

void AbsentColumns::count(const FlowBatch& flows) {
  flows_ += flows.rows;
  for (auto& element : elements_) {
    const auto values = flows.column<mole_values>(element.column);
    element.in_file += static_cast<std::uint64_t>(std::ranges::count_if(values, [](const auto& v) { return v.count > 0; }));
  }
}

bool AbsentColumns::has(const std::string& decoder, const ColumnPresence& presence, int column) const {
  const auto bit = static_cast<std::size_t>(column);
  if (is_element_column(column))
    return presence.known[bit] || std::ranges::find(elements_, column, &Element::column)->in_file > 0;
  const auto found = not_provided_.find(decoder);
  return !presence.absent[bit] && (found == not_provided_.end() || !found->second[bit]);
}

void AbsentColumns::end_file(const task::File& file, const std::string& decoder, const ColumnPresence& presence) {
  if (flows_ == 0) return;
  for (auto& element : elements_) {
    element.flows += flows_;
    element.with_value += element.in_file;
  }
  const ColumnSet read = read_by_(file.router);
  std::vector<int> absent;
  for (int c = 0; c < max_columns; ++c)
    if (read[static_cast<std::size_t>(c)] && !has(decoder, presence, c)) absent.push_back(c);
  if (absent.empty()) return;
  absent_[file.id] = std::move(absent);
  files_.insert(file.id);
}

std::vector<int> AbsentColumns::of(const std::string& file) const {
  const auto found = absent_.find(file);
  return found == absent_.end() ? std::vector<int>() : found->second;
}

}  // namespace mole::runtime
