// mole-worker --flows: the flows of files as text or frames of rows, through a decoder plugin (`mole flows`).
#pragma once

#include "nodes/worker/flow_printer.hpp"
#include "runtime/decode/content_source.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mole::nodes {

struct FlowsOptions {
  std::vector<std::filesystem::path> files;
  std::vector<int> columns;  // MOLE_COLUMN_*, in the order of printing
  FlowFormat format = FlowFormat::csv;
  TimeFormat times = TimeFormat::rfc3339;
  bool header = true;
  unsigned threads = 1;
  std::optional<std::filesystem::path> plugins;  // highest precedence
  std::optional<runtime::Bzip2Decoder> decode;   // empty: the usual one
  std::string decoder;                           // empty: the one that recognises the file
};

// "src_addr,bytes": names or their aliases; "*": every column. invalid: the unknown name and those there are.
Result<std::vector<int>> parse_flow_columns(std::string_view text);

// Prints to descriptor 1, what is damaged to stderr. Exit code: 0, 1 if a file cannot be read at all, else 3 if one is damaged.
int print_flows(const FlowsOptions& options);

}  // namespace mole::nodes
