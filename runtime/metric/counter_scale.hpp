// Converts the counters of flows (packets, bytes, and those of the other direction) to the scale that a module reads: `scale` of
// its input.
//
// sampling: the counters are multiplied by the sampling rate, unless the collector has already done so. The rate is that of the
// record, of options of the exporter, or of the manifest, in this order; without any, the flow is not changed and counted as
// unscaled. A product beyond 2^64 - 1 becomes 2^64 - 1. The columns sampling, sampling_source and scaled agree with the counters.
//
// none: counters that the collector has multiplied are divided by the rate if that leaves no remainder; others are not changed
// and counted as inexact.
//
//   CounterScale scale(Scale::sampling, archive.sampling);
//   scale.start_file(router);
//   scale.convert(batch, ...);       // once per batch
//   scale.apply(view);               // to views of the batch
//   counts.add(scale, assignment);   // ScaleCounts of a group of steps
#pragma once

#include "runtime/decode/flow_batch.hpp"
#include "runtime/metric/flow_grouping.hpp"
#include "sdk/model/task.hpp"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mole::runtime {

inline constexpr std::array counter_columns = {MOLE_COLUMN_PACKETS, MOLE_COLUMN_BYTES, MOLE_COLUMN_REVERSE_PACKETS,
                                               MOLE_COLUMN_REVERSE_BYTES};

// Returns the columns that are needed besides `read`, those of a step, to convert its counters. `has_scaled`: some decoder of the
// archive states which counters are already multiplied.
ColumnSet columns_for_scale(Scale scale, const ColumnSet& read, bool has_scaled);

// How a flow was converted, in 8 bits.
struct RowScale {
  std::uint8_t bits = 0;

  SamplingSource source() const { return static_cast<SamplingSource>(bits & 3); }
  bool was_scaled() const { return (bits & 4) != 0; }                            // by the collector
  bool manifest_differs() const { return (bits & 8) != 0; }                      // from the rate that was used
  std::uint8_t inexact() const { return static_cast<std::uint8_t>(bits >> 4); }  // bit c: of counter_columns[c]
};

// The numbers of a step.
struct ScaleSummary {
  std::array<std::uint64_t, 4> flows{};  // by SamplingSource
  std::uint64_t unscaled = 0;            // no rate is known
  std::uint64_t was_scaled = 0;          // by the collector
  std::uint64_t manifest_differs = 0;
  std::uint64_t inexact = 0;  // sampling: beyond 2^64 - 1; none: not divisible, or of unknown rate
};

// Not thread-safe; views of a batch may be read by several threads.
class CounterScale {
 public:
  CounterScale(Scale scale, const task::Sampling& manifest) : scale_(scale), manifest_(manifest) {}

  Scale scale() const { return scale_; }
  void start_file(std::string_view router) { manifest_rate_ = task::rate_of(manifest_, router); }
  // Converts the counters of a batch that are present. The batch must have the columns of columns_for_scale().
  void convert(const FlowBatch& flows);
  // Replaces columns of the batch, or of a view of all its rows, by the converted ones, which are valid until the next convert().
  void apply(FlowBatch& view) const;
  // By row of the batch; empty: no row was converted, which is possible only for Scale::none.
  std::span<const RowScale> rows() const { return rows_; }

 private:
  void multiply(const FlowBatch& flows);
  void divide(const FlowBatch& flows);
  std::uint64_t* counter(std::size_t number, const FlowBatch& flows);

  Scale scale_;
  const task::Sampling& manifest_;
  std::uint32_t manifest_rate_ = 0;
  std::vector<RowScale> rows_;
  std::array<std::vector<std::uint64_t>, counter_columns.size()> counters_;
  std::vector<std::uint32_t> sampling_;
  std::vector<std::uint8_t> source_, scaled_;
  std::array<const void*, max_columns> replaced_{};  // null: as in the batch
};

// Counts flows by how they were converted.
class ScaleCounts {
 public:
  // Counts the rows of a batch that are assigned to a state.
  void add(const CounterScale& scale, const FlowGrouping::Assignment& assignment);
  // `read`: the columns of a step: inexact counters that it does not read are not counted.
  ScaleSummary summary(const ColumnSet& read) const;

 private:
  std::array<std::uint64_t, 256> flows_{};  // by RowScale::bits
};

}  // namespace mole::runtime
