// mole-node: the program that runs a node (docs/formats/node_folder.md). Exit codes: 0 drained, 1 failed, 2 usage, 5 refused.
#include "coordinator/wire/client.hpp"
#include "nodes/daemon/node_daemon.hpp"
#include "nodes/process/cache_limit.hpp"
#include "nodes/process/spawn.hpp"
#include "sdk/model/program.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <sstream>
#include <utility>

namespace {

using mole::nodes::NodeDaemon;
using mole::nodes::Options;

constexpr int failed = 1, usage = 2, refused = 5;

int report_error(const mole::Error& error) {
  std::fprintf(stderr, "mole-node: %s\n", error.message.c_str());
  return error.code == mole::Code::invalid || error.code == mole::Code::denied ? refused : failed;
}

struct Arguments {
  Options options;
  std::string coordinator = "unix:/run/mole/coordinator.sock";
  std::filesystem::path secret;
  std::string columns = "on", wall = "1h", stall = "2m", drain = "10m", log_level = "info", sandbox = "auto";
  int parent = 0;
  std::optional<std::uint64_t> cache_limit;
};

void declare(CLI::App& app, Arguments& a) {
  auto& o = a.options;
  app.set_version_flag("--version", mole::version_of("mole-node"));
  app.set_config("--config", "", "Read options from a file (INI or TOML); the command line overrides it");
  app.add_option("--coordinator", a.coordinator, "Address of the coordinator: unix:/path or tcp:127.0.0.1:PORT")
      ->capture_default_str();
  app.add_option("--dir", o.folder, "Folder of this node, which no other node may use: cache, states, running tasks")->required();
  app.add_option("--slots", o.slots, "Concurrent tasks")->capture_default_str()->check(CLI::Range(1, 1024));
  app.add_option("--threads", o.threads, "Threads per task")->capture_default_str()->check(CLI::Range(1, 1024));
  app.add_option("--memory", o.memory, "Address space of a worker, such as 2G; 0: no limit")
      ->transform(CLI::AsSizeValue(false))
      ->default_str("2G");
  app.add_option("--cache-limit", a.cache_limit,
                 "Maximum size of the cache for staged files and columns (default: 10G, but at most half of the free space)")
      ->transform(CLI::AsSizeValue(false))
      ->check([](const std::string& bytes) { return bytes == "0" ? std::string(mole::nodes::no_cache_text) : std::string(); });
  app.add_option(
         "--fetches", o.fetches,
         "Concurrent tasks that fetch files of tapes, in addition to --slots; 0: this node does not reach archives on tapes, "
         "and copies their files from nodes that do")
      ->capture_default_str()
      ->check(CLI::Range(0, 64));
  app.add_option("--columns", a.columns, "Cache the decoded columns of files and read them instead of the files: on or off")
      ->capture_default_str()
      ->check(CLI::IsMember({"on", "off"}));
  app.add_option("--states-limit", o.states_limit, "Maximum size of the stored states; the least recently used are removed first")
      ->transform(CLI::AsSizeValue(false))
      ->default_str("10G");
  app.add_option("--wall-limit", a.wall, "Time limit for a worker")->capture_default_str();
  app.add_option("--stall-limit", a.stall, "Time limit for a worker that makes no progress")->capture_default_str();
  app.add_option("--drain-timeout", a.drain, "Time for running tasks to finish after SIGTERM")->capture_default_str();
  app.add_option("--listen", o.listen,
                 "Address where other nodes fetch states and files (default: a socket in --dir, or a free port if the "
                 "coordinator is on TCP)");
  app.add_option("--secret", a.secret,
                 "File with the coordinator's secret, for TCP: a copy of STATE/secret with mode 0600 (default: secret in --dir)")
      ->envname("MOLE_SECRET_FILE");
  app.add_option("--worker", o.worker, "The program mole-worker (default: in the folder of mole-node)");
  app.add_option("--sandbox", a.sandbox,
                 "What separates workers from the rest of the machine: limits, cgroup, namespaces, landlock, seccomp, separated "
                 "by commas; the node refuses to start if one does not work here. auto: all that work")
      ->capture_default_str();
  app.add_option("--log-level", a.log_level, "debug, info, warn or error")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_option("--blobs", o.blobs, "The coordinator's blob store, if it is on this machine")->group("");
  app.add_option("--parent", a.parent, "Process id of the parent; exit when the parent ends")->group("");
}

mole::Result<> set_sandbox(const std::string& text, Options& options) {
  using enum mole::SandboxPart;
  options.sandbox = {limits, cgroup, namespaces, landlock, seccomp};
  options.require_sandbox = text != "auto";
  if (!options.require_sandbox) return {};
  const auto known = std::exchange(options.sandbox, {});
  std::stringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const auto part = std::ranges::find(known, word, [](auto each) { return mole::name_of(each); });
    if (part == known.end())
      return mole::invalid("--sandbox: '" + word + "' is not a part; use limits, cgroup, namespaces, landlock, seccomp, or auto");
    options.sandbox.push_back(*part);
  }
  return {};
}

mole::Result<> fill_defaults(Arguments& a) {
  if (auto set = set_sandbox(a.sandbox, a.options); !set) return set;
  a.options.columns = a.columns == "on";
  a.options.cache_limit = a.cache_limit ? *a.cache_limit : mole::nodes::default_cache_limit(a.options.folder / "cache");
  for (const auto& [text, time] : {std::pair{&a.wall, &a.options.wall_limit}, std::pair{&a.stall, &a.options.stall_limit},
                                   std::pair{&a.drain, &a.options.drain_limit}}) {
    MOLE_TRY(const auto parsed, mole::parse_duration(*text));
    *time = parsed;
  }
  if (a.options.worker.empty()) a.options.worker = mole::nodes::own_folder() / "mole-worker";
  if (::access(a.options.worker.c_str(), X_OK) != 0)
    return mole::invalid("cannot execute " + a.options.worker.string() +
                         "; install mole-worker beside mole-node or set --worker");
  a.options.worker = std::filesystem::absolute(a.options.worker);
  a.options.launcher = mole::nodes::own_folder() / "mole-launch";
  if (a.parent != 0) {  // interactive use, and the only node of its coordinator: poll often
    a.options.poll_min = 1'000;
    a.options.poll_max = 10'000;
  }
  if (a.secret.empty() && std::filesystem::exists(a.options.folder / "secret")) a.secret = a.options.folder / "secret";
  if (!a.secret.empty()) {
    MOLE_TRY(a.options.secret, mole::coordinator::Secret::read(a.secret));
  }
  if (!a.options.listen.empty()) return {};
  const auto socket = "unix:" + std::filesystem::absolute(a.options.folder).string() + "/states.sock";
  const bool local = a.coordinator.starts_with("unix:") && mole::coordinator::parse_address(socket);
  a.options.listen = local ? socket : "tcp:127.0.0.1:0";
  if (!local && !a.options.secret && a.coordinator.starts_with("unix:")) {
    spdlog::warn(
        "other nodes cannot fetch from this node: the path of its folder is too long for a socket; use a shorter --dir, "
        "or TCP with --secret");
    a.options.secret = mole::coordinator::Secret::random();
  }
  return {};
}

// The first SIGTERM or SIGINT drains, the second one aborts. SIGUSR1 is sent by serve() when the daemon has drained.
void handle_signals(NodeDaemon& node, const sigset_t& set) {
  bool draining = false;
  for (int signal = 0; ::sigwait(&set, &signal) == 0 && signal != SIGUSR1; draining = true) {
    spdlog::info(draining ? "aborting" : "draining: no new tasks; a second signal aborts the running ones");
    draining ? node.abort() : node.drain();
  }
}

// A task holds a descriptor for each file that it has copied from other nodes.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int serve(const Arguments& a) {
  raise_descriptor_limit();
  auto coordinator =
      mole::coordinator::RemoteCoordinator::at(a.coordinator, {.receive = std::chrono::seconds(60)}, a.options.secret);
  if (!coordinator) return report_error(coordinator.error());
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) ::sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);  // before the first thread
  auto node = NodeDaemon::open(a.options, **coordinator);
  if (!node) return report_error(node.error());
  if (auto started = (*node)->start(); !started) return report_error(started.error());
  mole::StandardOutput out;
  out << "ready " << (*node)->name() << ' ' << (*node)->address() << '\n';
  if (mole::exit_code_of(out, "mole-node") != 0) return failed;
  std::thread signals([&] { handle_signals(**node, set); });
  (*node)->wait();
  ::pthread_kill(signals.native_handle(), SIGUSR1);
  signals.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A node of Data Mole: leases tasks from a coordinator and runs them.", "mole-node");
  Arguments arguments;
  declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    mole::StandardOutput out;
    app.exit(e, out, std::cerr);
    return mole::exit_code_of(out, "mole-node");
  } catch (const CLI::ParseError& e) {
    app.exit(e);
    return usage;
  }
  if (arguments.parent != 0) {  // under `mole run` no other process would stop this one if its parent died
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != arguments.parent) return failed;
  }
  spdlog::set_default_logger(spdlog::stderr_logger_mt("mole-node"));
  spdlog::set_level(spdlog::level::from_str(arguments.log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(077);
  if (auto done = fill_defaults(arguments); !done) return report_error(done.error());
  return serve(arguments);
}
