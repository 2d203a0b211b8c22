// Random faults of nodes, replies and the coordinator do not change the final catalogue.
#include "tests/coordinator/world.hpp"

#include <algorithm>
#include <random>

namespace mole::test {
namespace {

using nlohmann::json;

// `chain`, a sequential module with `since`, one with a warm-up, and a module with a window that reads one with a window.
// The keys contain the former place of the archive, because each World has its archive in another folder.
const std::string pipeline = replaced(chain, "covers: 1h", "moved_from: {params: {root: /archive}}\n    covers: 1h") +
                             R"(  silence: {plugin: longest_silence, input: {archive: flows}, interval: 15m, since: 2007-09-22T02}
  quiet:   {plugin: longest_silence, input: {archive: flows}, interval: 15m, warmup: 3h}
  trend:   {plugin: mean, inputs: {values: mean.bytes_mean}, window: 4h}
)";

std::map<std::string, std::string> catalogue_without_faults() {
  World world;
  world.add_files("1", 0, 21);
  world.add_files("2", 0, 21);
  world.remove_file("2", 7);
  EXPECT_EQ(world.run(world.submission(pipeline, "2007-09-22", "2007-09-22T20"))["state"], "COMPLETE");
  return world.catalogue();
}

class FaultyRun {
 public:
  explicit FaultyRun(std::uint64_t seed) : random_(seed) {
    world_.seed = seed;
    world_.reopen();
    world_.add_files("1", 0, 21);
    world_.add_files("2", 0, 21);
    world_.remove_file("2", 7);
  }

  std::map<std::string, std::string> run() {
    auto submission = world_.submission(pipeline, "2007-09-22", "2007-09-22T20");
    submission.client_id = "faults";
    submit(submission);
    auto small = world_.submission(pipeline, "2007-09-22T06", "2007-09-22T12");
    small.module = "variance";
    small.priority = 5;
    submit(small);
    for (int i = 0; i < 600; ++i) step();
    complete_without_faults();
    for (const auto& id : ids_) EXPECT_EQ(world_.request(id)["state"], "COMPLETE") << world_.request(id).dump(2);
    return world_.catalogue();
  }

 private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  std::string any_node() { return std::string(1, static_cast<char>('a' + random_() % 3)); }

  void submit(const coordinator::Submission& s) {
    const auto accepted = world_.client().submit(s);
    ASSERT_TRUE(accepted) << accepted.error().message;
    ids_.push_back((*accepted)["id"]);
  }

  void step() {
    const auto dice = random_() % 100;
    if (dice < 35)
      lease(any_node());
    else if (dice < 75)
      finish_one();
    else if (dice < 82)
      world_.clock += static_cast<Micros>(random_() % 20) * second_us;
    else if (dice < 85)
      world_.clock += 61 * second_us;  // leases expire, or the coordinator was blocked
    else if (dice < 90)
      crash_node(any_node());
    else if (dice < 93)
      restart();
    else if (dice < 97)
      beat(any_node());
    else
      lose_states(any_node());
  }

  void lease(const std::string& node) {
    std::vector<std::string> held;
    for (const auto& [id, task] : held_)
      if (task.first == node) held.push_back(id);
    const auto specs = world_.lease(node, 1 + static_cast<std::uint32_t>(random_() % 3), held);
    if (chance(10)) return;  // the reply is lost
    for (const auto& spec : specs) held_[spec.id] = {node, spec};
  }

  void finish_one() {
    if (held_.empty()) return;
    auto at = held_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_() % held_.size()));
    const auto [node, spec] = at->second;
    auto done = outcome(node, spec);
    const auto verdict = world_.complete(done);
    if (verdict == "accepted" || verdict == "duplicate") keep_states(node, done);
    if (chance(85)) held_.erase(at);  // else the reply is lost, and the completion is sent again
  }

  coordinator::Completion outcome(const std::string& node, const task::Spec& spec) {
    auto done = world_.compute(node, spec);
    for (const auto& step : spec.steps)
      for (const auto& state : step.states)
        if (!anyone_has(state)) {
          done.report.steps.clear();
          done.report.code = task::FailureCode::missing;
          done.report.message = "no node holds a state";
          done.report.missing_blobs = {state.blob};
          return done;
        }
    if (!chance(8) || spec.steps.empty() || !faults_) return done;
    if (chance(50)) {  // a failure of the machine, not of a step
      done.report.steps.clear();
      done.report.code = task::FailureCode::transient;
      done.report.message = "disk error";
      return done;
    }
    const auto failing = random_() % done.report.steps.size();
    auto& step = done.report.steps[failing];
    step = {};
    step.step = static_cast<std::uint32_t>(failing);
    step.outcome = task::Outcome::failed;
    step.code = task::FailureCode::transient;
    step.message = "random fault";
    for (auto i = failing + 1; i < done.report.steps.size(); ++i) {
      done.report.steps[i] = {};
      done.report.steps[i].step = static_cast<std::uint32_t>(i);
      done.report.steps[i].outcome = task::Outcome::not_run;
    }
    return done;
  }

  bool anyone_has(const task::StateRef& state) {
    return std::any_of(state.nodes.begin(), state.nodes.end(), [&](const std::string& address) {
      return states_[address.substr(address.find('/') + 1)].contains(state.blob);
    });
  }

  void keep_states(const std::string& node, const coordinator::Completion& done) {
    for (const auto& step : done.report.steps)
      if (!step.state_blob.empty()) states_[node].insert(step.state_blob);
  }

  void crash_node(const std::string& node) {
    std::erase_if(held_, [&](const auto& entry) { return entry.second.first == node; });
    world_.join(node, node + std::to_string(random_()));
  }

  void lose_states(const std::string& node) { states_[node].clear(); }

  void restart() { world_.reopen(); }

  void beat(const std::string& node) {
    if (!world_.incarnation.contains(node)) return;
    coordinator::Heartbeat beat{node, world_.incarnation[node], {}, false};
    for (const auto& [id, task] : held_)
      if (task.first == node) beat.tasks.push_back({id, "run", 0, 0, 0});
    const auto reply = world_.service().heartbeat(beat);
    ASSERT_TRUE(reply);
    for (const auto& id : reply->cancel) held_.erase(id);
    if (reply->reregister) world_.join(node, world_.incarnation[node]);
  }

  // After the last fault, everything must complete.
  void complete_without_faults() {
    faults_ = false;
    for (int i = 0; i < 3000; ++i) {
      world_.clock += 5 * second_us;
      for (const auto* node : {"a", "b", "c"}) {
        beat(node);
        lease(node);
      }
      while (!held_.empty()) finish_one();
      if (std::all_of(ids_.begin(), ids_.end(), [&](const auto& id) { return world_.request(id)["state"] != "RUNNING"; })) return;
    }
  }

  World world_;
  std::mt19937_64 random_;
  std::vector<std::string> ids_;
  std::map<std::string, std::pair<std::string, task::Spec>> held_;
  std::map<std::string, std::set<Digest>> states_;  // on each node's disk
  bool faults_ = true;
};

std::string difference(const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b) {
  std::string out;
  for (const auto& [job, rows] : b)
    if (const auto found = a.find(job); found == a.end() || found->second != rows)
      out += job + (found == a.end() ? " is missing " : " differs ");
  for (const auto& [job, rows] : a)
    if (!b.contains(job)) out += job + " is unexpected ";
  return out;
}

TEST(RandomFaults, DoNotChangeTheCatalogue) {
  const auto expected = catalogue_without_faults();
  EXPECT_EQ(expected.size(), 59u);
  const char* last = std::getenv("MOLE_LAST_FAULT_SEED");
  const std::uint64_t last_seed = last ? std::strtoull(last, nullptr, 10) : 5;
  const char* first = std::getenv("MOLE_FIRST_FAULT_SEED");
  for (std::uint64_t seed = first ? std::strtoull(first, nullptr, 10) : 1; seed <= last_seed; ++seed) {
    EXPECT_EQ(difference(FaultyRun(seed).run(), expected), "") << "seed " << seed;
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace mole::test
