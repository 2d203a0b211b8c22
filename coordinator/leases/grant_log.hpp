// Which tasks were granted to which nodes, so that only reports of granted tasks are believed.
#pragma once

#include "coordinator/tasks/fuse.hpp"
#include "coordinator/wire/node_api.hpp"

#include <deque>
#include <map>

namespace mole::coordinator::leases {

using tasks::Grant;

// Keeps the last 20,000 grants, those that have ended, too: a node may report long after its lease.
class GrantLog {
 public:
  void add(const Grant& grant, const std::string& node);
  // Whether this task was granted to the node that reports it, with the same kind, block and keys. A node may report under a
  // later incarnation than the one that got the task.
  bool has(const Completion& completion) const;

 private:
  struct Granted {
    std::string node;
    task::Kind kind = task::Kind::compute;
    TimeRange block;
    std::vector<tasks::GrantedStep> steps;
  };
  std::map<std::string, Granted> grants_;  // by task
  std::deque<std::string> order_;          // oldest first
};

}  // namespace mole::coordinator::leases
