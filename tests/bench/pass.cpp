// mole-bench-pass FILE [--threads N] [--same-process | --process] [--cache DIR] [--repeat N]
//
// One block's task over one hour file: bzip2 -> decoder -> traffic, unique addresses, traffic by protocol class and traffic of
// one port, all by router and quarter of an hour, through the task runner. --same-process (default) calls it here;
// --process starts mole-worker for it as mole-node does. Prints one line of JSON. `./dev bench pass` compares it with
// mole-bench-decode on the same file, and the two ways with each other.
//
// The file's name must end in _<unix time>.dat.bz2. It is staged into the cache at the first run and found there later.
#include "runtime/host/plugin_set.hpp"
#include "runtime/task/task_runner.hpp"
#include "sdk/descriptor/sidecar.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

extern char** environ;

namespace {

namespace fs = std::filesystem;
using namespace mole;
using namespace mole::runtime;

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "mole-bench-pass: %s\n", message.c_str());
  std::exit(1);
}

class Discard : public TaskSink {
 public:
  Result<> step(const task::StepReport& report, const RowTable* table, const std::optional<fs::path>&) override {
    if (report.outcome != "done") fail(report.message);
    if (table) rows += table->rows();
    return {};
  }
  Result<> file(const task::FileReport& report) override {
    if (report.state != "sound") fail(report.id + " is " + report.state);
    return {};
  }
  Result<> index(std::span<const task::IndexEntry>) override { return {}; }
  std::uint64_t rows = 0;
};

task::PluginUse use_of(const PluginCatalogue& catalogue, const std::string& kind, const std::string& name, nlohmann::json params) {
  auto found = catalogue.find(kind, name);
  if (!found) fail(found.error().message);
  auto resolved = resolve_params((*found)->descriptor, params);
  if (!resolved) fail(resolved.error().message);
  return {name, (*found)->descriptor.version, (*found)->sidecar.digest, (*found)->sidecar.text, *resolved};
}

task::Spec spec_for(const fs::path& file, const PluginCatalogue& catalogue) {
  const std::string name = file.filename().string();
  const auto underscore = name.rfind('_');
  const long long start = underscore == name.npos ? 0 : std::atoll(name.c_str() + underscore + 1);
  if (start == 0) fail(name + " does not end in _<unix time>.dat.bz2");
  const std::string router = name.substr(0, name.find('_'));
  task::Spec spec;
  spec.id = "1-1";
  spec.kind = "compute";
  const Micros from = start * second_us;
  spec.block = {floor_to(from, hour_us) - hour_us, floor_to(from, hour_us) + hour_us};
  spec.archive = task::Archive{"bench", use_of(catalogue, "downloader", "directory", {{"root", fs::absolute(file).parent_path().string()}}),
                               use_of(catalogue, "decoder", "netflow5", nlohmann::json::object())};
  spec.files = {{name, fs::file_size(file), 1, router, 1, {from, from + hour_us}, true}};
  const auto add = [&](const std::string& plugin, std::vector<std::string> by, const std::string& filter) {
    task::Step step;
    step.pipeline = "bench";
    step.module = plugin + std::to_string(spec.steps.size());
    step.fingerprint = digest_of(step.module);
    step.plugin = use_of(catalogue, "metric", plugin, nlohmann::json::object());
    step.execution = "mergeable";
    step.interval = 15 * minute_us;
    step.by = std::move(by);
    step.filter = filter;
    step.routers = {router};
    step.make_result = true;
    step.inputs = {{"flows", "flows", "bench", "", "", "", {}, {}}};
    spec.steps.push_back(step);
  };
  add("traffic", {"router"}, "");
  add("unique_addresses", {"router"}, "");
  add("traffic", {"router", "protocol_class"}, "");
  add("traffic", {"router"}, "proto tcp and dst port 443");
  return spec;
}

std::uint64_t run_here(const task::Spec& spec, const fs::path& work, const fs::path& cache_folder, const std::vector<fs::path>& folders, unsigned threads) {
  auto cache = Cache::open(cache_folder, {.limit = std::uint64_t{16} << 30});
  if (!cache) fail(cache.error().message);
  const auto record = CallRecord::in_memory();
  const PluginSet plugins(folders, *record);
  const TaskOptions options{{work}, &*cache, threads};
  Discard sink;
  const auto totals = TaskRunner(spec, options, plugins, sink).run();
  if (!totals.message.empty()) fail(totals.message);
  return totals.flows;
}

void run_worker(const task::Spec& spec, const fs::path& work, const fs::path& cache, const std::string& folders, unsigned threads) {
  std::ofstream(work / "spec.json") << nlohmann::json(spec).dump();
  const auto worker = fs::read_symlink("/proc/self/exe").parent_path() / "mole-worker";
  const std::string count = std::to_string(threads), handover = (work / "handover").string();
  const char* arguments[] = {worker.c_str(), "--run", work.c_str(), "--cache", cache.c_str(), "--cache-limit", "17179869184",
                             "--plugins",    folders.c_str(), "--threads", count.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 3, handover.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  pid_t child = 0;
  if (::posix_spawn(&child, worker.c_str(), &actions, nullptr, const_cast<char**>(arguments), environ) != 0) fail("cannot start " + worker.string());
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) fail("mole-worker failed");
}

}  // namespace

int main(int argc, char** argv) {
  fs::path file, cache;
  unsigned threads = 1;
  int repeat = 1;
  bool process = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--threads" && i + 1 < argc) threads = static_cast<unsigned>(std::atoi(argv[++i]));
    else if (word == "--repeat" && i + 1 < argc) repeat = std::atoi(argv[++i]);
    else if (word == "--cache" && i + 1 < argc) cache = argv[++i];
    else if (word == "--process") process = true;
    else if (word == "--same-process") process = false;
    else file = word;
  }
  if (file.empty()) fail("usage: mole-bench-pass FILE [--threads N] [--same-process | --process] [--cache DIR] [--repeat N]");
  if (cache.empty()) cache = fs::absolute(file).parent_path() / ".bench-cache";
  const auto folders = plugin_folders();
  std::string joined;
  for (const auto& folder : folders) joined += (joined.empty() ? "" : ":") + folder.string();
  const auto spec = spec_for(file, PluginCatalogue::load(folders));

  std::string work = (fs::temp_directory_path() / "mole-bench-pass-XXXXXX").string();
  if (!::mkdtemp(work.data())) fail("cannot make a folder in " + fs::temp_directory_path().string());
  for (const char* sub : {"scratch", "rows", "states"}) fs::create_directories(fs::path(work) / sub);
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t flows = 0;
  for (int i = 0; i < repeat; ++i) {
    if (process) run_worker(spec, work, cache, joined, threads);
    else flows += run_here(spec, work, cache, folders, threads);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fs::remove_all(work);
  std::printf("{\"flows\": %llu, \"seconds\": %.6f}\n", static_cast<unsigned long long>(flows), seconds);
}
