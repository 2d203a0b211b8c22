// A task that was leased to a node, identified by keys. spec_builder turns it into a task::Spec.
#pragma once

#include "coordinator/tasks/fuse.hpp"

#include <string>

namespace mole::coordinator::tasks {

// One block of one module, for any number of requests.
struct JobKey {
  Digest fingerprint;
  Micros from = 0;
  auto operator<=>(const JobKey&) const = default;
};

struct GrantedStep {
  FusedStep step;
  JobKey job;
  Digest state_key, result_key;
};

struct Grant {
  std::string id;  // "<epoch>-<seq>"
  std::uint64_t epoch = 0, seq = 0;
  task::Kind kind = task::Kind::compute;
  std::uint64_t request = 0;
  std::uint64_t archive_task = 0;  // index, verify
  BlockRef ref;                    // compute, merge
  TimeRange block;
  std::vector<GrantedStep> steps;
};

}  // namespace mole::coordinator::tasks
