// Arguments that several commands share.
#pragma once

#include "coordinator/wire/client_api.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace mole::cli {

// --from T --to T, or a positional RANGE ("A/B", "A/P7D").
struct RangeArgs {
  std::string from, to, range;
  bool given() const { return !from.empty() || !to.empty() || !range.empty(); }
};
enum class Range { required, optional };
// `positional`: RANGE may also stand on its own. A wrong time is a usage error.
void add_range_options(CLI::App& command, RangeArgs& args, Range kind, bool positional);
// The range; without any option: everything. The options were validated when they were read.
TimeRange range_of(const RangeArgs& args);

// --where COLUMN=VALUE,... for cli/export/selection.hpp.
void add_where_option(CLI::App& command, std::vector<std::string>& texts);
// --rate.
void add_rate_option(CLI::App& command, bool& rate);

// A manifest and what to change in it.
struct PipelineArgs {
  std::string manifest;
  std::vector<std::string> overrides;
};
void add_pipeline_options(CLI::App& command, PipelineArgs& args);
// Reads the manifest. missing: it is not there or cannot be read.
Result<coordinator::Submission> submission_of(const PipelineArgs& args);

// A name no other submission has.
std::string fresh_client_id();

// For options that are times, durations or sizes ("512MiB", "4G"): a malformed one is a usage error.
CLI::Validator time_validator();
CLI::Validator duration_validator();
Result<std::uint64_t> parse_size(std::string_view text);
CLI::Validator size_validator();

}  // namespace mole::cli
