#include "cli/format/explain.hpp"

#include "cli/format/document.hpp"
#include "cli/format/human.hpp"
#include "cli/format/table.hpp"

#include <fmt/format.h>

namespace mole::cli {

using nlohmann::json;

std::string flows_from_text(const json& flows_from) {
  const auto decoded = count_of(flows_from, "archive"), kept = count_of(flows_from, "columns");
  if (decoded + kept == 0) return "";
  if (kept == 0) return fmt::format("decoded from {}", human_number(decoded, "file", "files"));
  auto text = fmt::format("of {} read from the columns the node kept of an earlier decode", human_number(kept, "file", "files"));
  if (decoded > 0) text += fmt::format(", of {} decoded", human_count(decoded));
  return text;
}

std::string explain_text(const json& explained, const Style& style) {
  std::string out;
  const auto line = [&](std::string name, const std::string& value) {
    if (value.empty()) return;
    name.resize(14, ' ');
    out += name + value + '\n';
  };
  line("job", style.paint(Paint::bold, text_of(explained, "job")));
  line("state", text_of(explained, "state"));
  line("reason", text_of(explained, "reason"));
  line("fingerprint", text_of(explained, "fingerprint"));
  line("state key", text_of(explained, "state_key"));
  const auto key = text_of(explained, "result_key"), stored = text_of(explained, "stored_result_key");
  line("result key", key);
  if (stored != key) line("stored key", stored);
  line("flows", flows_from_text(field(explained, "flows_from")));
  for (const auto& wait : field(explained, "waits_for")) line("waits for", text_of(wait));
  if (const auto& changed = field(explained, "changed"); changed.is_array() && !changed.empty()) {
    Table table({{"changed"}, {"was"}, {"is"}});
    for (const auto& part : changed) table.row({text_of(part, "part"), text_of(part, "was"), text_of(part, "is")});
    out += "\n" + table.text(style);
  }
  return out;
}

}  // namespace mole::cli
