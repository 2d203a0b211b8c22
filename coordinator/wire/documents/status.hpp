// The document that the call `status` returns.
#pragma once

#include "coordinator/wire/documents/load.hpp"
#include "coordinator/wire/documents/request.hpp"

namespace mole::coordinator {

struct NodeStatus {
  std::string name, address;
  std::uint32_t slots = 0, threads = 0;
  std::uint64_t leases = 0;
  std::int64_t heard_seconds_ago = 0;
  NodeState state = NodeState::online;
  std::string reason = {};
  std::vector<SandboxPart> sandbox = {};

  bool operator==(const NodeStatus&) const = default;
  static constexpr auto table = document(
      "NodeStatus", "A node.",  //
      field("name", &NodeStatus::name, "Name"), field("address", &NodeStatus::address, "Where other nodes fetch its states"),
      field("slots", &NodeStatus::slots, "Tasks it runs concurrently"),
      field("threads", &NodeStatus::threads, "Threads of a task"), field("leases", &NodeStatus::leases, "Tasks it holds"),
      field("heard_seconds_ago", &NodeStatus::heard_seconds_ago, "Time since its last message").unit("s"),
      field("state", &NodeStatus::state, "State"),
      field("reason", &NodeStatus::reason, "Why it takes no tasks, and what to do; absent: it takes some").optional(),
      field("sandbox", &NodeStatus::sandbox, "What separates its workers from the rest of its machine").optional());
};

struct StripPiece {
  Micros from = 0, to = 0;
  JobState state = JobState::done;

  bool operator==(const StripPiece&) const = default;
  static constexpr auto table = document("StripPiece", "Adjacent blocks in the same state.",  //
                                         time_field("from", &StripPiece::from, "Start"), time_field("to", &StripPiece::to, "End"),
                                         field("state", &StripPiece::state, "State of the blocks"));
};

struct ModuleStrip {
  std::string module;
  JobState state = JobState::empty;
  std::map<JobState, std::uint64_t> blocks;
  std::vector<StripPiece> strip;
  std::string what_if = {};
  std::vector<std::string> overrides = {};

  bool operator==(const ModuleStrip&) const = default;
  static constexpr auto table = document(
      "ModuleStrip", "A module and the timeline of its blocks.",  //
      field("module", &ModuleStrip::module, "`PIPELINE/MODULE`"),
      field("state", &ModuleStrip::state,
            "The first of `running`, `failed`, `blocked`, `ready`, `waiting`, `partial`, `done` that some block has; `empty` "
            "if there are no blocks"),
      field("blocks", &ModuleStrip::blocks, "Number of blocks by state"),
      field("strip", &ModuleStrip::strip, "The timeline, at most 2000 pieces"),
      field("what_if", &ModuleStrip::what_if, "In `variants`: the request whose results these are").optional(),
      field("overrides", &ModuleStrip::overrides, "In `variants`: its `--set` options; absent: a changed manifest").optional());
};

struct ClusterStatus {
  std::vector<NodeStatus> nodes;
  std::vector<ModuleStrip> modules;
  std::vector<RequestStatus> requests;
  std::uint64_t leases = 0, epoch = 0;
  std::vector<TaskStatus> tasks;
  std::vector<ModuleStrip> variants = {};
  BoundStatus bound = {};
  std::string no_work = {};

  bool operator==(const ClusterStatus&) const = default;
  static constexpr auto table =
      document("ClusterStatus", "The state of the whole cluster.",  //
               field("nodes", &ClusterStatus::nodes, "Nodes"), field("modules", &ClusterStatus::modules, "Modules"),
               field("requests", &ClusterStatus::requests, "The latest 200 requests"),
               field("leases", &ClusterStatus::leases, "Leased tasks"),
               field("epoch", &ClusterStatus::epoch, "Number of starts of the coordinator"),
               field("tasks", &ClusterStatus::tasks, "Leased tasks; absent: none").optional(),
               field("variants", &ClusterStatus::variants,
                     "Results beside those of the manifest: with `--set` options, and of a changed manifest that is not complete")
                   .optional(),
               field("bound", &ClusterStatus::bound, "What limits the speed").optional(),
               field("no_work", &ClusterStatus::no_work, "Why no new work is accepted; absent: it is accepted").optional());
};

}  // namespace mole::coordinator
