#include "cli/export/column.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <tuple>

namespace mole::cli {
namespace {

using coordinator::BlockLineage;
using coordinator::Lineage;
using nlohmann::json;

// A stored lineage may have been reported by a different version of the program: a field that is missing or has the wrong type
// is treated as empty.
const json& field(const json& document, const char* key) {
  static const json nothing;
  const auto found = document.find(key);
  return found == document.end() ? nothing : *found;
}

using cli::text_of;
std::string text_of(const json& document, const char* key) { return text_of(field(document, key)); }

std::uint64_t count_of(const json& document, const char* key) {
  const json& value = field(document, key);
  return value.is_number_integer() && value >= 0 ? value.get<std::uint64_t>() : 0;
}

// Which counters a result holds, and what states the sampling rates: "multiplied by the sampling rate: 120 flows by options".
std::string scale_text(const json& worker) {
  const auto scale = from_name<Scale>(text_of(worker, "scale"));
  if (!scale) return "";
  const auto& sampling = field(worker, "sampling");
  std::string flows;
  const auto add = [&](std::uint64_t count, const std::string& what) {
    if (count > 0) flows += (flows.empty() ? ": " : ", ") + human_number(count, "flow", "flows") + what;
  };
  for (const auto source : {SamplingSource::record, SamplingSource::options, SamplingSource::manifest})
    add(count_of(field(sampling, "flows"), name_of(source)), fmt::format(" by {}", name_of(source)));
  add(count_of(sampling, "unscaled"), " without a known rate, not scaled");
  const auto by_collector = count_of(sampling, "scaled_by_collector"), not_divisible = count_of(sampling, "not_divisible");
  add(by_collector - std::min(by_collector, not_divisible),
      *scale == Scale::sampling ? " scaled by the collector" : " scaled by the collector and divided by the rate");
  add(not_divisible, " scaled by the collector and not divisible");
  add(count_of(sampling, "manifest_differs"), " with a different rate in the manifest");
  add(count_of(sampling, "saturated"), " beyond 64 bits");
  return (*scale == Scale::sampling ? "multiplied by the sampling rate" : "as exported") + flows;
}

std::string unusable_lines_text(const json& table) {
  const auto lines = text_of(table, "unusable_lines");
  return lines.empty() ? "" : "  (" + lines + " of its lines cannot be used)";
}

// Formats numbers like the table of results.
std::string cell_of(const std::string& column, const json& value) {
  if (!value.is_number_float()) return text_of(value);
  return column == "coverage" ? coverage_text(value.get<double>()) : number_text(value.get<double>());
}

bool is_true(const json& document, const char* key) { return field(document, key) == true; }

// Returns the lost bytes of a file as "compressed [40, 60), content [5, 9) reason".
std::string bytes_lost(const json& file) {
  std::string out;
  for (const auto& [key, what] : {std::pair("lost_compressed", "compressed"), std::pair("lost_content", "content")})
    for (const auto& r : field(file, key)) {
      const auto reason = text_of(r, "reason");
      out += fmt::format("{}{} [{}, {}){}{}", out.empty() ? "" : ", ", what, text_of(r, "from"), text_of(r, "to"),
                         reason.empty() ? "" : " ", reason);
    }
  return out;
}

std::string plugin_text(const json& plugin) {
  if (!plugin.is_object()) return text_of(plugin);
  auto text = text_of(plugin, "name") + " " + text_of(plugin, "version");
  if (const auto digest = text_of(plugin, "digest"); !digest.empty()) text += ", digest " + digest;
  if (const auto& params = field(plugin, "params"); params.is_object() && !params.empty()) text += ", params " + text_of(params);
  return text;
}

class Tracer {
 public:
  // `routers`: only files of these are listed; empty: of all.
  Tracer(const Style& style, const std::vector<std::string>& routers) : style_(style), routers_(routers) {}

  std::string text(const Lineage& why, const json& values) {
    block(why, why.overrides, values);
    if (!why.upstream.empty()) out_ += "\ncomputed from\n";
    indent_ = "  ";
    for (const auto& input : why.upstream) block(input, {}, nullptr);
    return std::move(out_);
  }

 private:
  void line(std::string name, const std::string& value) {
    if (value.empty()) return;
    name.resize(std::max<std::size_t>(name.size() + 1, 10), ' ');
    out_ += indent_ + name + value + "\n";
  }

  // Adds the lineage of one block. For a block that was already traced, only the name is repeated.
  void block(const BlockLineage& block, const std::vector<std::string>& overrides, const json& values) {
    const auto name = printable(block.module + "." + block.column);
    const bool again = !traced_.emplace(name, block.interval.from, block.interval.to).second;
    out_ += fmt::format("{}{}  {} .. {}{}\n", indent_, style_.paint(Paint::bold, name), format_time(block.interval.from),
                        format_time(block.interval.to), again ? "  (traced above)" : "");
    if (again) return;
    row_table(values);
    const auto& record = field(block.lineage, field(block.lineage, "result").is_object() ? "result" : "state");
    line("plugin", plugin_text(field(record, "plugin")));
    line("filter", text_of(record, "filter"));
    for (const auto& override : overrides) line("what if", printable(override));
    computation(block, record);
    archive(block.interval, record);
    log(block);
  }

  void computation(const BlockLineage& block, const json& record) {
    line("block", format_time(block.block));
    if (!block.rows_blob.empty()) line("rows", block.rows_blob.hex());
    const auto node = text_of(record, "node");
    line("computed",
         node.empty() ? "" : fmt::format("{} by {}, task {}", text_of(block.lineage, "at"), node, text_of(record, "task")));
    std::string sandbox;
    for (const auto& part : field(record, "sandbox"))
      if (part.is_string()) sandbox += (sandbox.empty() ? "" : ", ") + printable(part.get<std::string>());
    line("sandbox", sandbox);
    const auto& flows = field(record, "flows_from");
    line("flows", flows_from_text({count_of(flows, "archive"), count_of(flows, "columns")}));
    std::string states;
    for (const auto& state : field(record, "states")) states += (states.empty() ? "" : ", ") + text_of(state, "job");
    const auto window = text_of(record, "window");
    line("window", window.empty() ? "" : window + (states.empty() ? "" : ", with the states of " + states));
  }

  // What the processes printed that computed the block.
  void log(const BlockLineage& block) {
    const auto& printed = field(block.lineage, "log");
    if (!printed.is_string()) return;
    std::istringstream lines(printed.get<std::string>());
    for (std::string text; std::getline(lines, text);) line("printed", "| " + printable(text));
  }

  // Of several decoders, those that read no file of the block are left out.
  static bool reads_a_file(const std::string& decoder, const json& record) {
    if (field(field(record, "archive"), "decoders").size() == 1) return true;
    const auto& files = field(record, "files");
    return std::ranges::any_of(files, [&](const json& file) { return text_of(file, "decoder") == decoder; });
  }

  void archive(const coordinator::Interval& interval, const json& record) {
    if (const auto& archive = field(record, "archive"); archive.is_object()) {
      line("archive", fmt::format("{}, damage policy {}", text_of(archive, "name"), text_of(archive, "damage")));
      line("decoder", plugin_text(field(archive, "decoder")));  // of an earlier version
      for (const auto& decoder : field(archive, "decoders"))
        if (reads_a_file(text_of(decoder, "name"), record)) line("decoder", plugin_text(decoder));
    }
    line("counters", scale_text(field(record, "worker")));
    for (const auto& absent : field(field(record, "worker"), "columns_absent"))
      line("absent",
           fmt::format("{}: {} read by {} {} not have it; {} flows count as missing", text_of(absent, "column"),
                       human_number(count_of(absent, "files"), "file", "files"), text_of(absent, "decoder"),
                       count_of(absent, "files") == 1 ? "does" : "do", count_of(absent, "files") == 1 ? "its" : "their"));
    for (const auto& element : field(field(record, "worker"), "elements"))
      line("element", fmt::format("{}: {} of {} have it", text_of(element, "name"), count_of(element, "with_value"),
                                  human_number(count_of(element, "flows"), "flow", "flows")));
    for (const auto& table : field(record, "routes"))
      line("routes", fmt::format("{} .. {}  {}{}", text_of(table, "from"), text_of(table, "to"),
                                 text_of(table, "name").empty() ? "no table covers this time: AS 0"
                                                                : text_of(table, "name") + ", digest " + text_of(table, "digest"),
                                 is_true(table, "stale") ? "  (no longer valid)" : "") +
                         unusable_lines_text(table));
    const auto& files = field(record, "files");
    if (!files.is_array() || files.empty()) return;
    const auto& given = field(field(field(record, "worker"), "archive"), "lateness");
    const auto lateness = given.is_number() ? given.get<Micros>() : hour_us;
    const bool mixed = field(field(record, "archive"), "decoders").size() > 1;
    Table table({"file", right("bytes"), "digest", mixed ? "decoder, state" : "state", right("flows"), "lost"});
    std::size_t others = 0, of_others = 0;
    for (const auto& file : files) {
      if (!routers_.empty() && std::ranges::find(routers_, text_of(file, "router")) == routers_.end()) {
        ++of_others;
        continue;
      }
      const auto begin = parse_time(text_of(file, "from")), end = parse_time(text_of(file, "to"));
      if (begin && end && (*end <= interval.from || *begin >= interval.to + lateness))
        ++others;
      else
        file_row(table, file, mixed);
    }
    out_ += table.text(style_, indent_);
    if (others > 0)
      out_ += fmt::format("{}{} of the block {} other times (--json lists {})\n", indent_,
                          human_number(others, "other file", "other files"), others == 1 ? "covers" : "cover",
                          others == 1 ? "it" : "them");
    if (of_others > 0) out_ += indent_ + human_number(of_others, "file", "files") + " of other routers (--json lists all)\n";
  }

  void file_row(Table& table, const json& file, bool mixed) const {
    if (is_true(file, "missing")) {
      table.row({fmt::format("router {}, {}", text_of(file, "router"), text_of(file, "from")), "", "",
                 style_.paint(Paint::red, "missing")});
      return;
    }
    const auto state = text_of(file, "state"), decoder = text_of(file, "decoder");
    auto lost = bytes_lost(file);
    if (const auto flows = count_of(file, "flows_lost_in_damage"); flows > 0)
      lost += (lost.empty() ? "" : ", ") + human_number(flows, "flow", "flows") + " in the damage";
    if (const auto flows = count_of(file, "flows_lost"); flows > 0)
      lost += (lost.empty() ? "" : ", ") + human_number(flows, "flow", "flows") + " by sequence number";
    auto flows = human_count(count_of(file, "flows"));
    if (const auto repeated = count_of(file, "flows_repeated"); repeated > 0)
      flows += fmt::format(" ({} in repeated datagrams)", human_count(repeated));
    std::string absent;
    for (const auto& column : field(file, "columns_absent")) absent += ", no " + text_of(column);
    table.row({text_of(file, "id"), fmt::format("[0, {})", text_of(file, "size")), text_of(file, "digest"),
               (mixed ? (decoder.empty() ? "none" : decoder) + ", " : "") +
                   (state == name_of(task::FileState::sound) ? state : style_.paint(Paint::yellow, state)) +
                   style_.paint(Paint::yellow, absent),
               flows, lost});
  }

  void row_table(const json& values) {
    if (!values.is_array() || values.empty() || !values.front().is_object()) return;
    std::vector<Heading> headings;
    for (const auto& [key, value] : values.front().items())
      if (key != "interval_start") headings.push_back({printable(key), value.is_number()});
    Table table(headings);
    for (const auto& row : values) {
      std::vector<std::string> cells;
      cells.reserve(headings.size());
      for (const auto& heading : headings) cells.push_back(cell_of(heading.name, field(row, heading.name.c_str())));
      table.row(std::move(cells));
    }
    out_ += table.text(style_, indent_);
  }

  const Style& style_;
  const std::vector<std::string>& routers_;
  std::string out_, indent_;
  std::set<std::tuple<std::string, Micros, Micros>> traced_;
};

}  // namespace

std::string flows_from_text(const coordinator::FlowSources& flows) {
  std::string text;
  if (flows.columns > 0) text = "read from cached columns of " + human_number(flows.columns, "file", "files");
  if (flows.archive > 0) text += (text.empty() ? "" : ", ") + ("decoded from " + human_number(flows.archive, "file", "files"));
  return text;
}

// The input that partial rows lack, one line for each cause.
std::vector<std::pair<std::string_view, std::string>> lacking_lines(const coordinator::LackingInput& lacking) {
  constexpr std::size_t max_files = 10;
  std::vector<std::pair<std::string_view, std::string>> lines;
  for (const auto& rows : lacking.rows)
    lines.emplace_back("partial rows", fmt::format("{} .. {}, coverage down to {}", format_time(rows.from), format_time(rows.to),
                                                   coverage_text(rows.coverage_min)));
  for (std::size_t i = 0; i < std::min(max_files, lacking.missing.size()); ++i) {
    const auto& file = lacking.missing[i];
    lines.emplace_back("missing",
                       fmt::format("the file{} for {} .. {}", file.router.empty() ? "" : " of router " + printable(file.router),
                                   format_time(file.from), format_time(file.to)));
  }
  if (lacking.missing.size() > max_files)
    lines.emplace_back("missing", fmt::format("{} more files (--json lists them)", lacking.missing.size() - max_files));
  for (std::size_t i = 0; i < std::min(max_files, lacking.damaged.size()); ++i)
    lines.emplace_back("damage", printable(lacking.damaged[i].id) + ": " + damage_text(lacking.damaged[i]));
  if (lacking.damaged.size() > max_files)
    lines.emplace_back("damage", fmt::format("{} more files (--json lists them)", lacking.damaged.size() - max_files));
  for (const auto& reason : lacking.reasons) lines.emplace_back("cause", printable(reason));
  return lines;
}

std::string explain_text(const coordinator::JobExplanation& explained, const Style& style, const std::string& options) {
  std::string out;
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("{:<14}{}\n", name, value);
  };
  const auto hex = [](const Digest& digest) { return digest.empty() ? std::string() : digest.hex(); };
  line("job", style.paint(Paint::bold, printable(explained.job)));
  line("state", std::string(name_of(explained.state)));
  line("reason", printable(explained.reason));
  if (explained.lacking)
    for (const auto& [name, text] : lacking_lines(*explained.lacking)) line(name, text);
  line("needed by", printable_list(explained.requests));
  for (const auto& failure : explained.failures) {
    line("failed",
         fmt::format("{}, plugin {}, block {}: {} after {}", printable(failure.job), printable(failure.plugin),
                     format_time(failure.block), printable(failure.code), human_number(failure.attempts, "attempt", "attempts")));
    line("", printable(failure.message));
  }
  line("remedy", printable(explained.remedy));
  if (!explained.command.empty()) line("", printable(explained.command) + options);
  line("fingerprint", hex(explained.fingerprint));
  line("state key", hex(explained.state_key));
  line("result key", hex(explained.result_key));
  if (explained.stored_result_key != explained.result_key) line("stored key", hex(explained.stored_result_key));
  if (explained.flows_from) line("flows", flows_from_text(*explained.flows_from));
  line("node", printable(explained.node));
  for (const auto& job : explained.waits_for) line("waits for", printable(job));
  if (explained.changed.empty()) return out;
  Table table({"changed", "was", "is"});
  for (const auto& change : explained.changed) table.row({printable(change.part), printable(change.was), printable(change.is)});
  return out + "\n" + table.text(style);
}

std::string why_text(const Lineage& why, const json& values, const Style& style, const std::vector<std::string>& routers) {
  return Tracer(style, routers).text(why, values);
}

}  // namespace mole::cli
