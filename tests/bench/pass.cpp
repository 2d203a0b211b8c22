// mole-bench-pass FILE [--manifest FILE] [--threads N] [--same-process | --process] [--cache DIR] [--repeat N]
//                 [--columns] [--hours N] [--times N] [--plugins DIR]
//
// Runs the task of one block over one hourly file: bzip2 -> decoder -> metrics, through the task runner. The metrics are all
// modules of the manifest that read flows; without a manifest: traffic, unique addresses, traffic by protocol class and traffic
// of one port, by router and 15 minutes. --same-process (default) calls the task runner directly; --process starts mole-worker
// as mole-node does. Prints one line of JSON. `./dev bench pass` compares it with mole-bench-decode on the same file, and
// --process with --same-process.
//
// The file's name must end in _<unix time>.dat.bz2. The first run stages it into the cache; later runs find it there. With
// --columns the first run also caches the decoded columns, and later runs read them instead of the file.
// --hours, --times: the length of the block in hours, and the number of copies of FILE's flows in each hour. FILE must then be
// uncompressed; the copies are made by time_shift, a downloader of the tests in the folder given by --plugins.
#include "coordinator/dag/resolve.hpp"
#include "coordinator/manifest/manifest.hpp"
#include "nodes/process/spawn.hpp"
#include "runtime/host/plugin_set.hpp"
#include "runtime/task/task_runner.hpp"
#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

namespace {

namespace fs = std::filesystem;
using namespace mole;
using namespace mole::runtime;

constexpr std::uint64_t cache_limit = std::uint64_t{64} << 30;

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "mole-bench-pass: %s\n", message.c_str());
  std::exit(1);
}

class Discard : public TaskSink {
 public:
  Result<> step(const task::StepReport& report, const RowTable* table, const std::optional<fs::path>&) override {
    if (report.outcome != task::Outcome::done) fail(report.message);
    if (table) rows += table->rows();
    return {};
  }
  Result<> file(const task::FileReport& report) override {
    if (report.state != task::FileState::sound) fail(report.id + " is " + name_of(report.state));
    return {};
  }
  Result<> index(std::span<const task::IndexEntry>) override { return {}; }
  std::uint64_t rows = 0;
};

task::PluginUse use_of(const PluginCatalogue& catalogue, PluginKind kind, const std::string& name, nlohmann::json params) {
  auto found = catalogue.find(kind, name);
  if (!found) fail(found.error().message);
  auto resolved = resolve_params((*found)->descriptor, params);
  if (!resolved) fail(resolved.error().message);
  return {name, (*found)->descriptor.version, (*found)->sidecar.digest, (*found)->sidecar.text, *resolved};
}

struct Arguments {
  fs::path file, manifest;
  std::uint32_t hours = 0, times = 1;  // hours 0: the unchanged file
};

// Adds a step for each module of a manifest that reads flows, with the settings of its archive.
void add_manifest(task::Spec& spec, const fs::path& path, const PluginCatalogue& catalogue, const std::string& router) {
  const auto text = read_file(path);
  if (!text) fail(text.error().message);
  const auto manifest = coordinator::manifest::parse_manifest(*text, path.filename().string(), {});
  if (!manifest) fail(manifest.error().message);
  const auto resolved = coordinator::dag::resolve(*manifest, catalogue, fs::absolute(path).parent_path().string());
  if (!resolved) fail(resolved.error().message);
  const auto& graph = resolved->graph;
  for (const auto& module : graph.modules) {
    if (module.inputs[0].kind != InputKind::flows) continue;
    const auto& archive = graph.archives[module.inputs[0].source];
    spec.archive->home = archive.home;
    task::Step step;
    step.pipeline = graph.pipeline;
    step.module = module.name;
    step.fingerprint = module.fingerprint;
    step.plugin = module.plugin;
    step.execution = module.execution;
    step.interval = module.interval;
    step.by = module.by;
    step.totals = module.totals;
    step.filter = module.filter;
    step.routers = {router};
    step.make_result = true;
    step.inputs = {{"flows", InputKind::flows, "bench", "", "", "", {}, {}}};
    spec.steps.push_back(step);
  }
}

task::Spec spec_for(const Arguments& arguments, const PluginCatalogue& catalogue) {
  const std::string name = arguments.file.filename().string();
  const auto underscore = name.rfind('_');
  const long long start = underscore == name.npos ? 0 : std::atoll(name.c_str() + underscore + 1);
  if (start == 0) fail(name + " does not end in _<unix time>.dat.bz2");
  const std::string router = arguments.hours ? "1" : name.substr(0, name.find('_'));
  task::Spec spec;
  spec.id = "1-1";
  spec.kind = task::Kind::compute;
  const Micros from = start * second_us;
  const Micros end = from + std::max(arguments.hours, 1u) * hour_us;
  spec.block = {floor_to(from, hour_us) - (arguments.hours ? 0 : hour_us), floor_to(end, hour_us)};
  spec.archive = task::Archive{"bench", {}, use_of(catalogue, PluginKind::decoder, "netflow5", nlohmann::json::object())};
  if (arguments.hours) {
    spec.archive->downloader = use_of(catalogue, PluginKind::downloader, "time_shift",
                                      {{"base", fs::absolute(arguments.file).string()},
                                       {"start", start},
                                       {"hours", arguments.hours},
                                       {"times", arguments.times}});
    for (std::uint32_t h = 0; h < arguments.hours; ++h) {
      const Micros t = from + h * hour_us;
      spec.files.push_back({"1_" + std::to_string(h) + "_" + std::to_string(t / second_us) + ".dat",
                            fs::file_size(arguments.file) * arguments.times,
                            1,
                            router,
                            h,
                            {t, t + hour_us},
                            true,
                            "1"});
    }
  } else {
    spec.archive->downloader =
        use_of(catalogue, PluginKind::downloader, "directory", {{"root", fs::absolute(arguments.file).parent_path().string()}});
    spec.files = {{name, fs::file_size(arguments.file), 1, router, 1, {from, from + hour_us}, true, ""}};
  }
  if (!arguments.manifest.empty()) {
    add_manifest(spec, arguments.manifest, catalogue, router);
    return spec;
  }
  const auto add = [&](const std::string& plugin, std::vector<std::string> by, const std::string& filter) {
    task::Step step;
    step.pipeline = "bench";
    step.module = plugin + std::to_string(spec.steps.size());
    step.fingerprint = digest_of(step.module);
    step.plugin = use_of(catalogue, PluginKind::metric, plugin, nlohmann::json::object());
    step.execution = Execution::mergeable;
    step.interval = 15 * minute_us;
    step.by = std::move(by);
    step.filter = filter;
    step.routers = {router};
    step.make_result = true;
    step.inputs = {{"flows", InputKind::flows, "bench", "", "", "", {}, {}}};
    spec.steps.push_back(step);
  };
  add("traffic", {"router"}, "");
  add("unique_addresses", {"router"}, "");
  add("traffic", {"router", "protocol_class"}, "");
  add("traffic", {"router"}, "proto tcp and dst port 443");
  return spec;
}

std::uint64_t run_here(const task::Spec& spec, const fs::path& work, const fs::path& cache_folder,
                       const std::vector<fs::path>& folders, unsigned threads, bool columns) {
  set_up_allocator();  // as mole-worker does
  auto cache = Cache::open(cache_folder, {.limit = cache_limit});
  if (!cache) fail(cache.error().message);
  const auto record = CallRecord::in_memory();
  const PluginSet plugins(folders, *record);
  const TaskOptions options{{work}, &*cache, threads, columns};
  Discard sink;
  const auto totals = TaskRunner(spec, options, plugins, sink).run();
  if (!totals.message.empty()) fail(totals.message);
  return totals.flows;
}

void run_worker(const task::Spec& spec, const fs::path& work, const fs::path& cache, const std::string& folders, unsigned threads,
                bool columns) {
  std::ofstream(work / "spec.json") << nlohmann::json(spec).dump();
  const auto worker = nodes::own_folder() / "mole-worker";
  nodes::Spawn spawn;
  spawn.open(3, work / "handover", O_RDWR | O_CREAT | O_TRUNC, 0600);
  const auto child =
      spawn.start(worker, {"--run", work.string(), "--cache", cache.string(), "--cache-limit", std::to_string(cache_limit),
                           "--plugins", folders, "--threads", std::to_string(threads), "--columns", columns ? "on" : "off"});
  if (!child) fail(child.error().message);
  int status = 0;
  ::waitpid(*child, &status, 0);
  if (status != 0) fail("mole-worker failed");
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  fs::path cache, more_plugins;
  unsigned threads = 1;
  int repeat = 1;
  bool process = false, columns = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--threads" && i + 1 < argc)
      threads = static_cast<unsigned>(std::atoi(argv[++i]));
    else if (word == "--repeat" && i + 1 < argc)
      repeat = std::atoi(argv[++i]);
    else if (word == "--cache" && i + 1 < argc)
      cache = argv[++i];
    else if (word == "--columns")
      columns = true;
    else if (word == "--process")
      process = true;
    else if (word == "--same-process")
      process = false;
    else if (word == "--manifest" && i + 1 < argc)
      arguments.manifest = argv[++i];
    else if (word == "--hours" && i + 1 < argc)
      arguments.hours = static_cast<std::uint32_t>(std::atoi(argv[++i]));
    else if (word == "--times" && i + 1 < argc)
      arguments.times = static_cast<std::uint32_t>(std::atoi(argv[++i]));
    else if (word == "--plugins" && i + 1 < argc)
      more_plugins = argv[++i];
    else
      arguments.file = word;
  }
  if (arguments.file.empty())
    fail(
        "usage: mole-bench-pass FILE [--manifest FILE] [--threads N] [--same-process | --process] [--cache DIR] [--repeat N] "
        "[--columns] [--hours N] [--times N] [--plugins DIR]");
  if (cache.empty()) cache = fs::absolute(arguments.file).parent_path() / ".bench-cache";
  auto folders = plugin_folders();
  if (!more_plugins.empty()) folders.push_back(more_plugins);
  std::string joined;
  for (const auto& folder : folders) joined += (joined.empty() ? "" : ":") + folder.string();
  const auto spec = spec_for(arguments, PluginCatalogue::load(folders));

  std::string work = (fs::temp_directory_path() / "mole-bench-pass-XXXXXX").string();
  if (!::mkdtemp(work.data())) fail("cannot create a folder in " + fs::temp_directory_path().string());
  for (const char* sub : {"scratch", "rows", "states"}) fs::create_directories(fs::path(work) / sub);
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t flows = 0;
  for (int i = 0; i < repeat; ++i) {
    if (process)
      run_worker(spec, work, cache, joined, threads, columns);
    else
      flows += run_here(spec, work, cache, folders, threads, columns);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fs::remove_all(work);
  rusage used{};
  ::getrusage(process ? RUSAGE_CHILDREN : RUSAGE_SELF, &used);
  const std::string counted = process ? "null" : std::to_string(flows);  // a worker does not report it here
  std::printf("{\"flows\": %s, \"seconds\": %.6f, \"peak_mib\": %ld}\n", counted.c_str(), seconds, used.ru_maxrss / 1024);
}
