#include "nodes/worker/modes.hpp"
#include "nodes/worker/system_calls.hpp"
#include "runtime/host/call_record.hpp"
#include "runtime/host/host_services.hpp"
#include "runtime/host/plugin_set.hpp"
#include "runtime/rows/handover.hpp"
#include "runtime/staging/cache.hpp"
#include "runtime/task/task_runner.hpp"
#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

namespace mole::nodes {
namespace {

using namespace mole::runtime;

struct RunOptions {
  std::filesystem::path attempt;               // folder
  std::filesystem::path cache;                 // folder of the file cache; empty: no cache
  std::uint64_t cache_limit = 0;               // bytes
  bool columns = true;                         // read and write decoded columns in the cache
  std::vector<std::filesystem::path> plugins;  // folders, searched in order
  unsigned threads = 1;
  std::string seccomp;  // "network" or "local": the system calls that it keeps; empty: all
};

constexpr int handover = 3;  // descriptor, opened by the daemon
constexpr std::uint64_t max_spec_bytes = std::uint64_t{256} << 20;

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

int report_error(const Error& error) {
  std::fprintf(stderr, "mole-worker: %s\n", error.message.c_str());
  return 1;
}

int run_task(const RunOptions& options) {
  set_up_allocator();
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  if (!options.seccomp.empty() && !refuse_system_calls(options.seccomp == "network"))
    return report_error(unsupported(std::string("cannot refuse system calls: ") + std::strerror(errno) +
                                    "; start mole-node --sandbox without seccomp"));
  struct sigaction action {};
  action.sa_handler = [](int) { cancel_plugins(); };
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  if (::fcntl(handover, F_GETFD) < 0)
    return report_error(
        invalid("descriptor " + std::to_string(handover) + " is not open; mole-worker --run is started by mole-node only"));
  ::fcntl(handover, F_SETFD, FD_CLOEXEC);
  auto text = read_file(options.attempt / "spec.json", max_spec_bytes);
  if (!text) return report_error(text.error());
  auto spec = task::parse_spec(*text);
  if (!spec) return report_error(spec.error());
  auto record = CallRecord::map(options.attempt / "call");
  if (!record) return report_error(record.error());
  (*record)->install_fault_handler();
  std::error_code problem;
  std::filesystem::create_directories(options.attempt / "scratch", problem);
  if (problem)
    return report_error(
        transient("cannot create " + (options.attempt / "scratch").string() + ": " + problem.message() + "; free space there"));

  HandoverSink sink(handover, options.attempt);
  task::Report totals;
  totals.task = spec->id;
  std::vector<std::string> bad_copies;
  std::optional<Cache> cache;
  if (!options.cache.empty()) {
    auto opened = Cache::open(options.cache, {.limit = options.cache_limit,
                                              .waiting = [&] { (*record)->progress(); },
                                              .damaged = [&](const task::File& file) { bad_copies.push_back(file.id); }});
    if (opened) {
      cache.emplace(std::move(*opened));
    } else {
      totals.code = task::failure_code(opened.error().code);
      totals.message = opened.error().message;
    }
  }
  if (totals.code == task::FailureCode::none) {
    const PluginSet plugins(options.plugins, **record);
    TaskOptions task_options{{options.attempt}, cache ? &*cache : nullptr, options.threads, options.columns};
    totals = TaskRunner(*spec, task_options, plugins, sink).run();
  }
  totals.bad_copies = std::move(bad_copies);
  auto ended = sink.end(totals);
  return ended ? 0 : report_error(ended.error());
}

}  // namespace

int run_task(int argc, char** argv) {
  CLI::App app("Runs one task in an attempt folder", "mole-worker --run");
  RunOptions options;
  app.add_option("attempt", options.attempt, "the attempt folder")->required();
  app.add_option("--cache", options.cache, "folder of the file cache; default: no cache");
  app.add_option("--cache-limit", options.cache_limit, "maximum size of the file cache in bytes");
  app.add_option("--plugins", options.plugins, "plugin folders, separated by colons")->delimiter(':')->allow_extra_args(false);
  app.add_option("--threads", options.threads, "number of threads");
  app.add_option("--columns", options.columns, "cache decoded columns: on or off")->check(CLI::IsMember({"on", "off"}));
  app.add_option("--seccomp", options.seccomp, "refuse system calls that no plugin needs; with or without the network")
      ->check(CLI::IsMember({"network", "local"}));
  int exit_code = 0;
  return parse(app, argc, argv, exit_code) ? run_task(options) : exit_code;
}

}  // namespace mole::nodes
