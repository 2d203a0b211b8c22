// Looks up src_as and dst_as of a batch of flows in the routing table that is valid at the time of each flow.
//
//   AsColumns as(step.routes, tables);
//   if (auto done = as.look_up(batch); !done) ...   // once per batch
//   as.src(), as.dst()                              // columns that replace those of the records
#pragma once

#include "runtime/routes/loaded_tables.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace mole::runtime {

class AsColumns {
 public:
  // A batch. `times` select the table. Null addresses: that side is not looked up.
  struct Rows {
    std::uint32_t rows = 0;
    std::uint32_t family = 4;  // as FlowBatch::address_family
    const Micros* times = nullptr;
    const void* src = nullptr;
    const void* dst = nullptr;
  };

  // `routes`: at least one, in time order, without gaps. Times before the first table use the first one, times after the last
  // table use the last one: such flows count in no interval of the block, but a filter may read them. `tables` must outlive this.
  AsColumns(std::vector<task::RouteTableRef> routes, LoadedTables& tables) : routes_(std::move(routes)), tables_(tables) {}

  // Call for every batch. Returns the errors of LoadedTables::get.
  Result<> look_up(const Rows& flows);
  // The AS numbers of the last batch; valid until the next one.
  const std::uint32_t* src() const { return src_.data(); }
  const std::uint32_t* dst() const { return dst_.data(); }

 private:
  std::size_t index_at(Micros time) const;
  Result<> use(std::size_t index);
  void fill(const Rows& flows, std::uint32_t from, std::uint32_t to);

  std::vector<task::RouteTableRef> routes_;
  LoadedTables& tables_;
  std::size_t index_ = 0;
  std::shared_ptr<const RouteTable> table_;  // of routes_[index_]
  std::vector<std::uint32_t> src_, dst_;
};

}  // namespace mole::runtime
