#include "runtime/task/as_lookups.hpp"

#include <algorithm>

namespace mole::runtime {
namespace {

bool same_lookup(const task::Step& a, const task::Step& b) {
  return a.load == b.load && std::equal(a.routes.begin(), a.routes.end(), b.routes.begin(), b.routes.end(),
                                        [](const task::RouteTableRef& x, const task::RouteTableRef& y) {
                                          return x.used.from == y.used.from && x.blob == y.blob && x.format == y.format;
                                        });
}

}  // namespace

AsLookup* AsLookups::add(const task::Step& step, ColumnSet& wanted) {
  const bool src = wanted[MOLE_COLUMN_SRC_AS], dst = wanted[MOLE_COLUMN_DST_AS];
  if (step.routes.empty() || (!src && !dst)) return nullptr;
  auto found = std::find_if(lookups_.begin(), lookups_.end(), [&](const auto& known) { return same_lookup(*known->step, step); });
  if (found == lookups_.end()) {
    const int time_column = step.load == Load::end ? MOLE_COLUMN_END : MOLE_COLUMN_START;
    lookups_.push_back(
        std::make_unique<AsLookup>(AsLookup{&step, AsColumns(step.routes, tables_), time_column, false, false, {}, {}}));
    found = std::prev(lookups_.end());
  }
  AsLookup& lookup = **found;
  lookup.reads_src = lookup.reads_src || src;
  lookup.reads_dst = lookup.reads_dst || dst;
  wanted.reset(MOLE_COLUMN_SRC_AS).reset(MOLE_COLUMN_DST_AS).set(static_cast<std::size_t>(lookup.time_column));
  if (src) wanted.set(MOLE_COLUMN_SRC_ADDR);
  if (dst) wanted.set(MOLE_COLUMN_DST_ADDR);
  return &lookup;
}

void AsLookups::look_up(const FlowBatch& flows) {
  for (auto& lookup : lookups_) {
    if (lookup->error) continue;
    const AsColumns::Rows rows{flows.rows, flows.address_family, flows.column<Micros>(lookup->time_column).data(),
                               lookup->reads_src ? flows.columns[MOLE_COLUMN_SRC_ADDR] : nullptr,
                               lookup->reads_dst ? flows.columns[MOLE_COLUMN_DST_ADDR] : nullptr};
    if (auto done = lookup->columns.look_up(rows); !done) {
      lookup->error = done.error();
      continue;
    }
    lookup->view = flows;
    if (lookup->reads_src) lookup->view.columns[MOLE_COLUMN_SRC_AS] = lookup->columns.src();
    if (lookup->reads_dst) lookup->view.columns[MOLE_COLUMN_DST_AS] = lookup->columns.dst();
  }
}

}  // namespace mole::runtime
