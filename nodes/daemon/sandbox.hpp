// What separates the processes of an attempt from the rest of the machine (docs/decisions/0214).
#pragma once

#include "nodes/daemon/folder.hpp"
#include "nodes/daemon/options.hpp"
#include "nodes/process/child.hpp"
#include "sdk/model/task.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mole::nodes {

// Returns the parts of the sandbox that work on this machine, by starting the worker with each of them; always the limits.
// invalid: Options::require_sandbox, and one of Options::sandbox does not work.
Result<std::vector<SandboxPart>> probe_sandbox(const Options& options);

// Returns the cgroups of the node's workers, for Options::groups; null if there can be none or Options::sandbox does not want
// them. invalid: Options::require_sandbox, and there can be none.
Result<std::shared_ptr<Cgroups>> open_groups(const Options& options);

bool has(const std::vector<SandboxPart>& parts, SandboxPart part);

// Whether the task reaches its archive by the network. All downloaders but `directory` do.
bool needs_network(const task::Spec& spec);

// Whether the task runs downloaders and no other plugins.
bool runs_downloaders_only(const task::Spec& spec);
// Whether another process than the worker stages the files of the task (staging_process.hpp).
bool is_staged_apart(const task::Spec& spec);

// Of the worker: it reads its libraries and what was placed in its attempt folder, and writes its scratch files and its call
// record. If it runs downloaders only, it also writes the cache, and what it has found. `attempt`: its folder.
Sandbox worker_sandbox(const Options& options, const NodeFolder& node, const task::Spec& spec,
                       const std::filesystem::path& attempt);
// Of the process that stages its files. `folder`: of this process.
Sandbox staging_sandbox(const Options& options, const NodeFolder& node, const task::Spec& spec,
                        const std::filesystem::path& attempt, const std::filesystem::path& folder);

// Of the sealing process, which runs no plugin but reads what one has left: it writes nothing outside the attempt folder.
Sandbox sealer_sandbox(const Options& options, const std::filesystem::path& attempt);

}  // namespace mole::nodes
