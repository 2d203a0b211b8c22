// src_as and dst_as of a batch of flows, from the routing table that holds at each flow's time.
//
//   AsColumns as(step.routes, tables);
//   if (auto done = as.look_up(batch); !done) ...   // once a batch
//   as.src(), as.dst()                              // columns in place of the record's own
#pragma once

#include "runtime/routes/loaded_tables.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace mole::runtime {

class AsColumns {
 public:
  // A batch: `times` decide about the table; null addresses: nobody asks for that side.
  struct Rows {
    std::uint32_t rows = 0;
    std::uint32_t family = 4;  // as FlowBatch::family
    const Micros* times = nullptr;
    const void* src = nullptr;
    const void* dst = nullptr;
  };

  // `routes`: at least one, in time order, without holes. A time before the first is looked up in the first, one past the last in
  // the last: such flows count in no interval of the block, but a filter may see them. `tables` must outlive this.
  AsColumns(std::vector<task::RouteTable> routes, LoadedTables& tables) : routes_(std::move(routes)), tables_(tables) {}

  // Fails as LoadedTables::get. Call before every batch.
  Result<> look_up(const Rows& flows);
  // Of the last batch; valid until the next one.
  const std::uint32_t* src() const { return src_.data(); }
  const std::uint32_t* dst() const { return dst_.data(); }

 private:
  std::size_t piece_at(Micros time) const;
  Result<> use(std::size_t piece);
  void fill(const Rows& flows, std::uint32_t from, std::uint32_t to);

  std::vector<task::RouteTable> routes_;
  LoadedTables& tables_;
  std::size_t piece_ = 0;
  std::shared_ptr<const RouteTable> table_;  // of routes_[piece_]
  std::vector<std::uint32_t> src_, dst_;
};

}  // namespace mole::runtime
