#include "nodes/worker/setup.hpp"

#include "nodes/worker/system_calls.hpp"
#include "runtime/host/host_services.hpp"
#include "runtime/task/flow_pass.hpp"
#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace mole::nodes {
namespace {

constexpr std::uint64_t max_spec_bytes = std::uint64_t{256} << 20;

}  // namespace

void add_options(CLI::App& app, ProcessOptions& options) {
  app.add_option("--cache", options.cache, "folder of the file cache; default: no cache");
  app.add_option("--cache-limit", options.cache_limit, "maximum size of the file cache in bytes");
  app.add_option("--plugins", options.plugins, "plugin folders, separated by colons")->delimiter(':')->allow_extra_args(false);
  app.add_option("--columns", options.columns, "cache decoded columns: on or off")->check(CLI::IsMember({"on", "off"}));
  app.add_option("--seccomp", options.seccomp, "refuse system calls that no plugin needs; with or without the network")
      ->check(CLI::IsMember({"network", "local"}));
}

Result<TaskProcess> set_up(const ProcessOptions& options, const std::filesystem::path& attempt, std::vector<int> descriptors) {
  runtime::set_up_allocator();
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  if (!options.seccomp.empty() &&
      !refuse_system_calls({.network = options.seccomp == "network", .file_locks = !options.cache.empty()}))
    return unsupported(std::string("cannot refuse system calls: ") + std::strerror(errno) +
                       "; start mole-node --sandbox without seccomp");
  struct sigaction action {};
  action.sa_handler = [](int) { runtime::cancel_plugins(); };
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  for (const int descriptor : descriptors) {
    if (::fcntl(descriptor, F_GETFD) < 0)
      return invalid("descriptor " + std::to_string(descriptor) +
                     " is not open; mole-worker --run and --stage are started by mole-node only");
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  MOLE_TRY(const auto text, read_file(attempt / "spec.json", max_spec_bytes));
  TaskProcess out;
  MOLE_TRY(out.spec, task::parse_spec(text));
  MOLE_TRY(out.record, runtime::CallRecord::map(options.folder / "call"));
  out.record->install_fault_handler();
  std::error_code problem;
  std::filesystem::create_directories(options.folder / "scratch", problem);
  if (problem)
    return transient("cannot create " + (options.folder / "scratch").string() + ": " + problem.message() + "; free space there");
  return out;
}

Result<runtime::Cache> open_cache(const ProcessOptions& options, runtime::CallRecord& record,
                                  std::vector<std::string>& bad_copies) {
  return runtime::Cache::open(options.cache, {.limit = options.cache_limit,
                                              .waiting = [&record] { record.progress(); },
                                              .damaged =
                                                  [&bad_copies](const task::File& file) {
                                                    if (std::ranges::find(bad_copies, file.id) == bad_copies.end())
                                                      bad_copies.push_back(file.id);
                                                  }});
}

int report_error(const Error& error) {
  std::fprintf(stderr, "mole-worker: %s\n", error.message.c_str());
  return 1;
}

}  // namespace mole::nodes
