#include "runtime/task/task_runner.hpp"

#include "runtime/metric/rows_step.hpp"
#include "runtime/task/lineage.hpp"

#include <algorithm>
#include <chrono>

namespace mole::runtime {

task::Report TaskRunner::run() {
  const auto begin = std::chrono::steady_clock::now();
  totals_.task = spec_.id;
  if (auto done = run_kind(); !done) {
    totals_.code = code_name(done.error().code);
    totals_.message = done.error().message;
  }
  totals_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return totals_;
}

Result<> TaskRunner::run_kind() {
  if (spec_.kind == "index") return list_archive();
  if (spec_.kind == "verify" || spec_.kind == "compute" || spec_.kind == "merge") return run_steps();
  return unsupported("task kind '" + spec_.kind + "' is not known to this worker; update Data Mole on this node");
}

// ---- index

Result<std::unique_ptr<DownloaderModule>> TaskRunner::open_downloader() const {
  if (!spec_.archive) return invalid("the task names no archive; submit the manifest again");
  return DownloaderModule::open(plugins_, spec_.archive->downloader);
}

Result<> TaskRunner::list_archive() {
  constexpr std::size_t page = 4096;
  auto downloader = open_downloader();
  if (!downloader) return downloader.error();
  std::vector<task::IndexEntry> entries;
  const auto pass_on = [&]() -> Result<> {
    if (entries.empty()) return {};
    auto taken = sink_.index(entries);
    entries.clear();
    return taken;
  };
  auto listed = ArchiveReader(**downloader).index([&](const task::IndexEntry& entry) -> Result<> {
    entries.push_back(entry);
    return entries.size() < page ? Result<>() : pass_on();
  });
  return listed ? pass_on() : listed;
}

// ---- compute, merge, verify

void TaskRunner::open_steps() {
  for (std::uint32_t i = 0; i < spec_.steps.size(); ++i) {
    steps_.push_back(std::make_unique<StepRun>());
    open_step(*steps_.back(), spec_, i, plugins_);
  }
}

// A step that reads flows and rows of this task must wait until those rows are there, and needs a decode pass of its own.
void TaskRunner::set_levels() {
  for (auto& run : steps_) {
    for (const auto& input : run->step().inputs)
      if (input.step && *input.step < steps_.size())
        run->level = std::max(run->level, steps_[*input.step]->level + (run->wants_flows() ? 1 : 0));
  }
}

Result<> TaskRunner::stage() {
  auto downloader = open_downloader();
  if (!downloader) return downloader.error();
  downloader_ = std::move(*downloader);
  auto decoder = DecoderModule::open(plugins_, spec_.archive->decoder);
  if (!decoder) return decoder.error();
  decoder_ = std::move(*decoder);
  if (!options_.cache) return invalid("this worker was given no cache folder; start it with --cache");
  archive_ = std::make_unique<ArchiveReader>(*downloader_);
  // To verify is to read the archive's files themselves.
  const FlowFilesOptions files{options_.threads, options_.columns && spec_.kind != "verify"};
  flows_ = std::make_unique<FlowFiles>(spec_, *options_.cache, *decoder_, archive_->fetcher(), files);
  return flows_->stage();
}

Result<> TaskRunner::run_steps() {
  open_steps();
  set_levels();
  std::uint32_t levels = 1;
  bool flows = spec_.kind == "verify";
  for (const auto& run : steps_) {
    if (!run->alive()) continue;
    levels = std::max(levels, run->level + 1);
    flows = flows || run->wants_flows();
  }
  if (flows)
    if (auto staged = stage(); !staged) return staged;
  for (std::uint32_t level = 0; level < levels; ++level)
    if (auto done = run_level(level); !done) return done;
  return {};
}

Result<> TaskRunner::run_level(std::uint32_t level) {
  FlowPass pass(spec_, flows_.get(), options_.threads, options_.folder.scratch(), tables_);
  std::vector<StepRun*> fed;
  for (auto& run : steps_) {
    if (run->level != level || !run->alive() || !run->wants_flows() || blocked(*run)) continue;
    if (auto loaded = load_upstream(*run, steps_, options_.folder); !loaded) {
      run->fail(loaded.error());
      continue;
    }
    pass.add(*run);
    fed.push_back(run.get());
  }
  if (!fed.empty() || (spec_.kind == "verify" && level == 0)) {
    const auto totals = pass.run([&](const task::FileReport& report) -> Result<> {
      const bool known = std::any_of(files_.begin(), files_.end(), [&](const auto& f) { return f.id == report.id; });
      if (known) return {};
      files_.push_back(report);
      return sink_.file(report);
    });
    if (!totals) return totals.error();
    totals_.bytes_read += totals->bytes;
    totals_.flows += totals->flows;
  }
  for (auto& run : steps_) {
    if (run->level != level) continue;
    const bool was_fed = std::find(fed.begin(), fed.end(), run.get()) != fed.end();
    Result<> outcome;
    if (run->alive() && !blocked(*run)) outcome = was_fed ? finish_fed(*run, pass) : run_rows_step(*run);
    if (auto handed = finished(*run, outcome); !handed) return handed;
  }
  return {};
}

bool TaskRunner::blocked(StepRun& run) const {
  for (const auto& input : run.step().inputs) {
    if (!input.step || steps_[*input.step]->phase != StepRun::Phase::failed) continue;
    run.block("its input '" + input.role + "' comes from '" + input.module + "', which failed in this task; see there");
    return true;
  }
  return false;
}

Result<> TaskRunner::finish_fed(StepRun& run, const FlowPass& pass) {
  auto routers = run.step().routers;
  if (routers.empty()) routers = pass.coverage().routers();
  const auto evidence = archive_coverage(pass.coverage(), run.open, routers);
  if (run.sequential) return finish_sequential(run, routers, evidence, options_.folder);
  return finish_flows(run, routers, evidence, options_.folder);
}

Result<> TaskRunner::run_rows_step(StepRun& run) {
  if (auto loaded = load_upstream(run, steps_, options_.folder); !loaded) return loaded;
  auto routers = run.step().routers;
  if (routers.empty()) routers = upstream_routers(run.open);
  if (run.is_sequential()) return finish_sequential(run, routers, upstream_coverage(run.open), options_.folder);
  std::vector<Cell> cells;
  if (run.computes()) {
    auto made = run_rows(run.open, routers);
    if (!made) return made.error();
    cells = std::move(*made);
  }
  return finish_mergeable(run, std::move(cells), routers, options_.folder);
}

// Hands the step over, however it ended, and forgets what nobody reads any more.
Result<> TaskRunner::finished(StepRun& run, const Result<>& outcome) {
  if (!outcome) {
    const Code code = outcome.error().code;
    if (code == Code::transient || code == Code::cancelled) return outcome;  // the disk, or a wish: not the module's doing
    run.fail(outcome.error());
  }
  if (run.phase != StepRun::Phase::failed) {
    run.phase = StepRun::Phase::done;
    run.report.lineage = lineage_of(run, spec_, files_);
  }
  const bool done = run.phase == StepRun::Phase::done;
  auto handed =
      sink_.step(run.report, done && run.step().make_result ? &run.rows : nullptr, done ? run.state_file : std::nullopt);
  run.flow.reset();
  run.sequential.reset();
  run.open.upstream.assign(run.open.upstream.size(), UpstreamRows({}));
  const bool wanted = std::any_of(spec_.steps.begin(), spec_.steps.end(), [&](const task::Step& later) {
    return std::any_of(later.inputs.begin(), later.inputs.end(), [&](const task::Input& i) { return i.step == run.open.index; });
  });
  if (!wanted) run.rows = {};
  return handed;
}

}  // namespace mole::runtime
