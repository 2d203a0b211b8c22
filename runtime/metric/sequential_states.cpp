#include "runtime/metric/sequential_states.hpp"

namespace mole::runtime {

Result<std::uint32_t> SequentialStates::add(const Group& group, MetricState state) {
  const auto number = static_cast<std::uint32_t>(states_.size());
  numbers_.emplace(group, number);
  groups_.push_back(group);
  pointers_.push_back(state.get());
  states_.push_back(std::move(state));
  seen_.push_back(false);
  late_.push_back(0);
  return number;
}

Result<> SequentialStates::load_checkpoint(const std::filesystem::path& checkpoint) {
  SavedCells saved;
  if (auto read = saved.append(checkpoint, step_, {}); !read) return read;
  for (Cell& cell : saved.cells()) {
    if (cell.interval_start != step_.block.from)
      return corrupt("checkpoint of " + step_.module->name() + " is for " + format_time(cell.interval_start) + ", not for " +
                     format_time(step_.block.from) + "; compute the previous block again");
    if (auto loaded = load_cell(cell, step_); !loaded) return loaded;
    if (!cell.state) continue;
    if (auto added = add(cell.group, std::move(cell.state)); !added) return added.error();
  }
  return {};
}

Result<> SequentialStates::create_dense(const std::vector<std::string>& routers) {
  if (step_.sparse()) return {};
  for (const auto& member : dense_members(step_.by, routers))
    if (auto number = number_of(member); !number) return number.error();
  return {};
}

Result<std::uint32_t> SequentialStates::number_of(const Group& group) {
  if (const auto found = numbers_.find(group); found != numbers_.end()) return found->second;
  MOLE_TRY(auto state, step_.new_state(step_.block.from, group));
  return add(group, std::move(state));
}

Result<> SequentialStates::close(Micros interval_start, const CoverageOf& coverage) {
  const bool in_block = step_.grid.contains(interval_start);
  const bool sparse = step_.sparse();
  std::vector<Finishing> finishing;
  for (std::size_t n = 0; n < states_.size(); ++n) {
    Finishing f{interval_start, &groups_[n], {}, pointers_[n], in_block && (!sparse || seen_[n] || late_[n] > 0)};
    if (f.keep) {
      f.coverage = coverage(step_.grid.index_of(interval_start), dense_part(step_.by, groups_[n]));
      f.coverage.flows_late = late_[n];
    }
    finishing.push_back(f);
  }
  seen_.assign(seen_.size(), false);
  late_.assign(late_.size(), 0);
  return builder_.add(finishing);
}

Result<> SequentialStates::save(const std::filesystem::path& path) const {
  MOLE_TRY(auto file, StateFileWriter::create(path, step_.header()));
  for (const auto& [group, number] : numbers_) {  // in byte order of the groups
    MOLE_TRY(auto saved, step_.module->save(states_[number]));
    if (auto added = file.add({step_.block.to, group, {}, std::move(saved)}); !added) return added;
  }
  return file.finish();
}

}  // namespace mole::runtime
