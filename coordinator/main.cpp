// mole-coordinator: the coordinator as a service. Exit codes: 0 stopped, 1 failed, 2 usage, 4 state not found, 5 refused, 75 try
// later.
#include "coordinator/service.hpp"
#include "coordinator/wire/frame_server.hpp"
#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/program.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

namespace {

using mole::coordinator::Address;

constexpr int failed = 1, usage = 2, not_found = 4, refused = 5, try_later = 75;

int complain(const mole::Error& error) {
  using mole::Code;
  std::fprintf(stderr, "mole-coordinator: %s\n", error.message.c_str());
  if (error.code == Code::invalid || error.code == Code::unsupported || error.code == Code::denied) return refused;
  if (error.code == Code::transient || error.code == Code::exhausted) return try_later;
  return error.code == Code::missing ? not_found : failed;
}

struct Arguments {
  std::filesystem::path state = "mole-state";
  bool init = false;
  std::vector<std::string> listen;
  std::vector<std::filesystem::path> plugins, allowed_roots;
  bool manifest_plugins = false;
  std::string keep_requests = "90d", keep_nodes = "30d", collect_every = "1h";
  std::uint64_t max_requests = 10'000;
  std::string scrub = "7d", lease = "60s", heartbeat = "10s", log_level = "info";
  std::vector<std::string> require_sandbox;
  int parent = 0;
};

void declare(CLI::App& app, Arguments& a) {
  app.set_version_flag("--version", mole::version_of("mole-coordinator"));
  app.set_config("--config", "", "Read options from a file (ini or TOML); options on the command line take precedence");
  app.add_option("--state", a.state, "Folder of the coordinator's state")->capture_default_str();
  app.add_flag("--init", a.init, "Create the state if it does not exist; without this option a missing state is an error");
  app.add_option("--listen", a.listen,
                 "unix:/path or tcp:127.0.0.1:PORT (port 0: any; clients need STATE/secret); repeatable (default: "
                 "STATE/coordinator.sock)");
  app.add_option("--plugins", a.plugins, "Folder of plugins, searched before MOLE_PLUGIN_PATH and the installation; repeatable");
  app.add_option("--allow-root", a.allowed_roots,
                 "Folder that manifests submitted over TCP may name, with what is in it: archives, routing tables; repeatable. "
                 "Over the Unix socket they may name every path");
  app.add_flag("--manifest-plugins", a.manifest_plugins,
               "Also load plugins from folders that manifests name: lets everyone who can submit run code");
  app.add_option("--lease", a.lease, "How long a silent node keeps its tasks")->capture_default_str();
  app.add_option("--heartbeat", a.heartbeat, "How often nodes report")->capture_default_str();
  app.add_option("--keep-requests", a.keep_requests,
                 "How long a request and its folder are kept after its end; 0s: for ever. The results of modules stay")
      ->capture_default_str();
  app.add_option("--max-requests", a.max_requests,
                 "How many requests that have ended are kept at most, the latest; 0: any number")
      ->capture_default_str();
  app.add_option(
         "--keep-nodes", a.keep_nodes,
         "How long a silent node, and what is known of its states, is remembered; 0s: for ever. One that never did anything: "
         "at most a day")
      ->capture_default_str();
  app.add_option("--collect-every", a.collect_every, "How often to remove what nothing needs (mole state gc); 0s: never")
      ->capture_default_str();
  app.add_option("--scrub", a.scrub, "How long a round takes that reads all that is kept, to find damage in time; off: never")
      ->capture_default_str();
  app.add_option(
         "--require-sandbox", a.require_sandbox,
         "Refuse nodes whose workers lack one of these parts of a sandbox, separated by commas: limits, cgroup, namespaces, "
         "landlock, seccomp")
      ->delimiter(',')
      ->check(CLI::IsMember(mole::all_names<mole::SandboxPart>()));
  app.add_option("--log-level", a.log_level, "debug, info, warn or error")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_option("--parent", a.parent, "Exit when this process, the parent, exits")->group("");
}

mole::Result<mole::coordinator::Config> config_of(const Arguments& a) {
  mole::coordinator::Config config;
  config.state = a.state;
  config.create = a.init;
  config.plugins = mole::plugin_folders(a.plugins);
  config.allowed_roots = a.allowed_roots;
  config.manifest_plugins = a.manifest_plugins;
  config.storage_failed = [](const std::string& cause) {
    spdlog::critical("cannot write the state: {}; free up space or repair the disk, then start again", cause);
    spdlog::default_logger()->flush();
    ::_exit(failed);
  };
  config.log = [](mole::coordinator::LogLevel level, const std::string& line) {
    spdlog::log(level == mole::coordinator::LogLevel::info ? spdlog::level::info : spdlog::level::warn, "{}", line);
  };
  config.retention.max_requests = a.max_requests;
  for (const auto& [text, time] :
       {std::pair{&a.keep_requests, &config.retention.keep_requests}, std::pair{&a.keep_nodes, &config.retention.keep_nodes},
        std::pair{&a.lease, &config.leases.lease}, std::pair{&a.heartbeat, &config.leases.heartbeat}}) {
    MOLE_TRY(*time, mole::parse_duration(*text));
  }
  for (const auto& part : a.require_sandbox) config.leases.require_sandbox.push_back(*mole::from_name<mole::SandboxPart>(part));
  if (config.leases.heartbeat <= 0 || config.leases.lease < 2 * config.leases.heartbeat)
    return mole::invalid("a lease of " + a.lease + " is not longer than two heartbeats of " + a.heartbeat + "; increase --lease");
  return config;
}

mole::Result<std::vector<Address>> addresses_of(const Arguments& a) {
  auto texts = a.listen;
  if (texts.empty())
    texts.push_back("unix:" + (std::filesystem::absolute(a.state) / "coordinator.sock").lexically_normal().string());
  std::vector<Address> out;
  for (const auto& text : texts) {
    MOLE_TRY(auto address, mole::coordinator::parse_address(text));
    out.push_back(std::move(address));
  }
  return out;
}

int say_ready(const std::vector<Address>& addresses) {
  std::string line = "ready";
  for (const auto& address : addresses) line += " " + address.text();
  spdlog::info("{}", line);
  mole::StandardOutput out;
  out << line << '\n';
  return mole::exit_code_of(out, "mole-coordinator");
}

// Reads all that is kept, again and again, until it is stopped.
std::jthread start_scrubbing(mole::coordinator::Service& service, mole::Micros period) {
  if (period <= 0) return {};
  return std::jthread([&service, period](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    const auto wait = [&](mole::Micros time) {
      if (time > 0) changed.wait_for(lock, stop, std::chrono::microseconds(time), [] { return false; });
      return !stop.stop_requested();
    };
    while (!stop.stop_requested()) {
      const auto next = std::chrono::steady_clock::now() + std::chrono::microseconds(period);
      service.scrub(period, wait);
      wait(std::chrono::duration_cast<std::chrono::microseconds>(next - std::chrono::steady_clock::now()).count());
    }
  });
}

// Removes what nothing needs until it is stopped: first after a minute, because a coordinator may never run for long.
std::jthread start_collecting(mole::coordinator::Service& service, mole::Micros every) {
  if (every <= 0) return {};
  return std::jthread([&service, every](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    auto wait = std::min(every, mole::minute_us);
    while (!changed.wait_for(lock, stop, std::chrono::microseconds(wait), [] { return false; }) && !stop.stop_requested()) {
      const auto done = service.collect_garbage({}, [&stop] { return stop.stop_requested(); });
      if (!done) spdlog::warn("garbage: {}", done.error().message);
      wait = every;
    }
  });
}

int serve(const Arguments& a) {
  const auto addresses = addresses_of(a);
  if (!addresses) return complain(addresses.error());
  const auto scrub = a.scrub == "off" ? mole::Result<mole::Micros>(0) : mole::parse_duration(a.scrub);
  if (!scrub) return complain(scrub.error());
  const auto collect_every = mole::parse_duration(a.collect_every);
  if (!collect_every) return complain(collect_every.error());
  auto config = config_of(a);
  if (!config) return complain(config.error());
  sigset_t stop;
  ::sigemptyset(&stop);
  for (const int signal : {SIGTERM, SIGINT}) ::sigaddset(&stop, signal);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // before the first thread
  auto service = mole::coordinator::Service::open(std::move(*config));
  if (!service) return complain(service.error());
  std::optional<mole::coordinator::Secret> secret;
  if (a.init || std::any_of(addresses->begin(), addresses->end(), [](const Address& each) { return !each.is_unix(); })) {
    auto found = mole::coordinator::Secret::read_or_create(a.state / "secret");
    if (!found) return complain(found.error());
    secret = *found;
  }
  mole::coordinator::FrameServer server(mole::coordinator::serve_coordinator(**service), *addresses, {}, secret);
  server.on_refused([&service] { (*service)->note_refused(); });
  if (auto started = server.start(); !started) return complain(started.error());
  if (const int code = say_ready(server.addresses()); code != 0) return server.stop(), code;
  auto scrubbing = start_scrubbing(**service, *scrub);
  auto collecting = start_collecting(**service, *collect_every);
  int signal = 0;
  ::sigwait(&stop, &signal);
  spdlog::info("stopping; acknowledged changes are durable, nodes continue and report after the next start");
  server.stop();
  scrubbing = {};   // stops it
  collecting = {};  // stops it
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The coordinator of Data Mole: accepts requests, plans them, leases tasks to nodes.", "mole-coordinator");
  Arguments arguments;
  declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    mole::StandardOutput out;
    app.exit(e, out, std::cerr);
    return mole::exit_code_of(out, "mole-coordinator");
  } catch (const CLI::ParseError& e) {
    app.exit(e);
    return usage;
  }
  if (arguments.parent != 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != arguments.parent) return failed;
  }
  spdlog::set_default_logger(spdlog::stderr_logger_mt("mole-coordinator"));
  spdlog::set_level(spdlog::level::from_str(arguments.log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(077);
  return serve(arguments);
}
