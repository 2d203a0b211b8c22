#include "runtime/routes/as_columns.hpp"

#include <algorithm>

namespace mole::runtime {

std::size_t AsColumns::index_at(Micros time) const {
  const auto after = std::upper_bound(routes_.begin(), routes_.end(), time,
                                      [](Micros t, const task::RouteTableRef& r) { return t < r.used.from; });
  return after == routes_.begin() ? 0 : static_cast<std::size_t>(after - routes_.begin()) - 1;
}

Result<> AsColumns::use(std::size_t index) {
  if (table_ && index == index_) return {};
  MOLE_TRY(table_, tables_.get(routes_[index]));
  index_ = index;
  return {};
}

void AsColumns::fill(const Rows& flows, std::uint32_t from, std::uint32_t to) {
  const auto side = [&](const void* addresses, std::vector<std::uint32_t>& as) {
    if (!addresses) return;
    if (flows.family == 6)
      table_->find_v6(static_cast<const std::uint8_t*>(addresses) + std::size_t{16} * from, to - from, as.data() + from);
    else
      table_->find(static_cast<const std::uint32_t*>(addresses) + from, to - from, as.data() + from);
  };
  side(flows.src, src_);
  side(flows.dst, dst_);
}

Result<> AsColumns::look_up(const Rows& flows) {
  if (flows.rows == 0) return {};
  for (auto* as : {&src_, &dst_})
    if (as->size() < flows.rows) as->resize(flows.rows);
  const auto [earliest, latest] = std::minmax_element(flows.times, flows.times + flows.rows);
  const auto first = index_at(*earliest), last = index_at(*latest);
  if (first == last) {  // all batches except those during which the table changes
    if (auto used = use(first); !used) return used;
    fill(flows, 0, flows.rows);
    return {};
  }
  for (auto index = first; index <= last; ++index) {  // table by table, not row by row, because tables are large
    const Micros from = index == 0 ? INT64_MIN : routes_[index].used.from;
    const Micros to = index + 1 == routes_.size() ? INT64_MAX : routes_[index + 1].used.from;
    const auto of_table = [&](std::uint32_t i) { return flows.times[i] >= from && (flows.times[i] < to || to == INT64_MAX); };
    for (std::uint32_t i = 0; i < flows.rows;) {
      std::uint32_t end = i;
      while (end < flows.rows && of_table(end)) ++end;
      if (end > i) {
        if (auto used = use(index); !used) return used;
        fill(flows, i, end);
      }
      i = end + 1;
    }
  }
  return {};
}

}  // namespace mole::runtime
