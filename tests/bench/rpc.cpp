// mole-bench-rpc: measures the coordinator's overhead over RocksDB.
//
//   mole-bench-rpc --dir DIR [--tasks N]
//     Four nodes lease and complete tasks durably through Thrift, in batches of 100. For comparison, RocksDB alone writes the
//     rows that this leaves in the store, for 100 tasks at a time.
//   mole-bench-rpc --dir DIR --store-only
//     Eight writers commit rows through the store, in batches of 100. For comparison, RocksDB alone writes the same rows.
//
// Both print {"ours": per second, "bare": per second, "ratio": ours / bare} and sync each batch.
//
//   mole-bench-rpc --dir DIR --queries [--tasks N]
//     Measures the median latency of `lease` over N planned blocks (default a million), with and without `plan` and `status`
//     called in a loop by other threads. Prints {"quiet": microseconds, "busy": microseconds, "ratio": busy / quiet}.
#include "coordinator/service.hpp"
#include "coordinator/store/keys.hpp"
#include "coordinator/wire/client.hpp"
#include "coordinator/wire/frame_server.hpp"
#include "sdk/descriptor/sidecar.hpp"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>

namespace {

using namespace mole;
using namespace mole::coordinator;
namespace fs = std::filesystem;

constexpr std::size_t batch_size = 100;
constexpr Micros day_zero = 946684800 * second_us;  // 2000-01-01
const std::string row_of_a_task(400, 'r');          // the approximate size of a catalogue row and its lineage
const std::string rows = "the rows of every block";

template <class T>
T need(Result<T> result) {
  if (result) {
    if constexpr (std::is_void_v<T>)
      return;
    else
      return std::move(*result);
  }
  std::fprintf(stderr, "mole-bench-rpc: %s\n", result.error().message.c_str());
  std::exit(1);
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// ---- RocksDB alone

using Rows = std::vector<std::pair<std::string, std::string>>;

// Writes all rows unchanged in batches of a fixed size; returns rows per second.
double bare_rows_per_second(const fs::path& dir, const Rows& all, std::size_t rows_per_batch) {
  rocksdb::DB* opened = nullptr;
  rocksdb::Options options;
  options.create_if_missing = true;
  if (!rocksdb::DB::Open(options, dir.string(), &opened).ok()) std::exit(1);
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const double seconds = seconds_of([&] {
    for (std::size_t at = 0; at < all.size(); at += rows_per_batch) {
      rocksdb::WriteBatch batch;
      for (std::size_t i = at; i < std::min(all.size(), at + rows_per_batch); ++i) batch.Put(all[i].first, all[i].second);
      if (!db->Write(synced, &batch).ok()) std::exit(1);
    }
  });
  return static_cast<double>(all.size()) / seconds;
}

Rows plain_rows(std::size_t count) {
  Rows out;
  for (std::size_t i = 0; i < count; ++i) out.emplace_back(store::keys::number(i), row_of_a_task);
  return out;
}

// ---- the store

double store_rows_per_second(const fs::path& dir, std::size_t count) {
  constexpr std::size_t writers = 8;
  const auto store = need(store::Store::open(dir, {.create = true, .failed = {}}));
  const double seconds = seconds_of([&] {
    std::vector<std::thread> threads;
    for (std::size_t writer = 0; writer < writers; ++writer)
      threads.emplace_back([&, writer] {
        for (std::size_t at = writer * batch_size; at < count; at += writers * batch_size) {
          store::Batch batch;
          for (std::size_t i = at; i < at + batch_size; ++i)
            batch.put(store::Table::events, store::keys::number(i), row_of_a_task);
          store->commit(batch);
        }
      });
    for (auto& thread : threads) thread.join();
  });
  return static_cast<double>(count) / seconds;
}

// ---- the coordinator through Thrift

Submission submission(const fs::path& dir, std::size_t blocks) {
  Submission s;
  s.manifest = R"(pipeline: bench
archives:
  flows: {downloader: directory, params: {root: .}, files: "{router}_{sequence}_{start:unix}.dat", covers: 1h, lateness: 1m, block: {length: 1h, origin: 00:00}}
modules:
  traffic: {plugin: traffic, input: {archive: flows}, interval: 15m}
)";
  s.manifest_name = "bench.yaml";
  s.base = dir.string();
  s.range = {day_zero, day_zero + static_cast<Micros>(blocks) * hour_us};
  s.partial = true;
  return s;
}

task::Report index_report(const task::Spec& spec, std::size_t blocks) {
  task::Report report;
  report.task = spec.id;
  for (std::size_t i = 0; i < blocks; ++i) {
    task::IndexEntry entry;
    entry.id = "1_" + std::to_string(i) + "_" + std::to_string(day_zero / second_us + static_cast<Micros>(i) * 3600) + ".dat";
    entry.size = 1000;
    entry.version = "1";
    report.index.push_back(std::move(entry));
  }
  return report;
}

task::Report compute_report(const task::Spec& spec) {
  task::Report report;
  report.task = spec.id;
  for (const auto& file : spec.files) {
    if (!file.present) continue;
    task::FileReport read;
    read.id = file.id;
    read.size = file.size;
    read.digest = digest_of(file.id);
    read.state = task::FileState::sound;
    report.files.push_back(std::move(read));
  }
  for (std::uint32_t i = 0; i < spec.steps.size(); ++i) {
    task::StepReport step;
    step.step = i;
    step.outcome = task::Outcome::done;
    step.coverage = step.coverage_min = 1;
    step.rows = 4;
    step.rows_blob = digest_of(rows);
    if (spec.steps[i].make_state) step.state_blob = digest_of(spec.steps[i].state_key.hex());
    step.lineage = {{"files", nlohmann::json::array()}};
    report.steps.push_back(std::move(step));
  }
  return report;
}

// A node that completes every task at once without running it.
class Node {
 public:
  Node(const Address& address, std::string name) : coordinator_(address), name_(std::move(name)) {
    need(coordinator_.register_node(
        {.name = name_, .incarnation = name_, .address = "tcp:127.0.0.1:9", .slots = batch_size, .threads = 1}));
  }
  // Returns the number of tasks it leased and completed.
  std::size_t round(std::uint32_t at_once, std::size_t blocks) {
    const auto specs = need(coordinator_.lease({.node = name_, .incarnation = name_, .free_slots = at_once, .held = {}}));
    std::vector<Completion> completions;
    for (const auto& spec : specs) {
      auto report = spec.kind == task::Kind::index ? index_report(spec, blocks) : compute_report(spec);
      completions.push_back({.node = name_, .incarnation = name_, .spec = spec, .report = std::move(report)});
    }
    if (!completions.empty()) need(coordinator_.complete(completions));
    return completions.size();
  }

 private:
  RemoteCoordinator coordinator_;
  const std::string name_;
};

// Returns the rows that `count` tasks wrote: catalogue, lineage, the file read, and a lease that was added and removed.
Rows rows_left(const fs::path& db, std::size_t count) {
  const auto store = need(store::Store::open(db, {}));
  std::vector<Rows> tables;
  for (const auto table : {store::Table::catalogue, store::Table::lineage, store::Table::files}) {
    auto& rows_of_table = tables.emplace_back();
    store->scan(table, "", "", [&](std::string_view key, std::string_view value) {
      rows_of_table.emplace_back(std::string(1, static_cast<char>('a' + tables.size())) + std::string(key), value);
      return true;
    });
  }
  Rows out;
  for (std::size_t i = 0; i < count; ++i) {
    for (const auto& table : tables)
      if (i < table.size()) out.push_back(table[i]);
    const auto lease = "l" + store::keys::number(i);
    out.emplace_back(lease, row_of_a_task);
    out.emplace_back(lease, "");
  }
  return out;
}

double tasks_per_second(const fs::path& dir, std::size_t count) {
  constexpr int nodes = 4;
  Config config;
  config.state = dir;
  config.create = true;
  config.plugins = plugin_folders();
  const auto service = need(Service::open(std::move(config)));
  FrameServer server(serve_coordinator(*service), {need(parse_address("unix:" + (dir / "bench.sock").string()))});
  need(server.start());
  const auto address = server.addresses().front();
  const auto accepted = need(service->submit(submission(dir, count)));
  need(service->put_blob(digest_of(rows), 0, rows, rows.size()));
  Node(address, "lister").round(1, count);
  const double seconds = seconds_of([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < nodes; ++i)
      threads.emplace_back([&, i] {
        Node node(address, "node" + std::to_string(i));
        while (node.round(batch_size, count) > 0) {
        }
      });
    for (auto& thread : threads) thread.join();
  });
  const auto request = need(service->request(accepted.id));
  if (request.jobs.done != count) {
    std::fprintf(stderr, "mole-bench-rpc: only %zu of %zu jobs are done\n", static_cast<std::size_t>(request.jobs.done), count);
    std::exit(1);
  }
  return static_cast<double>(count) / seconds;
}

// ---- leases during queries

// Median time of a lease that is released immediately.
double lease_microseconds(Service& service) {
  std::vector<double> times;
  for (int i = 0; i < 1'000; ++i) {
    std::vector<task::Spec> specs;
    times.push_back(1e6 * seconds_of([&] {
                      specs = need(service.lease({.node = "node", .incarnation = "node", .free_slots = 1, .held = {}}));
                    }));
    for (const auto& spec : specs) need(service.release("node", "node", {spec.id}));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

void measure_queries(const fs::path& dir, std::size_t blocks) {
  Config config;
  config.state = dir;
  config.create = true;
  config.plugins = plugin_folders();
  const auto service = need(Service::open(std::move(config)));
  const auto submitted = submission(dir, blocks);
  need(service->submit(submitted));
  need(service->register_node(
      {.name = "node", .incarnation = "node", .address = "tcp:127.0.0.1:9", .slots = batch_size, .threads = 1}));
  for (const auto& spec : need(service->lease({.node = "node", .incarnation = "node", .free_slots = 1, .held = {}})))
    need(service->complete({{.node = "node", .incarnation = "node", .spec = spec, .report = index_report(spec, blocks)}}));
  const auto quiet = lease_microseconds(*service);
  std::atomic<bool> measured = false;
  std::thread plans([&] {
    while (!measured) need(service->plan(submitted));
  });
  std::thread states([&] {
    while (!measured) need(service->status());
  });
  const auto busy = lease_microseconds(*service);
  measured = true;
  plans.join();
  states.join();
  std::printf("{\"quiet\": %.1f, \"busy\": %.1f, \"ratio\": %.4f}\n", quiet, busy, busy / quiet);
}

}  // namespace

int main(int argc, char** argv) {
  fs::path dir;
  std::size_t count = 0;
  bool store_only = false, queries = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--store-only")
      store_only = true;
    else if (option == "--queries")
      queries = true;
    else if (option == "--dir" && i + 1 < argc)
      dir = argv[++i];
    else if (option == "--tasks" && i + 1 < argc)
      count = std::strtoull(argv[++i], nullptr, 10) / batch_size * batch_size;
  }
  if (dir.empty()) return std::fputs("usage: mole-bench-rpc --dir DIR [--tasks N] [--store-only | --queries]\n", stderr), 2;
  if (count == 0) count = queries ? 1'000'000 : 5'000;
  auto name = (dir / "rpc-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return 1;
  const fs::path work = name;
  if (queries) {
    measure_queries(work / "state", count);
    fs::remove_all(work);
    return 0;
  }
  double ours = 0, bare = 0;
  if (store_only) {
    ours = store_rows_per_second(work / "store", count * 8);
    bare = bare_rows_per_second(work / "bare", plain_rows(count * 8), batch_size);
  } else {
    ours = tasks_per_second(work / "state", count);
    const auto left = rows_left(work / "state/db", count);
    const double rows_per_task = static_cast<double>(left.size()) / static_cast<double>(count);
    bare = bare_rows_per_second(work / "bare", left, left.size() * batch_size / count) / rows_per_task;
  }
  std::printf("{\"ours\": %.0f, \"bare\": %.0f, \"ratio\": %.4f}\n", ours, bare, ours / bare);
  fs::remove_all(work);
  return 0;
}
