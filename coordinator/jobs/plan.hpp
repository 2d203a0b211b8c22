// Which (module, block) pairs a request needs, which of them are there, and what the others read: exactly, from keys alone.
//
// Keys (DESIGN decision 14; layout in docs/formats/store.md):
//   state_key(M, b)  = H(fingerprint, block, inputs in order: keys of file slots in reach, or result keys of the upstream blocks;
//                        with routing tables those in reach;
//                        with `since` also the state key of the block before)
//   result_key(M, b) = H(state keys of the blocks in reach of the window, window, interval, format)
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/jobs/archive_index.hpp"
#include "coordinator/store/rows.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mole::coordinator::jobs {

// The blocks of an archive's timeline, numbered from the block that holds the origin of 1970.
struct Grid {
  Micros length = day_us, origin = 0;
  bool operator==(const Grid&) const = default;
  std::int64_t number(Micros t) const { return floor_div(t - origin, length); }
  Micros start(std::int64_t number) const { return origin + number * length; }
  TimeRange block(std::int64_t number) const { return {start(number), start(number + 1)}; }
};

enum Flag : std::uint8_t {
  has_state = 1,
  has_result = 2,
  needs_state = 4,   // must be computed
  needs_result = 8,  // must be computed
  asked = 16,        // the request is about this result
  waits = 32,        // asked, but the archive does not reach this far yet
  failed = 64,       // given up
  blocked = 128,     // needs something that failed
};

// One module over the blocks [first, first + flags.size()).
struct ModulePlan {
  std::uint32_t grid = 0;   // index into Plan::grids
  std::int64_t begin = 0;   // no block before this one exists
  std::int64_t back = 0;    // blocks before its own that a result's window reaches into
  std::int64_t warmup = 0;  // blocks before its own that inputs are read from
  std::int64_t first = 0;
  std::vector<Digest> state_keys, result_keys;
  std::vector<std::uint8_t> flags;

  std::int64_t last() const { return first + static_cast<std::int64_t>(flags.size()); }
  bool covers(std::int64_t block) const { return block >= first && block < last(); }
  std::uint8_t& at(std::int64_t block) { return flags[static_cast<std::size_t>(block - first)]; }
  std::uint8_t flags_at(std::int64_t block) const { return covers(block) ? flags[static_cast<std::size_t>(block - first)] : 0; }
  const Digest& state_key(std::int64_t block) const { return state_keys[static_cast<std::size_t>(block - first)]; }
  const Digest& result_key(std::int64_t block) const { return result_keys[static_cast<std::size_t>(block - first)]; }
};

using Indexes = std::vector<std::shared_ptr<const ArchiveIndex>>;  // one for each archive of the graph; shared with the service

struct Plan {
  std::shared_ptr<const dag::Graph> graph;  // shared with the request
  Indexes indexes;
  std::vector<Grid> grids;
  std::vector<ModulePlan> modules;  // as graph->modules
  std::vector<std::string> waits;   // texts: what lies past the archive's end, or before its beginning

  const Grid& grid(std::size_t module) const { return grids[modules[module].grid]; }
  // Routers whose files feed an archive-fed module.
  std::vector<std::string> routers(std::size_t module) const;
  // Export time from which an archive-fed module's files are read for this block.
  TimeRange reach(std::size_t module, std::int64_t block) const;
  // Computing this job reads the module's inputs (otherwise only states).
  bool reads_inputs(std::size_t module, std::int64_t block) const;
  // It reads this input (of kind rows or context).
  bool reads(std::size_t module, const dag::Input& input, std::int64_t block) const;
  // Blocks of `module` whose states the result of `block` merges: [from, block].
  std::int64_t window_from(std::size_t module, std::int64_t block) const;
  std::int64_t inputs_from(std::size_t module, const dag::Input& input, std::int64_t block) const;
};

struct PlanAsk {
  std::vector<std::uint32_t> modules;  // indexes into the graph; empty: all
  TimeRange range;
  bool partial = false;  // also compute blocks past the archive's end
};

// Gives the catalogue rows of one fingerprint with from <= block start < to, in order.
using CatalogueScan = std::function<void(const Digest& fingerprint, TimeRange range,
                                         const std::function<void(Micros block_from, const store::CatalogueKeys&)>& visit)>;
// Whether a node that holds a state may still have it.
using HolderLives = std::function<bool(std::uint32_t node)>;

inline constexpr std::int64_t max_blocks = 2'000'000;       // of one module in one plan
inline constexpr std::int64_t max_plan_blocks = 4'000'000;  // of all its modules together

// missing: the archive has no file, or none in reach of the range. exhausted: more than max_blocks or max_plan_blocks.
Result<Plan> make_plan(std::shared_ptr<const dag::Graph> graph, Indexes indexes, const PlanAsk& ask,
                       const CatalogueScan& catalogue, const HolderLives& lives);

// Files that the jobs of a plan read.
struct NeededFile {
  std::uint32_t archive, file;  // index into the graph's archives, into the archive's files()
  std::uint32_t blocks;         // how many blocks read it
};
std::vector<NeededFile> needed_files(const Plan& plan);

// Marks what cannot be computed because something below it failed. Call after setting `failed`.
void propagate_failures(Plan& plan);
// The same for one job more, at the cost of what it stops. Returns how many jobs that could be done until now cannot any more.
std::int64_t give_up(Plan& plan, std::size_t module, std::int64_t block);
// Call when a windowed job's state has come: its row cannot be merged if a state before it was given up. Returns as give_up.
std::int64_t block_row_without_states(Plan& plan, std::size_t module, std::int64_t block);

}  // namespace mole::coordinator::jobs
