// Grant -> task::Spec: replaces keys with blob digests and node addresses.
#pragma once

#include "coordinator/tasks/fuse.hpp"

namespace mole::coordinator::tasks {

// Lookups that the builder needs.
struct SpecSources {
  std::function<std::optional<store::CatalogueRow>(const JobKey&)> catalogue;
  std::function<std::string(std::uint32_t node)> address;  // empty: not reachable
};

// missing: a row the plan relies on has changed; plan again.
Result<task::Spec> build_spec(const Grant& grant, const jobs::Plan& plan, const SpecSources& sources);

// Returns an archive as tasks describe it.
task::Archive archive_of(const dag::Archive& archive);

// For the kinds index and verify. `files` is empty for index.
task::Spec build_archive_spec(const Grant& grant, const dag::Archive& archive, std::vector<task::File> files);

}  // namespace mole::coordinator::tasks
