// simulated.json: what a simulated archive holds, for whoever checks a decoder or a metric (docs/formats/simulated.md).
#pragma once

#include "cli/simulate/exporter.hpp"

#include <nlohmann/json.hpp>

namespace mole::cli {

struct FileTruth {
  HourOfRouter file;
  bool missing = false;   // its number is used up, the file is not there
  ExportedHour exported;  // `content` is empty: it was written
  std::uint64_t content_bytes = 0, compressed_bytes = 0;
  nlohmann::json damage;  // null, or {"kind", "compressed": [from, to]} or {"kind", "content": [from, to]}
};

nlohmann::json spec_json(const SimulationSpec& spec);
std::string truth_text(const SimulationSpec& spec, const std::vector<FileTruth>& files);

}  // namespace mole::cli
