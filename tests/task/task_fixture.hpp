// Runs a task over an archive folder in this process with the built plugins, and keeps its outcomes in memory.
#pragma once

#include "runtime/host/plugin_set.hpp"
#include "runtime/rows/rows_format.hpp"
#include "runtime/task/remote_files.hpp"
#include "runtime/task/task_runner.hpp"
#include "sdk/descriptor/sidecar.hpp"
#include "tests/support/captures.hpp"
#include "tests/support/temp_folder.hpp"

#include <sys/socket.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iomanip>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace mole::runtime::testing {

namespace fs = std::filesystem;

using mole::testing::TempFolder;

struct StepOutcome {
  task::StepReport report;
  std::optional<RowTable> rows;
  std::optional<fs::path> state_file;
};

class MemorySink : public TaskSink {
 public:
  Result<> step(const task::StepReport& report, const RowTable* rows, const std::optional<fs::path>& state_file) override {
    steps[report.step] = {report, rows ? std::optional(*rows) : std::nullopt, state_file};
    return {};
  }
  Result<> file(const task::FileReport& report) override {
    files.push_back(report);
    return {};
  }
  Result<> index(std::span<const task::IndexEntry> entries) override {
    index_entries.insert(index_entries.end(), entries.begin(), entries.end());
    return {};
  }
  std::map<std::uint32_t, StepOutcome> steps;
  std::vector<task::FileReport> files;
  std::vector<task::IndexEntry> index_entries;
};

using mole::testing::data_folder;
using mole::testing::have_captures;

// Serves the files of a task through a socket, as another process does.
class FilesServer {
 public:
  FilesServer(const task::Spec& spec, const PluginSet& plugins, Cache& cache, bool columns = true) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    client_ = OwnedFd(ends[1]);
    thread_ = std::thread([&, columns, own = OwnedFd(ends[0])] {
      auto files = StagedFiles::open(spec, plugins, cache, columns);
      result = files ? serve_files(own.get(), spec, **files, bad_copies_) : files.error();
    });
  }
  ~FilesServer() { end(); }
  int client() const { return client_.get(); }
  // Ends the conversation and waits for the server; then `result` is valid.
  void end() {
    client_ = OwnedFd();
    if (thread_.joinable()) thread_.join();
  }
  Result<> result;

 private:
  std::vector<std::string> bad_copies_;
  OwnedFd client_;
  std::thread thread_;
};

inline task::PluginUse use_of(PluginKind kind, const std::string& name, nlohmann::json params = nlohmann::json::object()) {
  static const auto catalogue = PluginCatalogue::load({MOLE_TEST_PLUGINS, MOLE_SHIPPED_PLUGINS});
  auto found = catalogue.find(kind, name);
  if (!found) {
    ADD_FAILURE() << found.error().message;
    return {};
  }
  auto resolved = resolve_params((*found)->descriptor, params);
  if (!resolved) ADD_FAILURE() << resolved.error().message;
  return {name, (*found)->descriptor.version, (*found)->sidecar.digest, (*found)->sidecar.text, resolved ? *resolved : params};
}

// Returns one entry per router and hour from the first hour to the last; missing files are gaps. File names are as in DDoSVax.
inline std::vector<task::File> files_of(const fs::path& folder) {
  std::map<std::string, std::map<Micros, task::File>> routers;
  Micros first = INT64_MAX, last = INT64_MIN;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    char router[64];
    unsigned long long sequence = 0;
    long long start = 0;
    if (std::sscanf(name.c_str(), "%63[^_]_%llu_%lld.dat.bz2", router, &sequence, &start) != 3) continue;
    const Micros from = start * second_us;
    first = std::min(first, from);
    last = std::max(last, from);
    routers[router][from] = {name, entry.file_size(), 1, router, sequence, {from, from + hour_us}, true, ""};
  }
  std::vector<task::File> out;
  for (auto& [router, files] : routers)
    for (Micros t = first; t <= last; t += hour_us) {
      const auto found = files.find(t);
      out.push_back(found != files.end() ? found->second : task::File{"", 0, 0, router, 0, {t, t + hour_us}, false, ""});
    }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(a.covers.from, a.router, a.id) < std::tie(b.covers.from, b.router, b.id);
  });
  return out;
}

// A step of a plugin over flows; the caller adds the routers.
inline task::Step flows_step(const std::string& plugin, Micros interval, std::vector<std::string> by) {
  task::Step step;
  step.pipeline = "test";
  step.module = plugin;
  step.fingerprint = digest_of(plugin);
  step.plugin = use_of(PluginKind::metric, plugin);
  step.execution = Execution::mergeable;
  step.interval = interval;
  step.by = std::move(by);
  step.make_result = true;
  task::Input flows;
  flows.role = "flows";
  flows.module = "archive";
  step.inputs.push_back(std::move(flows));
  return step;
}

class ArchiveTask {
 public:
  explicit ArchiveTask(fs::path archive) : archive_(std::move(archive)), all_(files_of(archive_)) {}

  DamagePolicy damage = DamagePolicy::partial;
  unsigned threads = 2;
  bool columns = true;
  std::uint64_t cache_limit = std::uint64_t{1} << 30;
  bool apart = false;                  // the files are served through a socket
  std::function<void()> waiting = {};  // of CacheOptions: called before each copy is verified

  fs::path cache() const { return work_.path() / "cache"; }

  task::Step flows_step(const std::string& plugin, Micros interval, std::vector<std::string> by = {"router"}) const {
    auto step = testing::flows_step(plugin, interval, std::move(by));
    std::set<std::string> routers;
    for (const auto& f : all_) routers.insert(f.router);
    step.routers.assign(routers.begin(), routers.end());
    return step;
  }
  static task::Input rows_input(const std::string& role, InputKind kind, const std::string& column, const std::string& type,
                                const std::string& unit, std::optional<std::uint32_t> step) {
    return {role, kind, "upstream", column, type, unit, {}, step, {}};
  }

  task::Spec spec(TimeRange block, std::vector<task::Step> steps) const {
    task::Spec spec;
    spec.id = "1-1";
    spec.kind = task::Kind::compute;
    spec.block = block;
    task::Archive archive;
    archive.name = "archive";
    archive.downloader = use_of(PluginKind::downloader, "directory", {{"root", archive_.string()}});
    archive.decoder = use_of(PluginKind::decoder, "netflow5");
    archive.damage = damage;
    spec.archive = archive;
    Micros warmup = 0;
    for (const auto& step : steps) warmup = std::max(warmup, step.warmup);
    for (const auto& file : all_)
      if (file.covers.overlaps({block.from - warmup, block.to + archive.lateness})) spec.files.push_back(file);
    spec.steps = std::move(steps);
    return spec;
  }

  // Runs in a new attempt folder that exists as long as this object.
  MemorySink run(const task::Spec& spec, task::Report* totals = nullptr) {
    const fs::path attempt = work_.path() / ("attempt" + std::to_string(attempts_++));
    for (const char* sub : {"scratch", "rows", "states"}) fs::create_directories(attempt / sub);
    for (const auto& [name, bytes] : placed_) fs::create_hard_link(bytes, attempt / name);
    auto opened = Cache::open(cache(), {.limit = cache_limit, .waiting = waiting});
    EXPECT_TRUE(opened) << opened.error().message;
    static auto record = CallRecord::in_memory();
    const PluginSet plugins({MOLE_TEST_PLUGINS, MOLE_SHIPPED_PLUGINS}, *record);
    TaskOptions options{{attempt}, &*opened, threads, columns};
    std::optional<FilesServer> server;
    std::optional<RemoteFiles> files;
    if (apart && spec.kind != task::Kind::index && spec.kind != task::Kind::fetch) {
      files.emplace(server.emplace(spec, plugins, *opened).client());
      options.cache = nullptr;
      options.files = &*files;
    }
    MemorySink sink;
    const auto report = TaskRunner(spec, options, plugins, sink).run();
    if (totals)
      *totals = report;
    else
      EXPECT_EQ(report.message, "");
    return sink;
  }

  // Makes a state file of an earlier run available as a blob to later runs.
  task::StateRef place_state(const fs::path& file, TimeRange block) {
    const auto digest = digest_of_file(file);
    EXPECT_TRUE(digest);
    placed_["states/" + digest->hex()] = file;
    return {block, *digest, {}};
  }
  task::RowsRef place_rows(const RowTable& rows, TimeRange block) {
    const auto bytes = encode_rows(rows);
    EXPECT_TRUE(bytes);
    const Digest digest = digest_of(*bytes);
    const fs::path path = work_.path() / (digest.hex() + ".rows");
    std::ofstream(path, std::ios::binary) << *bytes;
    placed_["rows/" + digest.hex() + ".rows"] = path;
    return {block, digest};
  }

  const std::vector<task::File>& files() const { return all_; }

 private:
  fs::path archive_;
  std::vector<task::File> all_;
  TempFolder work_;
  std::map<std::string, fs::path> placed_;
  int attempts_ = 0;
};

// Encodes a table in the format of stored rows.
inline std::string bytes_of(const RowTable& table) {
  auto bytes = encode_rows(table);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes ? *bytes : std::string();
}

// Describes the difference of two tables; "" if their bytes are equal.
inline std::string difference(const RowTable& a, const RowTable& b) {
  if (bytes_of(a) == bytes_of(b)) return {};
  if (a.columns.size() != b.columns.size())
    return "columns: " + std::to_string(a.columns.size()) + " and " + std::to_string(b.columns.size());
  if (a.rows() != b.rows()) return "rows: " + std::to_string(a.rows()) + " and " + std::to_string(b.rows());
  for (std::size_t c = 0; c < a.columns.size(); ++c)
    for (std::size_t i = 0; i < a.rows(); ++i) {
      const auto one = [&](const RowTable& t) {
        const auto& column = t.columns[c];
        if (!column.valid.empty() && !column.valid[i]) return std::string("null");
        return std::visit(
            [&](const auto& values) {
              std::ostringstream text;
              if constexpr (std::is_same_v<std::remove_cvref_t<decltype(values[i])>, Addr>)
                for (const auto byte : values[i].bytes) text << static_cast<int>(byte) << ' ';
              else
                text << std::setprecision(17) << values[i];
              return text.str();
            },
            column.values);
      };
      if (one(a) != one(b)) return a.columns[c].name + ", row " + std::to_string(i) + ": " + one(a) + " and " + one(b);
    }
  return "names, types, units or docs of columns";
}

inline void append(RowTable& to, const RowTable& from) {
  if (to.columns.empty()) {
    to = from;
    return;
  }
  for (std::size_t c = 0; c < to.columns.size(); ++c) {
    auto& column = to.columns[c];
    const auto& more = from.columns[c];
    const std::size_t before = column.size();
    std::visit(
        [&](auto& values) {
          const auto& added = std::get<std::remove_reference_t<decltype(values)>>(more.values);
          values.insert(values.end(), added.begin(), added.end());
        },
        column.values);
    if (!column.valid.empty() || !more.valid.empty()) {
      if (column.valid.empty()) column.valid.assign(before, 1);
      for (std::size_t i = 0; i < more.size(); ++i) column.valid.push_back(more.valid.empty() ? 1 : more.valid[i]);
    }
  }
}

inline std::uint64_t sum_of(const RowTable& table, const std::string& column) {
  std::uint64_t sum = 0;
  const Column* found = table.find(column);
  if (!found) {
    ADD_FAILURE() << "no column " << column;
    return 0;
  }
  for (const auto v : std::get<std::vector<std::uint64_t>>(found->values)) sum += v;
  return sum;
}

}  // namespace mole::runtime::testing
