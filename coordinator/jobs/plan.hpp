// The jobs, (module, block) pairs, that a request needs: which are present, and what the others read. Derived from keys only.
//
// Keys (layout in docs/formats/store.md):
//   state_key(M, b)  = H(fingerprint, block, inputs in order: keys of file slots in reach, or result keys of the upstream blocks;
//                        the routing tables in reach, if used;
//                        with `since` also the state key of the block before)
//   result_key(M, b) = H(state keys of the blocks in reach of the window, window, interval, format)
#pragma once

#include "coordinator/dag/graph.hpp"
#include "coordinator/jobs/archive_index.hpp"
#include "coordinator/store/rows.hpp"

#include <functional>

namespace mole::coordinator::jobs {

// The blocks of an archive's timeline; block 0 starts at `origin` after 1970-01-01.
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
  requested = 16,    // its result was requested
  waits = 32,        // requested, but past the end of the archive
  failed = 64,       // abandoned after too many failures
  blocked = 128,     // depends on a failed job
};

// One module over the blocks [first, first + flags.size()).
struct ModulePlan {
  std::uint32_t grid = 0;   // index into Plan::grids
  std::int64_t begin = 0;   // first block that exists
  std::int64_t back = 0;    // earlier blocks in the window of a result
  std::int64_t warmup = 0;  // earlier blocks from which inputs are read
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
  std::vector<ModulePlan> modules;  // parallel to graph->modules
  std::vector<std::string> waits;   // messages about jobs past the end of the archive
  std::vector<std::string> notes;   // messages about names in the archive, and what was asked for and it does not have

  const Grid& grid(std::size_t module) const { return grids[modules[module].grid]; }
  // Returns the routers whose files a flow-reading module reads: those that "where" selects, without those of which no flow can
  // pass the filter, unless none is left.
  std::vector<std::string> routers(std::size_t module) const;
  // Range of export times of the files that a flow-reading module needs for this block.
  TimeRange reach(std::size_t module, std::int64_t block) const;
  // Whether computing this job reads the module's inputs, and not only states.
  bool reads_inputs(std::size_t module, std::int64_t block) const;
  // Whether computing this job reads this input, which is of kind rows or context.
  bool reads(std::size_t module, const dag::Input& input, std::int64_t block) const;
  // First block whose state is merged into the result of `block`.
  std::int64_t window_from(std::size_t module, std::int64_t block) const;
  // First upstream block that the job reads.
  std::int64_t inputs_from(std::size_t module, const dag::Input& input, std::int64_t block) const;
};

struct PlanRequest {
  std::vector<std::uint32_t> modules;  // indexes into the graph; empty: all
  TimeRange range;
  bool partial = false;  // also compute blocks past the archive's end
};

// Visits the catalogue rows of one fingerprint with from <= block start < to, in order.
using CatalogueScan = std::function<void(const Digest& fingerprint, TimeRange range,
                                         const std::function<void(Micros block_from, const store::CatalogueKeys&)>& visit)>;
// Whether a node is present, so that the states it holds can be used.
using IsPresent = std::function<bool(std::uint32_t node)>;

inline constexpr std::int64_t max_blocks = 2'000'000;       // of one module in one plan
inline constexpr std::int64_t max_plan_blocks = 4'000'000;  // of all its modules together

// missing: the archive has no file for the range. invalid: jobs to compute read a time with a refused conflict. exhausted: more
// than max_blocks or max_plan_blocks.
Result<Plan> make_plan(std::shared_ptr<const dag::Graph> graph, Indexes indexes, const PlanRequest& request,
                       const CatalogueScan& catalogue, const IsPresent& is_present);

// Returns what the range and the manifest ask for and the archives do not have.
std::vector<std::string> notes_on(const Plan& plan, TimeRange range);

// Returns "; it has files of 7, 8": the routers of the index whose names are nearest to `router`.
std::string known_routers(const ArchiveIndex& index, const std::string& router);

// missing: a filter selects only routers of which the archive has no file.
Result<> check_routers(const Plan& plan);

// Refuses a plan with a job that reads files of which it is not known which are right, and notes other conflicts.
Result<> check_conflicts(Plan& plan);

// A file that jobs of a plan read.
struct NeededFile {
  std::uint32_t archive, file;  // indexes into the graph's archives and the archive's files()
};
std::vector<NeededFile> needed_files(const Plan& plan);
// Returns the number of files in reach of the plan's blocks, computed or not.
std::size_t files_in_reach(const Plan& plan);

// Marks the jobs that depend on failed ones as blocked. Call after setting `failed`.
void propagate_failures(Plan& plan);
// Fails one more job and blocks its dependents, in time proportional to their number. Returns the number of jobs stopped.
std::int64_t give_up(Plan& plan, std::size_t module, std::int64_t block);
// Blocks a result with a window if a state it merges was abandoned. Call when the job's own state is present. Returns as give_up.
std::int64_t block_row_without_states(Plan& plan, std::size_t module, std::int64_t block);

}  // namespace mole::coordinator::jobs
