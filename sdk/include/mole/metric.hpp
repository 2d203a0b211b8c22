// Metrics: what to compute from the flows of an interval, or from another module's rows.
//
//   // Counts the bytes of all flows in an interval.
//   struct ByteCount {
//     static constexpr auto about = mole::metric("byte_count", "1.0.0", "Bytes per interval");
//
//     struct Row { std::uint64_t bytes; };
//     static constexpr auto output = mole::columns(
//         mole::column("bytes", &Row::bytes, mole::unit::byte, "Bytes of the interval's flows"));
//
//     std::uint64_t total = 0;
//     static constexpr auto state = mole::fields(&ByteCount::total);
//
//     void add(const mole::Flows<mole::bytes>& flows) {
//       for (auto [bytes] : flows) total += bytes;
//     }
//     void merge(const ByteCount& other) { total += other.total; }
//     Row finish() const { return {total}; }
//   };
//   MOLE_PLUGINS(ByteCount)
//
// Write the parts in this order: about, output, params, inputs, state, then begin, add, merge, finish. An object is the state of
// one interval and group. Its constructor may take `const Params&` (params.hpp) or `const Module&`. Module is a nested class,
// constructed once per process from `const Params&` (or by default) and shared, unchanged, by all states and threads.
//
// A metric with `void merge(const ByteCount&)` is mergeable: its states are stored, sent between nodes and merged in any order.
// merge_fields (fields.hpp) merges all fields of the state. A metric without `merge` is sequential: it receives rows in time
// order, and one object is kept across intervals; `finish` closes an interval and opens the next.
//
// `finish` returns Row or std::vector<Row>. It may take `const mole::Interval&`, the interval of the row (with a window: its
// last interval). A metric whose merged states depend on the order of merging declares `static constexpr bool
// deterministic = false`. Every function may throw; throw mole::Failure to choose the error code.
#pragma once

#include <mole/columns.hpp>
#include <mole/detail/metric_glue.hpp>
#include <mole/fields.hpp>
#include <mole/inputs.hpp>
#include <mole/output.hpp>
#include <mole/params.hpp>
