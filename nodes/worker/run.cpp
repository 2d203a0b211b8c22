#include "nodes/worker/modes.hpp"
#include "nodes/worker/setup.hpp"
#include "runtime/host/plugin_set.hpp"
#include "runtime/rows/handover.hpp"
#include "runtime/task/remote_files.hpp"
#include "runtime/task/task_runner.hpp"

#include <fcntl.h>
#include <sysexits.h>

#include <optional>

namespace mole::nodes {
namespace {

using namespace mole::runtime;

struct RunOptions : ProcessOptions {
  unsigned threads = 1;
};

constexpr int handover = 3, files = 4;  // descriptors, opened by the daemon; the second only if --stage runs for this task

class HandoverSink : public TaskSink {
 public:
  HandoverSink(int fd, const std::filesystem::path& attempt) : writer_(fd, attempt) {}
  Result<> step(const task::StepReport& report, const RowTable* rows,
                const std::optional<std::filesystem::path>& state_file) override {
    auto written = writer_.step(report.step, rows, state_file, report);
    if (written || written.error().code != Code::invalid) return written;
    // Rows that cannot be encoded are the module's fault: only its step fails.
    task::StepReport failed = report;
    failed.outcome = task::Outcome::failed;
    failed.code = task::FailureCode::internal;
    failed.message = "its rows cannot be written: " + written.error().message;
    return writer_.step(report.step, nullptr, std::nullopt, failed);
  }
  Result<> file(const task::FileReport& report) override { return writer_.file(report); }
  Result<> index(std::span<const task::IndexEntry> entries) override { return writer_.index(entries); }
  Result<> end(const task::Report& totals) { return writer_.end(totals); }

 private:
  HandoverWriter writer_;
};

// Runs the task. Its files come from `files` if that is not null, otherwise from the cache and the archive.
task::Report run(const RunOptions& options, const TaskProcess& process, TaskSink& sink, RemoteFiles* remote) {
  task::Report totals;
  std::vector<std::string> bad_copies;
  std::optional<Cache> cache;
  if (!options.cache.empty()) {
    auto opened = open_cache(options, *process.record, bad_copies);
    if (!opened) {
      totals.task = process.spec.id;
      totals.code = task::failure_code(opened.error().code);
      totals.message = opened.error().message;
      return totals;
    }
    cache.emplace(std::move(*opened));
  }
  const PluginSet plugins(options.plugins, *process.record);
  const TaskOptions task_options{{options.folder}, cache ? &*cache : nullptr, options.threads, options.columns, remote};
  totals = TaskRunner(process.spec, task_options, plugins, sink).run();
  totals.bad_copies = remote ? remote->bad_copies() : bad_copies;
  return totals;
}

int run_task(const RunOptions& options) {
  const bool apart = options.cache.empty() && ::fcntl(files, F_GETFD) >= 0;
  const auto process = set_up(options, options.folder, apart ? std::vector{handover, files} : std::vector{handover});
  if (!process) return report_error(process.error());
  HandoverSink sink(handover, options.folder);
  RemoteFiles remote(files);
  const auto ended = sink.end(run(options, *process, sink, apart ? &remote : nullptr));
  if (!ended) return report_error(ended.error());
  return remote.ended() ? EX_IOERR : 0;
}

}  // namespace

int run_task(int argc, char** argv) {
  CLI::App app("Runs one task in an attempt folder", "mole-worker --run");
  RunOptions options;
  app.add_option("attempt", options.folder, "the attempt folder")->required();
  add_options(app, options);
  app.add_option("--threads", options.threads, "number of threads");
  int exit_code = 0;
  return parse(app, argc, argv, exit_code) ? run_task(options) : exit_code;
}

}  // namespace mole::nodes
