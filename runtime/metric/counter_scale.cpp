#include "runtime/metric/counter_scale.hpp"

#include <algorithm>

namespace mole::runtime {
namespace {

constexpr std::uint8_t was_scaled_bit = 4, manifest_differs_bit = 8;
constexpr std::uint8_t inexact_bit(std::size_t counter) { return static_cast<std::uint8_t>(16 << counter); }
constexpr std::uint8_t inexact_bits = 0xf0;

}  // namespace

ColumnSet columns_for_scale(Scale scale, const ColumnSet& read, bool has_scaled) {
  const bool counters = std::ranges::any_of(counter_columns, [&](int c) { return read[static_cast<std::size_t>(c)]; });
  if (scale == Scale::sampling)
    return ColumnSet().set(MOLE_COLUMN_SAMPLING).set(MOLE_COLUMN_SAMPLING_SOURCE).set(MOLE_COLUMN_SCALED);
  return counters && has_scaled ? ColumnSet().set(MOLE_COLUMN_SAMPLING).set(MOLE_COLUMN_SCALED) : ColumnSet();
}

// Returns memory for a converted counter; null: it is not in the batch.
std::uint64_t* CounterScale::counter(std::size_t number, const FlowBatch& flows) {
  const auto column = static_cast<std::size_t>(counter_columns[number]);
  if (flows.columns[column] == nullptr) return nullptr;
  counters_[number].resize(std::max<std::size_t>(counters_[number].size(), flows.rows));
  replaced_[column] = counters_[number].data();
  return counters_[number].data();
}

void CounterScale::convert(const FlowBatch& flows) {
  replaced_ = {};
  rows_.clear();
  if (flows.rows == 0) return;
  scale_ == Scale::sampling ? multiply(flows) : divide(flows);
}

void CounterScale::multiply(const FlowBatch& flows) {
  const auto rates = flows.column<std::uint32_t>(MOLE_COLUMN_SAMPLING);
  const auto sources = flows.column<std::uint8_t>(MOLE_COLUMN_SAMPLING_SOURCE);
  const auto scaled = flows.column<std::uint8_t>(MOLE_COLUMN_SCALED);
  rows_.resize(flows.rows);
  sampling_.resize(flows.rows);
  source_.resize(flows.rows);
  scaled_.resize(flows.rows);
  for (std::uint32_t i = 0; i < flows.rows; ++i) {
    std::uint32_t rate = std::max<std::uint32_t>(rates[i], 1);
    // A decoder that does not state the source returns rates of records.
    std::uint8_t source = sources[i] > MOLE_SAMPLING_OPTIONS ? std::uint8_t{MOLE_SAMPLING_UNKNOWN} : sources[i];
    if (source == MOLE_SAMPLING_UNKNOWN && rate > 1) source = MOLE_SAMPLING_RECORD;
    const bool was_scaled = scaled[i] != 0;
    const bool differs = source != MOLE_SAMPLING_UNKNOWN && manifest_rate_ != 0 && manifest_rate_ != rate;
    if (source == MOLE_SAMPLING_UNKNOWN && manifest_rate_ != 0 && !was_scaled) {
      rate = manifest_rate_;
      source = MOLE_SAMPLING_MANIFEST;
    }
    rows_[i].bits = static_cast<std::uint8_t>(source | (was_scaled ? was_scaled_bit : 0) | (differs ? manifest_differs_bit : 0));
    sampling_[i] = rate;
    source_[i] = source;
    scaled_[i] = was_scaled || source != MOLE_SAMPLING_UNKNOWN ? 1 : 0;
  }
  for (std::size_t c = 0; c < counter_columns.size(); ++c) {
    std::uint64_t* out = counter(c, flows);
    if (out == nullptr) continue;
    const auto in = flows.column<std::uint64_t>(counter_columns[c]);
    for (std::uint32_t i = 0; i < flows.rows; ++i) {
      const std::uint64_t rate = rows_[i].was_scaled() ? 1 : sampling_[i];
      if (__builtin_mul_overflow(in[i], rate, &out[i])) {
        out[i] = UINT64_MAX;
        rows_[i].bits |= inexact_bit(c);
      }
    }
  }
  replaced_[MOLE_COLUMN_SAMPLING] = sampling_.data();
  replaced_[MOLE_COLUMN_SAMPLING_SOURCE] = source_.data();
  replaced_[MOLE_COLUMN_SCALED] = scaled_.data();
}

void CounterScale::divide(const FlowBatch& flows) {
  const auto scaled = flows.column<std::uint8_t>(MOLE_COLUMN_SCALED);
  if (std::ranges::all_of(scaled, [](std::uint8_t s) { return s == 0; })) return;
  const auto rates = flows.column<std::uint32_t>(MOLE_COLUMN_SAMPLING);
  rows_.assign(flows.rows, RowScale());
  for (std::uint32_t i = 0; i < flows.rows; ++i)
    if (scaled[i] != 0) rows_[i].bits = static_cast<std::uint8_t>(was_scaled_bit | (rates[i] > 1 ? 0 : inexact_bits));
  for (std::size_t c = 0; c < counter_columns.size(); ++c) {
    std::uint64_t* out = counter(c, flows);
    if (out == nullptr) continue;
    const auto in = flows.column<std::uint64_t>(counter_columns[c]);
    for (std::uint32_t i = 0; i < flows.rows; ++i) {
      out[i] = in[i];
      if (scaled[i] == 0 || rates[i] <= 1) continue;
      if (in[i] % rates[i] == 0)
        out[i] = in[i] / rates[i];
      else
        rows_[i].bits |= inexact_bit(c);
    }
  }
}

void CounterScale::apply(FlowBatch& view) const {
  for (std::size_t c = 0; c < MOLE_COLUMN_COUNT; ++c)
    if (replaced_[c] != nullptr) view.columns[c] = replaced_[c];
}

void ScaleCounts::add(const CounterScale& scale, const FlowGrouping::Assignment& assignment) {
  if (assignment.empty) return;
  const auto rows = scale.rows();
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (assignment.slot_of_row == nullptr || assignment.slot_of_row[i] != MOLE_NO_STATE) ++flows_[rows[i].bits];
}

ScaleSummary ScaleCounts::summary(const ColumnSet& read) const {
  unsigned counters = 0;
  for (std::size_t c = 0; c < counter_columns.size(); ++c)
    if (read[static_cast<std::size_t>(counter_columns[c])]) counters |= 1u << c;
  ScaleSummary out;
  for (std::size_t bits = 0; bits < flows_.size(); ++bits) {
    const RowScale row{static_cast<std::uint8_t>(bits)};
    out.flows[static_cast<std::size_t>(row.source())] += flows_[bits];
    if (row.was_scaled()) out.was_scaled += flows_[bits];
    if (counters != 0 && row.manifest_differs()) out.manifest_differs += flows_[bits];
    if (counters != 0 && row.source() == SamplingSource::none && !row.was_scaled()) out.unscaled += flows_[bits];
    if ((row.inexact() & counters) != 0) out.inexact += flows_[bits];
  }
  return out;
}

}  // namespace mole::runtime
