// Reads the export times of files, with a mole-worker, because only workers load plugins.
#pragma once

#include "cli/context.hpp"
#include "sdk/model/task.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace mole::cli {

// Returns the report on each of these files in `folder`, in their order, with its relative name as the id. Files that cannot be
// opened are left out. `decoder`: empty: the content of each file decides. `export_time`: what its export times are.
Result<std::vector<task::FileReport>> read_contents(const Context& context, const std::filesystem::path& folder,
                                                    const std::vector<std::string>& names, const std::string& decoder,
                                                    ExportTime export_time);

// Returns at most `count` of the names, spread evenly, and of at most `bytes` (but at least two). The names are in order.
std::vector<std::string> sample_of(const std::filesystem::path& folder, const std::vector<std::string>& names, std::size_t count,
                                   std::uint64_t bytes);

}  // namespace mole::cli
