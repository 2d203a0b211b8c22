// Formats the coordinator's documents and plugin descriptors as text for a terminal. Pure functions.
#pragma once

#include "cli/exit_code.hpp"
#include "cli/format/style.hpp"
#include "coordinator/wire/documents/documents.hpp"
#include "sdk/descriptor/sidecar.hpp"

#include <string>
#include <vector>

namespace mole::cli {

// ---- pipelines, plans and archives

std::string manifest_text(const coordinator::PipelineDescription& pipeline, const Style& style);
std::string plan_text(const coordinator::PlanReport& plan, const Style& style);
// Lists routing tables that do not cover the whole range or have unusable lines, one per line.
std::string table_warnings_text(const coordinator::PlanReport& plan);
// Lists messages about names in the archive, one per line.
std::string notes_text(const coordinator::PlanReport& plan);
// Lists names of which it is not known which are right, and counts the paths that are not used.
std::string names_text(const coordinator::ArchiveGaps& gaps, const Style& style);
// Lists the missing and damaged files of an archive, and its names as names_text.
std::string gaps_text(const coordinator::ArchiveGaps& gaps, const Style& style);

// Says why a misplaced file is not near the time in its name, and what to do.
std::string misplaced_text(const coordinator::DamagedFile& file);
// Returns the key `export_delay` of an archive in a manifest, as lines.
std::string export_delay_text(const ExportDelay& delay);

// "damaged, lost: 214 flows, exported from 2007-09-22T14:20:03Z to 2007-09-22T14:25:31Z"
std::string damage_text(const coordinator::DamagedFile& file);

// ---- requests

// Describes a request in several lines: state, job counts, coverage.
std::string request_text(const coordinator::RequestStatus& request, const Style& style);
// Describes each failure: job, plugin, block, message, and the last lines of the log.
std::string failures_text(const coordinator::RequestStatus& request, const Style& style);
// Returns the requests that users submitted, without those that commands submitted to prepare them.
std::vector<coordinator::RequestStatus> wanted_requests(std::vector<coordinator::RequestStatus> requests);
// Lists requests, one per line.
std::string requests_text(const std::vector<coordinator::RequestStatus>& requests, const Style& style);
// Returns the exit code of a command that waited for this request.
Exit exit_of_request(const coordinator::RequestStatus& request);

// ---- status: modules, nodes and requests

inline constexpr std::size_t strip_width = 60;  // characters per timeline
// Draws the part `span` of a timeline in `width` cells; a cell shows the worst state that overlaps it.
std::string strip_text(const std::vector<coordinator::StripPiece>& strip, TimeRange span, std::size_t width, const Style& style);
std::string status_text(const coordinator::ClusterStatus& status, bool only_map, const Style& style);

// ---- jobs and values

// Describes how the files of a task were read; "" if none were read.
std::string flows_from_text(const coordinator::FlowSources& flows);
// `options`: the options of a command that choose the same coordinator.
std::string explain_text(const coordinator::JobExplanation& explained, const Style& style, const std::string& options = "");
// Describes the lineage of a value: the module that computed it, the files it was computed from and their damage, and the same
// for the values it was computed from. `values`: the rows of the value (objects by column name), may be empty. `routers`: those
// whose files are listed; empty: all.
std::string why_text(const coordinator::Lineage& why, const nlohmann::json& values, const Style& style,
                     const std::vector<std::string>& routers = {});

// ---- plugins

std::string plugins_text(const std::vector<const CataloguedPlugin*>& plugins, const Style& style);
std::string plugin_page(const CataloguedPlugin& plugin, const Style& style);
// Returns the descriptor, with "library", "digest", "abi" and "compiler" added.
nlohmann::json plugin_json(const CataloguedPlugin& plugin);

}  // namespace mole::cli
