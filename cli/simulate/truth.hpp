// simulated.json, the ground truth of a simulated archive, for checking decoders and metrics (docs/formats/simulated.md).
#pragma once

#include "cli/simulate/exporter.hpp"

#include <nlohmann/json.hpp>

namespace mole::cli {

struct FileTruth {
  HourOfRouter file;
  bool missing = false;   // the sequence number is used, but the file is not written
  ExportedHour exported;  // without `content`, which is in the file
  std::uint64_t content_bytes = 0, compressed_bytes = 0;
  nlohmann::json damage;  // null, or {"kind", "compressed": [from, to]} or {"kind", "content": [from, to]}
};

nlohmann::json spec_json(const SimulationSpec& spec);
std::string truth_text(const SimulationSpec& spec, const std::vector<FileTruth>& files);

}  // namespace mole::cli
