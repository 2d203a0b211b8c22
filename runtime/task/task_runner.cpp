#include "runtime/task/task_runner.hpp"

#include "runtime/task/file_fetch.hpp"
#include "runtime/task/lineage.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace mole::runtime {

task::Report TaskRunner::run() {
  const auto begin = std::chrono::steady_clock::now();
  totals_.task = spec_.id;
  if (options_.cache) release_files(spec_, *options_.cache);
  auto done = spec_.kind == task::Kind::index ? list_archive() : spec_.kind == task::Kind::fetch ? fetch_files() : run_steps();
  if (options_.cache) keep_files(spec_, *options_.cache);
  if (files_used_) totals_.unstaged = files_used_->unstaged();
  if (!done) {
    totals_.code = task::failure_code(done.error().code);
    totals_.message = done.error().message;
  }
  totals_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return totals_;
}

// ---- index

Result<> TaskRunner::list_archive() {
  MOLE_TRY(const auto downloaders, open_downloaders(spec_, plugins_));
  PackedListing listing;
  const auto found = [&](const task::IndexEntry& entry) { return listing.add(entry); };
  if (auto listed = ArchiveReader(pointers_to(downloaders)).index(found, &totals_.passed_over); !listed) return listed;
  listing.sort();
  totals_.listing = listing.digest();
  if (auto reported = report_listing(listing); !reported) return reported;
  if (auto written = listing.write(options_.folder.listing()); !written)  // the next report will be complete
    std::fprintf(stderr, "mole-worker: %s\n", written.error().message.c_str());
  return {};
}

// Reports the differences to the listing that the node has kept, if the coordinator knows it, too; otherwise all entries.
Result<> TaskRunner::report_listing(const PackedListing& listing) {
  constexpr std::size_t page = 4096, max_changes = 5000;  // the coordinator accepts no more
  if (!spec_.listings.empty()) {
    const auto before = PackedListing::read(options_.folder.listing_before());
    const bool known = before && std::ranges::find(spec_.listings, before->digest()) != spec_.listings.end();
    if (auto changes = known ? listing.changes_since(*before, max_changes) : std::nullopt) {
      totals_.listing_before = before->digest();
      totals_.removed = std::move(changes->removed);
      return changes->entries.empty() ? Result<>() : sink_.index(changes->entries);
    }
  }
  std::vector<task::IndexEntry> entries;
  const auto flush = [&]() -> Result<> {
    if (entries.empty()) return {};
    auto passed = sink_.index(entries);
    entries.clear();
    return passed;
  };
  auto listed = listing.each([&](const task::IndexEntry& entry) -> Result<> {
    entries.push_back(entry);
    return entries.size() < page ? Result<>() : flush();
  });
  return listed ? flush() : listed;
}

// ---- fetch

Result<> TaskRunner::fetch_files() {
  MOLE_TRY(const auto downloaders, open_downloaders(spec_, plugins_));
  if (!options_.cache) return invalid("this worker has no cache folder; start it with --cache");
  // The first files may wait for hours until the library has a drive for their tape. A single file is often one that was not
  // staged before, and may never be.
  const std::chrono::minutes total(spec_.files.size() > 1 ? 360 : 45);
  ArchiveReader archive(pointers_to(downloaders), {.total = total, .each = true});
  FileFetch fetch(spec_, *options_.cache, archive.fetching(), options_.folder.ready(), options_.columns);
  return fetch.run(totals_.fetched);
}

// ---- compute, merge, verify

// A step that reads both flows and rows of this task must wait for those rows, and needs a separate decode pass.
void TaskRunner::set_levels() {
  levels_.assign(steps_.size(), 0);
  for (std::size_t i = 0; i < steps_.size(); ++i)
    for (const auto& input : steps_[i]->step().inputs)
      if (input.step && *input.step < steps_.size())
        levels_[i] = std::max(levels_[i], levels_[*input.step] + (steps_[i]->reads_flows() ? 1 : 0));
}

Result<> TaskRunner::stage() {
  files_used_ = options_.files;
  if (!files_used_) {
    if (!options_.cache) return invalid("this worker has no cache folder; start it with --cache");
    MOLE_TRY(own_files_, StagedFiles::open(spec_, plugins_, *options_.cache, options_.columns));
    files_used_ = own_files_.get();
  }
  decoders_ = std::make_unique<Decoders>(plugins_, spec_.archive->candidates());
  const bool verify = spec_.kind == task::Kind::verify;  // reads the archive's files, not cached columns
  const FlowFilesOptions options{options_.threads, options_.columns && !verify, verify, columns_read()};
  flows_ = std::make_unique<FlowFiles>(spec_, *files_used_, *decoders_, options);
  if (auto staged = flows_->stage(); !staged) return staged;
  report_fetched();
  return {};
}

// Notes which files the archive delivered, and which it did not. The task fails if it reads one of those.
void TaskRunner::report_fetched() {
  constexpr std::size_t max_message = 300;  // bytes
  for (std::uint32_t number = 0; number < spec_.files.size(); ++number) {
    const auto& file = spec_.files[number];
    const auto& staged = flows_->staged(number);
    if (!file.present || (!staged.error && !staged.fetched)) continue;
    auto& report = totals_.fetched.emplace_back();
    report.id = file.id;
    report.size = file.size;
    report.digest = staged.digest;
    report.outcome = staged.error ? task::FetchOutcome::failed : task::FetchOutcome::fetched;
    if (!staged.error) continue;
    report.code = task::failure_code(staged.error->code);
    report.message = staged.error->message.substr(0, max_message);
  }
}

// Returns the flow columns that any step reads.
ColumnSet TaskRunner::columns_read() const {
  ColumnSet out;
  for (const auto& run : steps_) {
    if (!run->running() || !run->reads_flows()) continue;
    out |= run->record_columns();
  }
  return out;
}

Result<> TaskRunner::run_steps() {
  for (std::uint32_t i = 0; i < spec_.steps.size(); ++i)
    steps_.push_back(std::make_unique<StepRun>(spec_, i, plugins_, options_.folder));
  set_levels();
  std::uint32_t last_level = 0;
  bool reads_files = spec_.kind == task::Kind::verify;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (!steps_[i]->running()) continue;
    last_level = std::max(last_level, levels_[i]);
    reads_files = reads_files || steps_[i]->reads_flows();
  }
  if (reads_files)
    if (auto staged = stage(); !staged) return staged;
  for (std::uint32_t level = 0; level <= last_level; ++level)
    if (auto done = run_level(level); !done) return done;
  return {};
}

Result<> TaskRunner::run_level(std::uint32_t level) {
  FlowPass pass(spec_, flows_.get(), options_.threads, tables_);
  bool any = spec_.kind == task::Kind::verify && level == 0;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    StepRun& run = *steps_[i];
    if (levels_[i] != level || !run.running() || !run.reads_flows() || input_failed(run)) continue;
    if (auto loaded = run.load_inputs(steps_); !loaded) {
      run.fail(loaded.error());
      continue;
    }
    pass.add(run);
    any = true;
  }
  if (any)
    if (auto done = run_pass(pass); !done) return done;
  for (std::uint32_t i = 0; i < steps_.size(); ++i)
    if (levels_[i] == level)
      if (auto done = finish_step(i, pass.coverage()); !done) return done;
  return {};
}

Result<> TaskRunner::run_pass(FlowPass& pass) {
  const auto sink = [&](const task::FileReport& report) -> Result<> {
    const bool known = std::any_of(files_.begin(), files_.end(), [&](const auto& f) { return f.id == report.id; });
    if (known) return {};
    files_.push_back(report);
    return sink_.file(report);
  };
  MOLE_TRY(const auto totals, pass.run(sink));
  totals_.bytes_read += totals.bytes;
  totals_.flows += totals.flows;
  return {};
}

// Blocks the step if a step whose rows it reads has failed.
bool TaskRunner::input_failed(StepRun& run) const {
  for (const auto& input : run.step().inputs) {
    if (!input.step || !steps_[*input.step]->failed()) continue;
    run.block("its input '" + input.role + "' is an output of '" + input.module +
              "', which failed in this task; see the error of that module");
    return true;
  }
  return false;
}

bool TaskRunner::is_input(std::uint32_t index) const {
  return std::any_of(spec_.steps.begin(), spec_.steps.end(), [&](const task::Step& later) {
    return std::any_of(later.inputs.begin(), later.inputs.end(), [&](const task::Input& i) { return i.step == index; });
  });
}

// Finishes the step, passes its outcome to the sink and frees what no other step reads.
Result<> TaskRunner::finish_step(std::uint32_t index, const CoverageTable& coverage) {
  StepRun& run = *steps_[index];
  if (run.running() && !input_failed(run)) {
    Result<> outcome;
    if (!run.reads_flows()) outcome = run.load_inputs(steps_);
    if (outcome) outcome = run.finish(coverage);
    if (!outcome) {
      const Code code = outcome.error().code;
      if (code == Code::transient || code == Code::cancelled) return outcome;  // not caused by the module
      run.fail(outcome.error());
    }
  }
  const bool done = !run.failed();
  if (done) run.complete(lineage_of(run, spec_, files_));
  auto passed =
      sink_.step(run.report(), done && run.step().make_result ? &run.rows() : nullptr, done ? run.state_file() : std::nullopt);
  run.release(is_input(index));
  return passed;
}

}  // namespace mole::runtime
