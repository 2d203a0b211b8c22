#include "cli/format/explain.hpp"

#include "cli/format/human.hpp"
#include "cli/format/table.hpp"

#include <fmt/format.h>

namespace mole::cli {

std::string flows_from_text(const coordinator::FlowSources& flows) {
  std::string text;
  if (flows.columns > 0) text = "read from cached columns of " + human_number(flows.columns, "file", "files");
  if (flows.archive > 0) text += (text.empty() ? "" : ", ") + ("decoded from " + human_number(flows.archive, "file", "files"));
  return text;
}

std::string explain_text(const coordinator::JobExplanation& explained, const Style& style) {
  std::string out;
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("{:<14}{}\n", name, value);
  };
  const auto hex = [](const Digest& digest) { return digest.empty() ? std::string() : digest.hex(); };
  line("job", style.paint(Paint::bold, printable(explained.job)));
  line("state", std::string(word_of(explained.state)));
  line("reason", printable(explained.reason));
  line("fingerprint", hex(explained.fingerprint));
  line("state key", hex(explained.state_key));
  line("result key", hex(explained.result_key));
  if (explained.stored_result_key != explained.result_key) line("stored key", hex(explained.stored_result_key));
  if (explained.flows_from) line("flows", flows_from_text(*explained.flows_from));
  for (const auto& job : explained.waits_for) line("waits for", printable(job));
  if (explained.changed.empty()) return out;
  Table table({{"changed"}, {"was"}, {"is"}});
  for (const auto& change : explained.changed) table.row({printable(change.part), printable(change.was), printable(change.is)});
  return out + "\n" + table.text(style);
}

}  // namespace mole::cli
