// Formats plans and the gaps of archives.
#pragma once

#include "cli/format/style.hpp"
#include "coordinator/wire/documents/archive.hpp"
#include "coordinator/wire/documents/plan.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

std::string plan_text(const coordinator::PlanReport& plan, const Style& style);

// Lists routing tables that do not cover the whole range, one per line.
std::string missing_tables_text(const coordinator::PlanReport& plan);

// Lists the missing and damaged files of an archive.
std::string gaps_text(const coordinator::ArchiveGaps& gaps, const Style& style);

// Returns "compressed bytes [10, 20) block checksum, [30, 40)" for `of` = "compressed bytes"; "" without ranges.
std::string lost_ranges_text(std::string_view of, const std::vector<coordinator::LostRange>& ranges);

}  // namespace mole::cli
