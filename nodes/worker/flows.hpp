// mole-worker --flows: prints the flows of files as text or frames of rows, through a decoder plugin (`mole flows`).
#pragma once

#include "nodes/worker/flow_output.hpp"
#include "runtime/decode/content_source.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace mole::nodes {

struct FlowsOptions {
  std::vector<std::filesystem::path> files;
  std::vector<int> columns;  // MOLE_COLUMN_*, in output order
  FlowFormat format = FlowFormat::csv;
  TimeFormat times = TimeFormat::rfc3339;
  unsigned threads = 1;
  std::filesystem::path plugins;  // searched before all other folders; empty: none
  Bzip2Decoder decode = Bzip2Decoder::interleaved;
  std::string decoder;  // empty: the one that recognises the file
};

// Parses "src_addr,bytes", names or aliases; "*" means every column. invalid: lists the known names.
Result<std::vector<int>> parse_flow_columns(std::string_view text);

// Prints flows to stdout and damage to stderr. Returns the exit code: 0; 1 if a file cannot be read at all; 3 if one is damaged.
int print_flows(const FlowsOptions& options);

}  // namespace mole::nodes
