// Findings from the contents of files: damage, export times, exporters.
#pragma once

#include "cli/check/findings.hpp"

namespace mole::cli {

void add_content_findings(const coordinator::manifest::Archive& declared, const coordinator::ArchiveGaps& gaps,
                          const std::vector<coordinator::ArchiveFile>& files, const coordinator::RequestStatus& contents,
                          std::vector<Finding>& findings);

}  // namespace mole::cli
