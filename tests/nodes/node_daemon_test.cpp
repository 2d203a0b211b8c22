#include "nodes/daemon/node_daemon.hpp"

#include "coordinator/wire/peer.hpp"
#include "sdk/model/durable_file.hpp"
#include "tests/nodes/fake_coordinator.hpp"
#include "tests/support/eventually.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace mole::nodes {
namespace {

namespace fs = std::filesystem;
using testing::eventually;
using testing::FakeCoordinator;

// A shell script that acts as the worker. The filter of the first step selects its behaviour; as the sealing process it copies
// the files of `sealed`.
constexpr const char* worker_script = R"sh(#!/bin/sh
verb=$1; A=$2; here=$(dirname "$0")
kind=$(grep -o '"filter":"[a-z_]*"' "$A/spec.json" | head -n 1 | cut -d '"' -f 4)
record_call() {
  printf 'MCAL\001\000\005\000\001\000\000\000\007\000\000\000\021\000\000\000\000\000\000\000\001\000\000\000\000\000\000\000variance' > "$A/call"
  head -c 24 /dev/zero >> "$A/call"
}
case $verb in
--run)
  echo "$@" >> "$here/runs"
  case $kind in
    succeed)    printf complete >&3 ;;
    crash)      record_call; echo "last line"; kill -SEGV $$ ;;
    hang)       record_call; sleep 1000 ;;
    exit_early) record_call; exit 0 ;;
    wait)       touch "$here/waiting"; while [ ! -e "$here/go" ]; do sleep 0.02; done; printf complete >&3 ;;
  esac ;;
--seal)
  if [ "$kind" = seal_fails ]; then echo "no space"; exit 75; fi
  if [ "$(cat "$A/handover")" = complete ]; then cp "$here"/sealed/* "$A/out/"; sed -i "s/TASK/$(basename "$A")/" "$A/out/report.json"
  else cp "$here/incomplete.json" "$A/out/report.json"; fi ;;
--unseal) for f in "$A"/rows/*.parquet; do cp "$f" "${f%.parquet}.rows"; done; touch "$here/unsealed" ;;
esac
)sh";

class Daemon : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(worker_folder() / "sealed");
    std::ofstream(worker_folder() / "mole-worker") << worker_script;
    fs::permissions(worker_folder() / "mole-worker", fs::perms::owner_all);
    task::Report report;
    report.task = "TASK";
    for (std::uint32_t i = 0; i < 2; ++i) {
      report.steps.emplace_back();
      report.steps[i].step = i;
      report.steps[i].outcome = task::Outcome::not_run;
    }
    std::ofstream(worker_folder() / "incomplete.json") << nlohmann::json(report).dump();
    report.steps[0].outcome = report.steps[1].outcome = task::Outcome::done;
    report.steps[0].state_blob = digest_of("state");
    report.steps[1].rows_blob = digest_of("rows");
    std::ofstream(worker_folder() / "sealed/report.json") << nlohmann::json(report).dump();
    std::ofstream(worker_folder() / "sealed/step0.state") << "state";
    std::ofstream(worker_folder() / "sealed/step1.parquet") << "rows";

    options.folder = coordinator.folder / "node";
    options.worker = worker_folder() / "mole-worker";
    options.launcher = MOLE_LAUNCH;
    options.listen = "unix:" + (coordinator.folder / "states").string();
    options.poll_max = options.poll_min = 5'000;
    options.retry_limit = second_us;
  }
  void TearDown() override { finish_worker(); }

  fs::path worker_folder() const { return coordinator.folder / "worker"; }
  void start() {
    auto opened = NodeDaemon::open(options, *coordinator.client);
    ASSERT_TRUE(opened) << opened.error().message;
    node = std::move(*opened);
    ASSERT_TRUE(node->start());
  }
  void stop() {
    node->drain();
    node->wait();
    node.reset();
  }
  void add_task(const std::string& id, const std::string& scenario) { coordinator.add_task(spec(id, scenario)); }
  task::Spec spec(const std::string& id, const std::string& scenario) {
    task::Spec s;
    s.id = id;
    for (const std::string name : {"traffic", "variance"}) {
      task::Step step;
      step.pipeline = "p";
      step.filter = scenario;
      step.module = name;
      step.plugin = {.name = name, .version = "1.0.0", .library = digest_of("library"), .sidecar = "{}", .params = {}};
      s.steps.push_back(step);
    }
    coordinator.blobs.try_emplace(digest_of("library"), "library");  // not assigned: the daemon may be reading the map
    return s;
  }
  bool waiting() const { return fs::exists(worker_folder() / "waiting"); }
  void finish_worker() { std::ofstream(worker_folder() / "go") << ""; }
  bool done(std::size_t n = 1) {
    return eventually([&] { return coordinator.completed() >= n; });
  }
  std::size_t runs() {
    const auto text = read_file(worker_folder() / "runs");
    return text ? static_cast<std::size_t>(std::count(text->begin(), text->end(), '\n')) : 0;
  }

  FakeCoordinator coordinator;
  Options options;
  std::unique_ptr<NodeDaemon> node;
};

TEST_F(Daemon, RegistersWithItsNameAddressAndSlots) {
  options.slots = 3;
  options.threads = 2;
  start();
  EXPECT_TRUE(eventually([&] { return !coordinator.last_heartbeat().node.empty(); }));
  ASSERT_EQ(coordinator.nodes.size(), 1u);
  EXPECT_EQ(coordinator.nodes[0].name, node->name());
  EXPECT_EQ(coordinator.nodes[0].incarnation.size(), 32u);
  EXPECT_EQ(coordinator.nodes[0].address, options.listen);
  EXPECT_EQ(coordinator.nodes[0].slots, 3u);
  EXPECT_EQ(coordinator.nodes[0].threads, 2u);
}

TEST_F(Daemon, RegistersWithoutAccessToArchives) {
  options.fetches = 0;
  start();
  EXPECT_TRUE(eventually([&] { return !coordinator.last_heartbeat().node.empty(); }));
  EXPECT_EQ(coordinator.registered(0).cache_limit, 0U);
  EXPECT_EQ(coordinator.registered(0).copy_limit, options.cache_limit);
}

TEST_F(Daemon, RunsATaskFromLeaseToCompletion) {
  auto task = spec("1-1", "succeed");
  task.steps[0].inputs.emplace_back();
  task.steps[0].inputs[0].rows.push_back({.block = {}, .blob = digest_of("upstream")});
  coordinator.blobs[digest_of("upstream")] = "upstream";
  coordinator.add_task(task);
  start();
  ASSERT_TRUE(done());
  const auto completion = coordinator.completion();
  EXPECT_EQ(completion.node, node->name());
  EXPECT_EQ(completion.spec.id, "1-1");
  EXPECT_EQ(completion.report.task, "1-1");
  EXPECT_EQ(completion.report.code, task::FailureCode::none);
  EXPECT_EQ(completion.report.steps[1].outcome, task::Outcome::done);
  EXPECT_EQ(coordinator.blobs[digest_of("rows")], "rows");
  EXPECT_TRUE(fs::exists(worker_folder() / "unsealed"));
  const auto run = *read_file(worker_folder() / "runs");
  for (const std::string argument : {"--plugins ", "--columns on", "--threads 1"})
    EXPECT_NE(run.find(argument), std::string::npos) << run;
  EXPECT_EQ(run.find("--cache"), std::string::npos) << "it reads no archive: " << run;

  coordinator::PeerClient peer(*coordinator::parse_address(node->address()));
  EXPECT_EQ(*peer.get_blob(digest_of("state"), 0, 100), "state") << "other nodes can fetch the state here";
  EXPECT_TRUE(eventually([&] { return fs::is_empty(options.folder / "attempts") && fs::is_empty(options.folder / "finished"); }));
}

TEST_F(Daemon, RunsManyTasksInItsSlots) {
  options.slots = 4;
  for (int i = 0; i < 40; ++i) add_task("1-" + std::to_string(i), "succeed");
  start();
  ASSERT_TRUE(done(40));
  stop();
  EXPECT_EQ(runs(), 40u) << "each task runs once";
}

TEST_F(Daemon, NamesThePluginThatCrashed) {
  add_task("1-1", "crash");
  start();
  ASSERT_TRUE(done());
  const auto report = coordinator.completion().report;
  EXPECT_EQ(report.steps[0].outcome, task::Outcome::not_run);
  EXPECT_EQ(report.steps[1].outcome, task::Outcome::failed);
  EXPECT_EQ(report.steps[1].code, task::FailureCode::crashed);
  EXPECT_EQ(report.steps[1].message,
            "plugin variance 1.0.0, module p/variance, in add of batch 17: killed by signal 11 (SIGSEGV)");
  EXPECT_EQ(report.log_tail, "last line\n");
}

TEST_F(Daemon, KillsAHungWorkerAndContinues) {
  options.wall_limit = 200'000;
  add_task("1-1", "hang");
  start();
  ASSERT_TRUE(done());
  EXPECT_EQ(coordinator.completion().report.steps[1].code, task::FailureCode::hung);
  add_task("1-2", "succeed");
  ASSERT_TRUE(done(2));
  EXPECT_EQ(coordinator.completion(1).report.steps[1].outcome, task::Outcome::done);
}

TEST_F(Daemon, ReportsACrashIfAWorkerExitsWithZeroBeforeItHasRunAllSteps) {
  add_task("1-1", "exit_early");
  start();
  ASSERT_TRUE(done());
  EXPECT_EQ(coordinator.completion().report.steps[1].outcome, task::Outcome::failed);
  EXPECT_EQ(coordinator.completion().report.steps[1].code, task::FailureCode::crashed);
}

TEST_F(Daemon, ReportsThatItCannotSeal) {
  add_task("1-1", "seal_fails");
  start();
  ASSERT_TRUE(done());
  EXPECT_EQ(coordinator.completion().report.code, task::FailureCode::transient);
  EXPECT_EQ(coordinator.completion().report.log_tail, "no space\n");
}

TEST_F(Daemon, ReportsAStateThatNoNodeHas) {
  auto task = spec("1-1", "succeed");
  task.steps[0].states.push_back({.block = {}, .blob = digest_of("lost"), .nodes = {}});
  coordinator.add_task(task);
  start();
  ASSERT_TRUE(done());
  EXPECT_EQ(coordinator.completion().report.code, task::FailureCode::missing);
  EXPECT_NE(coordinator.completion().report.message.find(digest_of("lost").hex()), std::string::npos);
  EXPECT_EQ(runs(), 0u);
}

TEST_F(Daemon, ReportsHeldTasksInHeartbeats) {
  add_task("1-1", "wait");
  start();
  ASSERT_TRUE(eventually([&] {
    const auto heartbeat = coordinator.last_heartbeat();
    return heartbeat.tasks.size() == 1 && heartbeat.tasks[0].task == "1-1" && heartbeat.tasks[0].phase == "run";
  }));
  finish_worker();
  ASSERT_TRUE(done());
  EXPECT_TRUE(eventually([&] { return coordinator.last_heartbeat().tasks.empty(); }));
}

TEST_F(Daemon, ContinuesWhileTheCoordinatorIsUnreachable) {
  add_task("1-1", "wait");
  start();
  ASSERT_TRUE(eventually([&] { return waiting(); }));
  coordinator.stop();
  finish_worker();
  ASSERT_TRUE(eventually([&] { return fs::exists(options.folder / "finished/1-1/completion.json"); }));
  EXPECT_TRUE(eventually([&] { return fs::is_empty(options.folder / "attempts"); }));
  coordinator.start();
  ASSERT_TRUE(done());
  EXPECT_EQ(coordinator.blobs[digest_of("rows")], "rows");
  EXPECT_EQ(runs(), 1u);
}

TEST_F(Daemon, StartsBeforeItsCoordinator) {
  coordinator.stop();
  add_task("1-1", "succeed");
  start();
  coordinator.start();
  EXPECT_TRUE(done());
}

TEST_F(Daemon, ReregistersAfterACoordinatorRestartAndKeepsItsTasks) {
  add_task("1-1", "wait");
  start();
  ASSERT_TRUE(eventually([&] { return waiting(); }));
  {
    const std::lock_guard lock(coordinator.mutex);
    coordinator.heartbeat_reply.reregister = true;
    coordinator.heartbeats.clear();
  }
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(coordinator.mutex);
    return coordinator.nodes.size() == 2;
  }));
  EXPECT_EQ(coordinator.registered(0).incarnation, coordinator.registered(1).incarnation);
  ASSERT_TRUE(eventually([&] { return coordinator.last_heartbeat().tasks.size() == 1; }));
  finish_worker();
  ASSERT_TRUE(done());
  EXPECT_EQ(runs(), 1u);
}

TEST_F(Daemon, ReregistersWhenALeaseIsRefused) {
  coordinator.refuse_leases = true;
  start();
  add_task("1-1", "succeed");
  coordinator.refuse_leases = true;
  EXPECT_TRUE(done());
}

TEST_F(Daemon, StopsACancelledTaskAndRunsTheNext) {
  add_task("1-1", "hang");
  start();
  ASSERT_TRUE(eventually([&] { return runs() == 1; }));
  {
    const std::lock_guard lock(coordinator.mutex);
    coordinator.grants.clear();
    coordinator.heartbeat_reply.cancel = {"1-1"};
  }
  add_task("1-2", "succeed");
  ASSERT_TRUE(done());
  EXPECT_EQ(coordinator.completion().spec.id, "1-2");
}

TEST_F(Daemon, FinishesRunningTasksAndLeasesNoneWhenDraining) {
  add_task("1-1", "wait");
  start();
  ASSERT_TRUE(eventually([&] { return waiting(); }));
  node->drain();
  add_task("1-2", "succeed");
  EXPECT_TRUE(eventually([&] { return coordinator.last_heartbeat().draining; }));
  finish_worker();
  node->wait();
  EXPECT_EQ(coordinator.completed(), 1u);
  EXPECT_EQ(runs(), 1u);
}

TEST_F(Daemon, ReleasesTasksThatExceedTheDrainLimit) {
  options.drain_limit = 50'000;
  add_task("1-1", "hang");
  start();
  ASSERT_TRUE(eventually([&] { return runs() == 1; }));
  stop();
  const std::lock_guard lock(coordinator.mutex);
  ASSERT_EQ(coordinator.calls.size(), 1u);
  EXPECT_TRUE(coordinator.calls[0].starts_with("release node-"));
  EXPECT_TRUE(coordinator.calls[0].ends_with(" 1-1"));
  EXPECT_TRUE(coordinator.completions.empty());
}

TEST_F(Daemon, AbortsWhileDraining) {
  add_task("1-1", "hang");
  start();
  ASSERT_TRUE(eventually([&] { return runs() == 1; }));
  node->drain();
  node->abort();
  node->wait();
  EXPECT_EQ(coordinator.calls.size(), 1u);
}

TEST_F(Daemon, DrainsWithoutItsCoordinatorAndDeliversAfterARestart) {
  add_task("1-1", "wait");
  start();
  ASSERT_TRUE(eventually([&] { return waiting(); }));
  const auto first = coordinator.registered(0).incarnation;
  coordinator.stop();
  finish_worker();
  stop();
  EXPECT_TRUE(fs::exists(options.folder / "finished/1-1/completion.json"));
  coordinator.start();
  start();
  ASSERT_TRUE(done());
  EXPECT_NE(coordinator.completion().incarnation, first) << "a restarted daemon has a new incarnation";
  EXPECT_EQ(runs(), 1u);
}

TEST_F(Daemon, TellsItsLoad) {
  options.slots = 3;
  options.fetches = 2;
  options.cache_limit = 1'000;
  start();
  ASSERT_TRUE(eventually([&] { return coordinator.last_heartbeat().load.has_value(); }));
  EXPECT_EQ(*coordinator.last_heartbeat().load,
            (coordinator::NodeLoad{
                .cache_bytes = 0, .cache_limit = 1'000, .slots = 3, .busy_slots = 0, .fetches = 2, .busy_fetches = 0}));
  std::ofstream(options.folder / "cache" / (std::string(32, 'a') + ".file")) << "12345";
  add_task("1-1", "wait");
  ASSERT_TRUE(eventually([&] {
    const auto load = coordinator.last_heartbeat().load;
    return load->busy_slots == 1 && load->cache_bytes == 5;
  }));
  finish_worker();
  ASSERT_TRUE(eventually([&] { return coordinator.last_heartbeat().load->busy_slots == 0; }));
}

TEST_F(Daemon, LeasesNothingWhileTheCoordinatorDrainsIt) {
  coordinator.heartbeat_reply.drain = true;
  start();
  ASSERT_TRUE(eventually([&] { return !coordinator.last_heartbeat().node.empty(); }));
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(coordinator.mutex);
    return coordinator.heartbeats.size() > 2;
  }));
  add_task("1-1", "succeed");
  {
    const std::lock_guard lock(coordinator.mutex);
    coordinator.heartbeats.clear();
  }
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(coordinator.mutex);
    return coordinator.heartbeats.size() > 3;
  }));
  EXPECT_EQ(runs(), 0u);
  {
    const std::lock_guard lock(coordinator.mutex);
    coordinator.heartbeat_reply.drain = false;
  }
  EXPECT_TRUE(done());
}

TEST_F(Daemon, RejectsATaskWhoseIdIsAPath) {
  options.slots = 2;
  add_task("../../etc", "succeed");
  add_task("1-1", "succeed");
  start();
  ASSERT_TRUE(done());
  EXPECT_EQ(coordinator.completion().spec.id, "1-1");
}

TEST_F(Daemon, RefusesASecondDaemonOnItsFolder) {
  start();
  EXPECT_FALSE(NodeDaemon::open(options, *coordinator.client));
}

}  // namespace
}  // namespace mole::nodes
