// A scheduler with files on tapes, and nodes that fetch, serve and copy them.
#pragma once

#include "coordinator/leases/scheduler.hpp"
#include "coordinator/tasks/spec_builder.hpp"
#include "sdk/model/kept_columns.hpp"

#include <gtest/gtest.h>

namespace mole::test {

using namespace coordinator;
using jobs::Flag;

inline constexpr std::size_t blocks = 4;

// One file per block of an hour; the first two on tape A, the others on tape B.
inline jobs::Plan plan_of(bool on_tapes = true, const std::string& module_name = "traffic") {
  auto graph = std::make_shared<dag::Graph>();
  graph->pipeline = "p";
  graph->archives.resize(1);
  graph->archives[0].name = "flows";
  graph->archives[0].lateness = 0;
  auto& module = graph->modules.emplace_back();
  module.name = module_name;
  module.fingerprint = digest_of(module_name);
  module.inputs.resize(1);
  std::vector<task::File> files;
  for (std::size_t b = 0; b < blocks; ++b) {
    task::File file;
    file.id = "file" + std::to_string(b);
    file.size = 1000;
    file.covers = {static_cast<Micros>(b) * hour_us, static_cast<Micros>(b + 1) * hour_us};
    if (on_tapes) file.medium = b < 2 ? "A" : "B";
    file.position = b;
    files.push_back(std::move(file));
  }
  jobs::Plan plan;
  plan.grids = {{hour_us, 0}};
  plan.indexes = {std::make_shared<const jobs::ArchiveIndex>(std::move(files), hour_us)};
  auto& planned = plan.modules.emplace_back();
  planned.flags.assign(blocks, Flag::requested | Flag::needs_result);
  planned.state_keys.assign(blocks, digest_of(std::string_view("state")));
  planned.result_keys.assign(blocks, digest_of(std::string_view("result")));
  plan.graph = std::move(graph);
  return plan;
}

class StagingTest : public testing::Test {
 protected:
  void add_node(const std::string& name, std::uint64_t cache_limit) {
    NodeInfo info;
    info.name = info.incarnation = name;
    info.cache_limit = cache_limit;
    scheduler.register_node(info, now);
  }
  // A node that does not reach the archive. Nodes that serve their files to it need an address.
  void add_copying_node(const std::string& name, std::uint64_t copy_limit = 100'000) {
    NodeInfo info;
    info.name = info.incarnation = name;
    info.copy_limit = copy_limit;
    scheduler.register_node(info, now);
  }
  void add_serving_node(const std::string& name, std::uint64_t cache_limit = 100'000) {
    NodeInfo info;
    info.name = info.incarnation = name;
    info.cache_limit = cache_limit;
    info.address = "unix:/" + name;
    scheduler.register_node(info, now);
  }
  // Node a fetches the files of the first tape, and computes a block so that its slot is busy.
  leases::Grant stage_first_tape() {
    scheduler.set_plan(1, 0, plan_of());
    const auto fetch = lease("a", 0, 1);
    scheduler.complete(fetched(fetch.at(0), {0, 1}), now, random);
    return lease("a", 1, 0).at(0);
  }
  // A task of node b that ended before its worker began.
  Completion ended(const leases::Grant& grant, task::FailureCode code, bool unstaged) {
    auto done = computed(grant);
    done.node = done.incarnation = "b";
    done.spec.archive.emplace().name = "flows";
    done.spec.files.push_back(plan.indexes[0]->files()[static_cast<std::size_t>(grant.ref.number)].file);
    done.spec.peers.push_back({0, "unix:/a"});
    done.report.steps.clear();
    done.report.code = code;
    if (unstaged) done.report.unstaged.push_back(done.spec.files[0].id);
    return done;
  }
  std::vector<leases::Grant> lease(const std::string& node, std::uint32_t slots, std::uint32_t fetches) {
    LeaseRequest request{node, node, slots, held, fetches};
    auto grants = *scheduler.lease(request, now);
    for (const auto& grant : grants) held.push_back(grant.id);
    return grants;
  }
  Completion fetched(const leases::Grant& grant, const std::vector<std::size_t>& files, const std::string& node = "a") {
    Completion done;
    done.node = done.incarnation = node;
    done.spec.id = done.report.task = grant.id;
    done.spec.kind = task::Kind::fetch;
    done.spec.archive.emplace().name = "flows";
    for (const auto number : files) {
      done.spec.files.push_back(plan.indexes[0]->files()[number].file);
      task::FetchReport report;
      report.id = done.spec.files.back().id;
      report.outcome = task::FetchOutcome::fetched;
      done.report.fetched.push_back(report);
    }
    return done;
  }
  Completion computed(const leases::Grant& grant) {
    Completion done;
    done.node = done.incarnation = "a";
    done.spec.id = done.report.task = grant.id;
    done.spec.block = grant.block;
    auto& step = done.spec.steps.emplace_back();
    step.fingerprint = grant.steps[0].job.fingerprint;
    step.make_result = true;
    step.result_key = grant.steps[0].result_key;
    auto& report = done.report.steps.emplace_back();
    report.outcome = task::Outcome::done;
    report.rows_blob = digest_of(std::string_view("rows"));
    return done;
  }

  Micros now = hour_us;
  leases::Random random{1};
  jobs::Plan plan = plan_of();
  leases::Scheduler scheduler{{}, 1};
  std::vector<std::string> held;
};

}  // namespace mole::test
