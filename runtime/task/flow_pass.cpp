#include "runtime/task/flow_pass.hpp"

#include "runtime/host/host_services.hpp"

#include <malloc.h>

namespace mole::runtime {
namespace {

// Returns the report of a file that was not decoded.
task::FileReport report_of(const task::File& file, task::FileState state) {
  task::FileReport report;
  report.id = file.id;
  report.state = state;
  return report;
}

// Returns the report of a file that could not be staged, or an error if the archive, the cache or the disk failed.
Result<task::FileReport> report_unstaged(const task::File& file, const Error& error) {
  if (error.code == Code::missing) return report_of(file, task::FileState::missing);
  if (error.code == Code::corrupt) return report_of(file, task::FileState::unreadable);
  // The index listed this file, so the parameters of the archive are valid, and a retry may succeed.
  const bool permanent = error.code == Code::exhausted || error.code == Code::cancelled || error.code == Code::denied;
  return Error{permanent ? error.code : Code::transient, "file " + file.id + ": " + error.message};
}

Error different_content(const task::File& file, const task::File& other) {
  return invalid((file.router.empty() ? "there are" : "router " + file.router + " has") + std::string(" two files for ") +
                 format_time(file.covers.from) + " with different content: " + file.id + " and " + other.id +
                 "; remove one, or set \"duplicates\" of the archive to newest, largest or all" +
                 (file.router.empty() ? "; if they are from several routers, put {router} into \"files\"" : ""));
}

// Decodes file `number` only for its report.
Result<task::FileReport> scan_for_damage(FlowFiles& files, std::uint32_t number) {
  MOLE_TRY(auto source, files.open(number, ColumnSet().set(MOLE_COLUMN_START)));
  FlowBatch batch;
  while (true) {
    MOLE_TRY(auto more, source->next(batch));
    if (!more) return source->report();
  }
}

}  // namespace

// Tables are allocated and freed continually: reuse freed memory before requesting new pages, which the system must zero.
void set_up_allocator() {
  ::mallopt(M_ARENA_MAX, 1);              // memory freed by one thread can be reused by any; large blocks are rarely allocated
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);   // larger blocks go back to the system at once
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);  // the pass returns the end of the heap after each file
}

FlowPass::FlowPass(const task::Spec& spec, FlowFiles* files, unsigned threads, LoadedTables& tables)
    : spec_(spec),
      files_(files),
      feeder_(spec, threads, tables),
      damage_(spec.archive ? spec.archive->damage : DamagePolicy::partial),
      coverage_(spec.archive ? *spec.archive : task::Archive()) {
  for (std::uint32_t number = 0; number < spec.files.size(); ++number)
    if (const auto twin = twin_of(number); !twin || !same_content(number, *twin)) coverage_.expect(spec.files[number]);
}

std::optional<std::uint32_t> FlowPass::twin_of(std::uint32_t number) const {
  if (!files_ || spec_.archive->duplicates == Duplicates::all) return std::nullopt;
  const auto& file = spec_.files[number];
  const auto is_staged = [&](std::uint32_t n) { return spec_.files[n].present && !files_->staged(n).error; };
  std::optional<std::uint32_t> twin;
  for (auto n = number; is_staged(number) && n-- > 0 && spec_.files[n].covers.to > file.covers.from;)  // sorted by start
    if (spec_.files[n].router == file.router && is_staged(n) &&
        (spec_.files[n].covers.from == file.covers.from || same_content(number, n)))
      twin = n;
  return twin;
}

bool FlowPass::same_content(std::uint32_t number, std::uint32_t other) const {
  return files_->staged(number).digest == files_->staged(other).digest;
}

void FlowPass::add(StepRun& run) { feeder_.add(run, coverage_.routers()); }

Result<> FlowPass::close_intervals(std::size_t files_read) {
  auto closed = feeder_.close_intervals(files_read);
  // The memory of closed states is scattered over the heap, and later allocations have different sizes.
  ::malloc_trim(0);
  return closed;
}

// complete: the file was read to its end. failed: the decoder failed, and so did every step that reads the file.
// may_be_misplaced, unless `is_placed`: no flow was fed.
Result<FlowPass::Fed> FlowPass::feed_file(std::uint32_t number, FlowSource& source, bool is_placed) {
  FlowBatch batch;
  while (true) {
    if (plugins_cancelled()) return Error{Code::cancelled, "cancelled while files were being read"};
    auto more = source.next(batch);
    if (!more) {
      const Error& error = more.error();
      if (error.code == Code::transient || error.code == Code::exhausted || error.code == Code::cancelled) return error;
      feeder_.fail_readers({error.code, spec_.files[number].id + ": " + error.message});
      return Fed::failed;
    }
    if (!is_placed && source.may_be_misplaced()) return Fed::may_be_misplaced;
    is_placed = true;
    if (!*more) return Fed::complete;
    if (!feeder_.empty()) feeder_.feed(batch, number);
  }
}

Result<> FlowPass::finish_file(std::uint32_t number, task::FileReport report, const ReportSink& sink) {
  const auto& staged = files_->staged(number);
  if (!staged.error) {
    if (auto good = files_->check_copy(report, number); !good) return good;
    report.digest = staged.digest;
    report.size = staged.size;
  }
  if (damage_ == DamagePolicy::strict && report.state != task::FileState::sound && report.state != task::FileState::missing)
    feeder_.fail_readers(corrupt("file " + report.id + " is " + name_of(report.state) +
                                 " and the archive's policy is damage: strict; repair the file or choose partial or skip"));
  return sink(report);
}

Result<> FlowPass::read_file(std::uint32_t number, const ReportSink& sink) {
  const auto& file = spec_.files[number];
  const auto& staged = files_->staged(number);
  if (staged.error) {
    auto report = report_unstaged(file, *staged.error);
    return report ? finish_file(number, std::move(*report), sink) : report.error();
  }
  if (const auto twin = twin_of(number)) {
    const bool same = same_content(number, *twin);
    if (!same) feeder_.fail_readers(different_content(spec_.files[*twin], file));
    if (same || !feeder_.empty()) {
      auto report = report_of(file, same ? task::FileState::duplicate : task::FileState::unread);
      report.digest = staged.digest;
      report.size = staged.size;
      return sink(report);
    }
  }
  bool decoded = false, is_placed = feeder_.empty();
  if (damage_ == DamagePolicy::skip && !feeder_.empty()) {
    MOLE_TRY(auto scan, scan_for_damage(*files_, number));
    if (scan.state != task::FileState::sound) return finish_file(number, std::move(scan), sink);
    decoded = scan.source == task::FlowSource::archive;
    is_placed = true;
  }
  const ColumnSet wanted = feeder_.columns().any() ? feeder_.columns() : ColumnSet().set(MOLE_COLUMN_START);
  MOLE_TRY(auto source, files_->open(number, wanted));
  MOLE_TRY(auto fed, feed_file(number, *source, is_placed));
  if (fed == Fed::may_be_misplaced) {
    MOLE_TRY(auto scan, scan_for_damage(*files_, number));
    // Its flows belong to other intervals, or were counted in another file: it counts as missing.
    if (scan.state == task::FileState::misplaced) return finish_file(number, std::move(scan), sink);
    decoded = scan.source == task::FlowSource::archive;
    MOLE_TRY(source, files_->open(number, wanted));
    MOLE_TRY(fed, feed_file(number, *source, true));
  }
  totals_.bytes += source->stored_bytes();
  totals_.flows += source->flows();
  if (fed == Fed::failed) return finish_file(number, report_of(file, task::FileState::unreadable), sink);
  auto report = source->report();
  if (decoded) report.source = task::FlowSource::archive;  // the cached columns were written by the scan
  report.columns = files_->kept_columns(number);
  feeder_.end_file(file, report.decoder, source->presence());
  coverage_.add(file, source->evidence(), report.content_bytes > 0);
  return finish_file(number, std::move(report), sink);
}

Result<FlowPass::Totals> FlowPass::run(const ReportSink& sink) {
  for (std::uint32_t number = 0; number < spec_.files.size(); ++number) {
    const auto& file = spec_.files[number];
    if (!file.present || !(feeder_.start_file(file) || feeder_.empty())) continue;
    if (!feeder_.empty() && !feeder_.any_running()) break;
    if (auto read = read_file(number, sink); !read) return read.error();
    if (auto closed = close_intervals(number + 1); !closed) return closed.error();
  }
  if (auto closed = close_intervals(spec_.files.size()); !closed) return closed.error();
  coverage_.finish();
  return totals_;
}

}  // namespace mole::runtime
