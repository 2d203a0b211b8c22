// Findings from the listing of an archive: names, times and sizes.
#pragma once

#include "cli/check/findings.hpp"

namespace mole::cli {

void add_name_findings(const coordinator::manifest::Archive& declared, const std::vector<coordinator::ArchiveFile>& files,
                       const coordinator::ArchiveGaps& gaps, std::vector<Finding>& findings);
void add_size_findings(const std::vector<coordinator::ArchiveFile>& files, std::vector<Finding>& findings);

// Keeps the first few examples.
inline constexpr std::size_t max_examples = 5;
void add_example(Finding& finding, std::string example);

}  // namespace mole::cli
