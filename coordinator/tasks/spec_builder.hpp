// Grant -> task::Spec: keys become digests of blobs and addresses of nodes.
#pragma once

#include "coordinator/store/rows.hpp"
#include "coordinator/tasks/grant.hpp"

#include <functional>
#include <optional>
#include <string>

namespace mole::coordinator::tasks {

// What the builder looks up.
struct SpecSources {
  std::function<std::optional<store::CatalogueRow>(const JobKey&)> catalogue;
  std::function<std::string(std::uint32_t node)> address;  // empty: nowhere to be reached
};

// missing: a row the plan counted on is not as planned any more; plan again.
Result<task::Spec> build_spec(const Grant& grant, const jobs::Plan& plan, const SpecSources& sources);

// "index" and "verify". `files`: verify.
task::Spec build_archive_spec(const Grant& grant, const dag::Archive& archive, std::vector<task::File> files);

}  // namespace mole::coordinator::tasks
