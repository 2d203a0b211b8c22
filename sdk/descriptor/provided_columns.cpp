#include "sdk/descriptor/provided_columns.hpp"

#include "sdk/model/flow_columns.hpp"

#include <algorithm>

namespace mole {
namespace {

// Whether lines of KEY=NAME say that the files do not have the column: its name is empty.
bool maps_to_nothing(std::string_view lines, int column) {
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    if (line.ends_with('=') && flow_column_named(line.substr(0, line.size() - 1)) == column) return true;
  }
  return false;
}

}  // namespace

bool provides(const Descriptor& decoder, const nlohmann::json& params, std::string_view column) {
  const int number = flow_column_named(column);
  for (const auto& param : decoder.params)  // a table without ends has durations, or is not read
    if (number != MOLE_COLUMN_END && param.format == "columns" && params.contains(param.name) && params[param.name].is_string() &&
        maps_to_nothing(params[param.name].get_ref<const std::string&>(), number))
      return false;
  const auto writes = [&](std::string_view name) { return std::ranges::find(decoder.writes, name) != decoder.writes.end(); };
  return is_element_column(number) ? writes("elements") : decoder.writes.empty() || writes(column);
}

}  // namespace mole
