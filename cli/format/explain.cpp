#include "cli/format/explain.hpp"

#include "cli/format/document.hpp"
#include "cli/format/table.hpp"

namespace mole::cli {

using nlohmann::json;

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
  for (const auto& wait : field(explained, "waits_for")) line("waits for", text_of(wait));
  if (const auto& changed = field(explained, "changed"); changed.is_array() && !changed.empty()) {
    Table table({{"changed"}, {"was"}, {"is"}});
    for (const auto& part : changed) table.row({text_of(part, "part"), text_of(part, "was"), text_of(part, "is")});
    out += "\n" + table.text(style);
  }
  return out;
}

}  // namespace mole::cli
