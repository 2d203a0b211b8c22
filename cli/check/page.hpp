#pragma once

#include "cli/check/findings.hpp"
#include "cli/format/style.hpp"

namespace mole::cli {

// Formats a check as one page of text. `declared`: the archive in the manifest.
std::string check_text(const ArchiveCheck& check, const coordinator::manifest::Archive& declared, const Style& style);

}  // namespace mole::cli
