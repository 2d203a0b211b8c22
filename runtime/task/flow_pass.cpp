#include "runtime/task/flow_pass.hpp"

#include "runtime/host/host_services.hpp"

#include <malloc.h>

namespace mole::runtime {

FlowPass::FlowPass(const task::Spec& spec, FlowFiles* files, unsigned threads, LoadedTables& tables)
    : spec_(spec),
      files_(files),
      feeder_(spec, threads, tables),
      damage_(spec.archive ? &*spec.archive : nullptr),
      coverage_(spec.archive ? spec.archive->covers : hour_us) {
  for (const auto& file : spec.files) coverage_.expect(file);
}

void FlowPass::add(StepRun& run) { feeder_.add(run, coverage_.routers()); }

Result<> FlowPass::close_intervals(std::size_t files_read) {
  auto closed = feeder_.close_intervals(files_read);
  // The memory of closed states is scattered over the heap, and later allocations have other sizes.
  ::malloc_trim(0);
  return closed;
}

// True: the file was read to its end. False: the decoder failed, and so did every step that reads the file.
Result<bool> FlowPass::feed_file(std::uint32_t number, FlowSource& source) {
  FlowBatch batch;
  while (true) {
    if (plugins_cancelled()) return Error{Code::cancelled, "asked to stop"};
    auto more = source.next(batch);
    if (!more) {
      const Error& error = more.error();
      if (error.code == Code::transient || error.code == Code::exhausted || error.code == Code::cancelled) return error;
      feeder_.fail_readers({error.code, spec_.files[number].id + ": " + error.message});
      return false;
    }
    if (!*more) return true;
    if (!feeder_.empty()) feeder_.feed(batch, number);
  }
}

Result<> FlowPass::finish_file(task::FileReport report, const Staged& staged, const ReportSink& sink) {
  if (!staged.error) {
    report.digest = staged.digest;
    report.size = staged.size;
  }
  if (const auto refusal = damage_.refusal(report)) feeder_.fail_readers(*refusal);
  return sink(report);
}

Result<> FlowPass::read_file(std::uint32_t number, const ReportSink& sink) {
  const auto& file = spec_.files[number];
  const auto& staged = files_->staged(number);
  if (staged.error) {
    auto report = DamageHandler::report_unstaged(file, *staged.error);
    return report ? finish_file(std::move(*report), staged, sink) : report.error();
  }
  bool decoded = false;
  if (damage_.scans_first() && !feeder_.empty()) {
    auto scan = DamageHandler::scan_for_damage(*files_, number);
    if (!scan) return scan.error();
    if (scan->state != task::FileState::sound) return finish_file(std::move(*scan), staged, sink);
    decoded = scan->source == task::FlowSource::archive;
  }
  const ColumnSet wanted = feeder_.columns();
  auto source = files_->open(number, wanted.any() ? wanted : ColumnSet().set(MOLE_COLUMN_START));
  if (!source) return source.error();
  auto read = feed_file(number, **source);
  if (!read) return read.error();
  totals_.bytes += (*source)->stored_bytes();
  totals_.flows += (*source)->flows();
  if (!*read) return finish_file(DamageHandler::report_of(file, task::FileState::unreadable), staged, sink);
  auto report = (*source)->report();
  if (decoded) report.source = task::FlowSource::archive;  // the cached columns were written by the scan
  coverage_.add(file, (*source)->evidence(), report.content_bytes > 0);
  return finish_file(std::move(report), staged, sink);
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
