#include "runtime/task/as_lookups.hpp"

namespace mole::runtime {

std::string AsLookups::key(const task::Step& step) {
  std::string key;
  for (const auto& table : step.routes)
    key += std::to_string(table.used.from) + " " + table.blob.hex() + " " + table.format + "\n";
  return key.empty() ? key : step.load + "\n" + key;
}

AsLookup* AsLookups::add(const task::Step& step, ColumnSet& wanted) {
  const bool src = wanted[MOLE_COLUMN_SRC_AS], dst = wanted[MOLE_COLUMN_DST_AS];
  if (step.routes.empty() || (!src && !dst)) return nullptr;
  auto& lookup = lookups_[key(step)];
  if (!lookup) {
    lookup = std::make_unique<AsLookup>(AsLookup{
        AsColumns(step.routes, tables_), step.load == "end" ? MOLE_COLUMN_END : MOLE_COLUMN_START, false, false, {}, {}});
  }
  lookup->reads_src = lookup->reads_src || src;
  lookup->reads_dst = lookup->reads_dst || dst;
  wanted.reset(MOLE_COLUMN_SRC_AS).reset(MOLE_COLUMN_DST_AS).set(static_cast<std::size_t>(lookup->time));
  if (src) wanted.set(MOLE_COLUMN_SRC_ADDR);
  if (dst) wanted.set(MOLE_COLUMN_DST_ADDR);
  return lookup.get();
}

void AsLookups::look_up(const FlowBatch& flows) {
  for (auto& [key, lookup] : lookups_) {
    if (lookup->failed) continue;
    const AsColumns::Rows rows{flows.rows, flows.address_family, flows.column<Micros>(lookup->time).data(),
                               lookup->reads_src ? flows.columns[MOLE_COLUMN_SRC_ADDR] : nullptr,
                               lookup->reads_dst ? flows.columns[MOLE_COLUMN_DST_ADDR] : nullptr};
    if (auto done = lookup->columns.look_up(rows); !done) {
      lookup->failed = done.error();
      continue;
    }
    lookup->view = flows;
    if (lookup->reads_src) lookup->view.columns[MOLE_COLUMN_SRC_AS] = lookup->columns.src();
    if (lookup->reads_dst) lookup->view.columns[MOLE_COLUMN_DST_AS] = lookup->columns.dst();
  }
}

}  // namespace mole::runtime
