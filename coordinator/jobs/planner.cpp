#include "coordinator/jobs/plan.hpp"

#include "coordinator/dag/routing_tables.hpp"

#include <algorithm>
#include <bit>

namespace mole::coordinator::jobs {
namespace {

constexpr std::uint64_t result_format = 1;

// The packed fields of a key. A plan computes millions of keys, so the buffer is reused.
class KeyBuffer {
 public:
  void clear() { bytes_.clear(); }
  template <class T>
  void add(const T& field) {
    static_assert(std::endian::native == std::endian::little && (std::is_same_v<T, Digest> || sizeof(T) == 8));
    const auto bytes = std::as_bytes(std::span(&field, 1));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  Digest finish() const { return digest_of(std::span<const std::byte>(bytes_)); }

 private:
  std::vector<std::byte> bytes_;
};

struct Span {
  std::int64_t from = 0, to = 0;
  bool empty() const { return to <= from; }
  void add(Span o) {
    if (o.empty()) return;
    *this = empty() ? o : Span{std::min(from, o.from), std::max(to, o.to)};
  }
};

std::int64_t ceil_div(Micros a, Micros b) { return a <= 0 ? 0 : (a + b - 1) / b; }

struct Planner {
  struct Ends {
    std::int64_t complete = 0;  // end of the blocks that have all their files
    std::int64_t data = 0;      // end of the blocks that overlap any file
    Micros rows = 0;            // rows that end by then lack nothing because of the end of the archive
  };
  // Blocks of one module.
  struct Blocks {
    Ends ends;
    std::int64_t floor = INT64_MIN;  // first block of a chain (`since`) of the module or its inputs
    Span requested, waiting, results;
    std::int64_t keyed_to = 0;
    std::vector<bool> wanted;
  };

  Plan& plan;
  const dag::Graph& graph;
  const PlanRequest& request;
  const CatalogueScan& catalogue;
  const IsPresent& is_present;
  std::vector<Blocks> per_module = std::vector<Blocks>(graph.modules.size());
  std::int64_t total = 0;  // blocks of all modules

  Result<> run() {
    const auto n = graph.modules.size();
    plan.modules.resize(n);
    for (std::size_t m = 0; m < n; ++m)
      if (auto done = set_limits(m); !done) return done;
    if (auto done = set_requested(); !done) return done;
    for (std::size_t m = n; m-- > 0;)
      if (auto done = set_span(m); !done) return done;
    for (std::size_t m = 0; m < n; ++m) compute_keys(m);
    for (std::size_t m = 0; m < n; ++m) read_catalogue(m);
    for (std::size_t m = n; m-- > 0;) mark_needs(m);
    if (auto valid = check_routers(plan); !valid) return valid;
    plan.notes = notes_on(plan, request.range);
    return check_conflicts(plan);
  }

  // Sets the first and last block of a module, from the archive or from its inputs.
  Result<> set_limits(std::size_t m) {
    const auto& module = graph.modules[m];
    const auto& archive = graph.grid(module);
    auto& planned = plan.modules[m];
    auto& blocks = per_module[m];
    const Grid grid{archive.block_length, archive.block_origin};
    const auto known = std::find(plan.grids.begin(), plan.grids.end(), grid);
    planned.grid = static_cast<std::uint32_t>(known - plan.grids.begin());
    if (known == plan.grids.end()) plan.grids.push_back(grid);
    planned.back = ceil_div(module.window - module.interval, grid.length);
    planned.warmup = ceil_div(module.warmup, grid.length);
    bool first = true;
    for (const auto& input : module.inputs) {
      std::int64_t begin;
      Ends ends;
      if (input.kind == InputKind::flows) {
        const auto& source = graph.archives[input.source];
        const auto span = plan.indexes[input.source]->span(plan.routers(m));
        if (!span) return no_files(source, *plan.indexes[input.source], module);
        const auto horizon = std::max(span->to, source.horizon.value_or(span->to));
        begin = grid.number(span->from);
        const bool complete = source.horizon && *source.horizon >= horizon;
        ends = {grid.number(complete ? horizon : horizon - source.lateness), grid.number(horizon - 1) + 1,
                complete ? horizon : horizon - std::min(source.lateness, longest_delay(source, module.load))};
      } else {
        begin = plan.modules[input.source].begin;
        ends = per_module[input.source].ends;
        blocks.floor = std::max(blocks.floor, per_module[input.source].floor);
      }
      planned.begin = first ? begin : std::min(planned.begin, begin);
      blocks.ends = first ? ends
                          : Ends{std::min(blocks.ends.complete, ends.complete), std::max(blocks.ends.data, ends.data),
                                 std::min(blocks.ends.rows, ends.rows)};
      first = false;
    }
    if (module.since) blocks.floor = std::max(blocks.floor, grid.number(*module.since));
    planned.begin = std::max(planned.begin, blocks.floor);
    return {};
  }

  // Returns how long after a flow its record may be exported.
  static Micros longest_delay(const dag::Archive& archive, Load load) {
    return (load == Load::end ? archive.export_delay.end : archive.export_delay.start).back().delay;
  }

  static Error no_files(const dag::Archive& archive, const ArchiveIndex& index, const dag::Module& module) {
    std::string which;
    for (const auto& router : module.routers) which += (which.empty() ? " of the routers " : ", ") + router;
    return missing("the archive \"" + archive.name + "\" has no file" + which + " that matches \"" + archive.files + "\"" +
                   (module.routers.empty() ? "" : known_routers(index, module.routers[0])) +
                   "; check its \"params\", \"files\" and \"where\"");
  }

  Result<> set_requested() {
    auto wanted = request.modules;
    if (wanted.empty())
      for (std::uint32_t m = 0; m < graph.modules.size(); ++m) wanted.push_back(m);
    std::map<std::string, std::int64_t> skipped;
    std::map<std::string, std::pair<std::int64_t, Micros>> late;  // blocks; end of the files that they need
    bool any = false;
    for (const auto m : wanted) {
      const auto& planned = plan.modules[m];
      const auto& grid = plan.grid(m);
      const auto from = grid.number(request.range.from), to = grid.number(request.range.to - 1) + 1;
      Span span{std::max(from, planned.begin), to};
      if (span.empty()) continue;
      if (to - span.from > max_blocks) return too_many(m, to - span.from);
      const auto archive = graph.modules[m].archive;
      auto& blocks = per_module[m];
      if (request.partial) {
        if (span.to > blocks.ends.data) skipped[past_end(archive, m)] += span.to - std::max(span.from, blocks.ends.data);
        span.to = std::min(span.to, blocks.ends.data);
      } else if (span.to > blocks.ends.complete && request.range.to > blocks.ends.rows) {
        blocks.waiting = {std::max(span.from, blocks.ends.complete), span.to};
        auto& [count, files_to] = late[past_end(archive, m)];
        count += blocks.waiting.to - blocks.waiting.from;
        files_to = std::max(files_to, grid.start(blocks.waiting.to) + graph.archives[archive].lateness);
        span.to = std::min(span.to, blocks.ends.complete);
      }
      if (!span.empty()) blocks.requested = span;
      any = any || !span.empty() || !blocks.waiting.empty();
    }
    if (!any) return no_data(wanted.front());
    for (const auto& [end, waiting] : late)
      plan.waits.push_back(std::to_string(waiting.first) +
                           (waiting.first == 1 ? " job waits for files: " : " jobs wait for files: ") + end + ", files up to " +
                           format_time(waiting.second) +
                           " are needed; run again when the archive has them, or compute without them (--partial)");
    for (const auto& [end, blocks] : skipped)
      plan.waits.push_back(std::to_string(blocks) + (blocks == 1 ? " job is" : " jobs are") +
                           " past the end and left out: " + end);
    return {};
  }

  std::string past_end(std::uint32_t archive, std::size_t m) const {
    const auto& a = graph.archives[archive];
    const auto span = plan.indexes[archive]->span(plan.routers(m));
    return "the archive \"" + a.name + "\" ends at " + (span ? format_time(span->to) : std::string("an unknown time"));
  }

  Error no_data(std::size_t m) const {
    const auto archive = graph.modules[m].archive;
    const auto span = plan.indexes[archive]->span({});
    return missing("there is no data for " + graph.modules[m].name + " in [" + format_time(request.range.from) + ", " +
                   format_time(request.range.to) + "): the archive \"" + graph.archives[archive].name + "\" covers [" +
                   format_time(span->from) + ", " + format_time(span->to) + ")" +
                   (per_module[m].floor == INT64_MIN
                        ? ""
                        : " and the chain of blocks begins at " + format_time(plan.grid(m).start(per_module[m].floor))) +
                   "; choose a range within it");
  }

  Error too_many(std::size_t m, std::int64_t blocks) const {
    return exhausted("the range has " + std::to_string(blocks) + " blocks of " + graph.modules[m].name + ", more than " +
                     std::to_string(max_blocks) + "; request a shorter range or choose longer blocks");
  }

  // Sets the blocks whose keys are needed, from the blocks whose results the request or other modules need.
  Result<> set_span(std::size_t m) {
    auto& planned = plan.modules[m];
    auto& blocks = per_module[m];
    const auto& module = graph.modules[m];
    blocks.results.add(blocks.requested);
    if (blocks.results.empty()) return {};
    auto states = blocks.results;
    if (module.since)
      states.from = std::min(states.from, planned.begin);
    else if (module.window > 0)
      states.from = std::min(states.from, std::max(planned.begin, states.from - planned.back));
    // A waiting block has flags but no key yet.
    auto whole = states;
    whole.add(blocks.waiting);
    if (whole.to - whole.from > max_blocks) return too_many(m, whole.to - whole.from);
    total += whole.to - whole.from;
    if (total > max_plan_blocks)
      return exhausted("the range has more than " + std::to_string(max_plan_blocks) +
                       " blocks of all modules together; request a shorter range or a single module, or choose longer blocks");
    set_blocks(planned, whole);
    blocks.keyed_to = states.to;
    for (const auto& input : module.inputs)
      if (input.kind != InputKind::flows)
        per_module[input.source].results.add({plan.inputs_from(m, input, states.from), states.to});
    return {};
  }

  static void set_blocks(ModulePlan& planned, Span blocks) {
    planned.first = blocks.from;
    planned.flags.assign(static_cast<std::size_t>(blocks.to - blocks.from), 0);
    planned.state_keys.resize(planned.flags.size());
    planned.result_keys.resize(planned.flags.size());
  }

  void compute_keys(std::size_t m) {
    auto& planned = plan.modules[m];
    const auto& blocks = per_module[m];
    if (planned.flags.empty()) {
      if (!blocks.waiting.empty()) set_blocks(planned, blocks.waiting);
      return mark_requested(planned, blocks);
    }
    const auto& module = graph.modules[m];
    const auto& grid = plan.grid(m);
    const auto routers = plan.routers(m);
    KeyBuffer buffer;
    for (auto b = planned.first; b < blocks.keyed_to; ++b) {
      const auto block = grid.block(b);
      buffer.clear();
      buffer.add(module.fingerprint);
      buffer.add(block.from);
      buffer.add(block.to);
      for (const auto& input : module.inputs)
        if (input.kind == InputKind::flows)
          add_slots(buffer, *plan.indexes[input.source], routers, plan.reach(m, b));
        else
          add_results(buffer, plan.modules[input.source], plan.inputs_from(m, input, b), b);
      if (module.routes) add_routes(buffer, graph.resources[*module.routes], {block.from - module.warmup, block.to});
      const auto i = static_cast<std::size_t>(b - planned.first);
      if (module.since && b > planned.begin && i > 0) buffer.add(planned.state_keys[i - 1]);
      planned.state_keys[i] = buffer.finish();
    }
    for (auto b = std::max(planned.first, blocks.results.from); b < blocks.keyed_to; ++b) {
      const auto from = static_cast<std::size_t>(plan.window_from(m, b) - planned.first),
                 i = static_cast<std::size_t>(b - planned.first);
      buffer.clear();
      buffer.add(result_format);
      buffer.add(module.interval);
      buffer.add(module.window);
      buffer.add(digest_of(std::as_bytes(std::span(&planned.state_keys[from], i - from + 1))));
      planned.result_keys[i] = buffer.finish();
    }
    mark_requested(planned, blocks);
  }

  static void add_slots(KeyBuffer& buffer, const ArchiveIndex& index, const std::vector<std::string>& routers, TimeRange reach) {
    for (const auto& router : routers) {
      std::uint64_t slots = 0;
      index.slots(router, reach, [&](std::uint32_t file, TimeRange covers) {
        buffer.add(file == ArchiveIndex::no_file ? ArchiveIndex::gap_key(router, covers.from) : index.files()[file].key);
        ++slots;
      });
      buffer.add(slots);
    }
  }

  static void add_routes(KeyBuffer& buffer, const dag::Resource& resource, TimeRange reach) {
    const auto pieces = dag::routes_over(resource, reach);
    for (const auto& piece : pieces) buffer.add(piece.used.from), buffer.add(piece.blob);
    buffer.add(static_cast<std::uint64_t>(pieces.size()));
  }

  static void add_results(KeyBuffer& buffer, const ModulePlan& upstream, std::int64_t from, std::int64_t to) {
    for (auto b = from; b <= to; ++b) buffer.add(upstream.result_key(b));
    buffer.add(static_cast<std::uint64_t>(to - from + 1));
  }

  static void mark_requested(ModulePlan& planned, const Blocks& blocks) {
    for (auto b = blocks.requested.from; b < blocks.requested.to; ++b) planned.at(b) |= requested;
    for (auto b = blocks.waiting.from; b < blocks.waiting.to; ++b) planned.at(b) |= requested | waits;
  }

  void read_catalogue(std::size_t m) {
    auto& planned = plan.modules[m];
    if (planned.flags.empty()) return;
    const auto& grid = plan.grid(m);
    auto b = planned.first;  // rows are sorted, which saves a division per row
    auto start = grid.start(b);
    catalogue(graph.modules[m].fingerprint, {start, grid.start(planned.last())},
              [&](Micros from, const store::CatalogueKeys& row) {
                while (start < from) {
                  ++b;
                  start += grid.length;
                }
                if (start != from || !planned.covers(b) || planned.state_key(b).empty()) return;
                auto& flags = planned.at(b);
                if (row.state_key == planned.state_key(b) && held(row.holders)) flags |= has_state;
                if (row.result_key == planned.result_key(b) && !row.result_key.empty()) flags |= has_result;
              });
  }

  bool held(std::string_view holders) const {
    for (std::size_t i = 0; i < store::holder_count(holders); ++i)
      if (is_present(store::holder_at(holders, i))) return true;
    return false;
  }

  // Marks the jobs to compute and requests the upstream results they read.
  void mark_needs(std::size_t m) {
    auto& planned = plan.modules[m];
    if (planned.flags.empty()) return;
    auto& wanted = per_module[m].wanted;
    wanted.resize(planned.flags.size());
    for (std::size_t i = 0; i < planned.flags.size(); ++i)
      if ((wanted[i] || (planned.flags[i] & (requested | waits)) == requested) && !(planned.flags[i] & has_result))
        planned.flags[i] |= needs_result;
    const auto& module = graph.modules[m];
    if (module.since)
      mark_chain(planned);
    else if (module.window > 0)
      mark_window_states(m);
    for (auto b = planned.first; b < planned.last(); ++b)
      for (const auto& input : module.inputs)
        if (input.kind != InputKind::flows && plan.reads(m, input, b)) want(input.source, plan.inputs_from(m, input, b), b);
  }

  // Chained checkpoints: a block needs the state at the end of the previous one.
  static void mark_chain(ModulePlan& planned) {
    bool state_wanted = false;
    for (auto i = planned.flags.size(); i-- > 0;) {
      auto& flags = planned.flags[i];
      if (state_wanted && !(flags & has_state)) flags |= needs_state;
      state_wanted = (flags & (needs_state | needs_result)) != 0;
    }
  }

  void mark_window_states(std::size_t m) {
    auto& planned = plan.modules[m];
    std::int64_t needed_to = INT64_MAX;  // going back in time: a missing result needs the states from this block on
    for (auto b = planned.last(); b-- > planned.first;) {
      auto& flags = planned.at(b);
      if (flags & needs_result) needed_to = plan.window_from(m, b);
      if (b >= needed_to && !(flags & has_state) && !planned.state_key(b).empty()) flags |= needs_state;
    }
  }

  void want(std::uint32_t source, std::int64_t from, std::int64_t to) {
    const auto& upstream = plan.modules[source];
    auto& wanted = per_module[source].wanted;
    wanted.resize(upstream.flags.size());
    for (auto b = from; b <= to; ++b) wanted[static_cast<std::size_t>(b - upstream.first)] = true;
  }
};

}  // namespace

Result<Plan> make_plan(std::shared_ptr<const dag::Graph> graph, Indexes indexes, const PlanRequest& request,
                       const CatalogueScan& catalogue, const IsPresent& is_present) {
  Plan plan{std::move(graph), std::move(indexes), {}, {}, {}, {}};
  if (auto done = Planner{plan, *plan.graph, request, catalogue, is_present}.run(); !done) return done.error();
  return plan;
}

}  // namespace mole::coordinator::jobs
