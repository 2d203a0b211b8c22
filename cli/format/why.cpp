#include "cli/format/why.hpp"

#include "cli/format/document.hpp"
#include "cli/format/explain.hpp"
#include "cli/format/human.hpp"
#include "cli/format/table.hpp"
#include "sdk/model/time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace mole::cli {
namespace {

using nlohmann::json;

constexpr int deepest = 16;  // a document may come from elsewhere: its nesting is not trusted

std::string bytes_lost(const json& file) {
  std::string out;
  for (const auto& [key, of] : {std::pair("lost_compressed", "compressed"), std::pair("lost_content", "content")}) {
    for (const auto& r : field(file, key)) {
      const auto reason = text_of(r, "reason");
      out += fmt::format("{}{} [{}, {}){}", out.empty() ? "" : ", ", of, text_of(r, "from"), text_of(r, "to"),
                         reason.empty() ? "" : " " + reason);
    }
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
  explicit Tracer(const Style& style) : style_(style) {}

  std::string text(const json& why, const json& values) {
    number(why, values, 0);
    return std::move(out_);
  }

 private:
  void line(std::string name, const std::string& value) {
    if (value.empty()) return;
    name.resize(std::max<std::size_t>(name.size() + 1, 10), ' ');
    out_ += indent_ + name + value + "\n";
  }

  // A number, and below it those it was computed from. One that was traced already is only named.
  void number(const json& why, const json& values, int depth) {
    indent_.assign(static_cast<std::size_t>(depth) * 2, ' ');
    const auto& interval = field(why, "interval");
    const auto name = text_of(why, "module") + "." + text_of(why, "column");
    const bool again = !traced_.insert(name + text_of(interval)).second;
    out_ += fmt::format("{}{}  {} .. {}{}\n", indent_, style_.paint(Paint::bold, name), text_of(interval, "from"),
                        text_of(interval, "to"), again ? "  (traced above)" : "");
    if (again) return;
    row_table(values);
    const auto& lineage = field(why, "lineage");
    const auto& made = field(lineage, field(lineage, "result").is_object() ? "result" : "state");
    line("plugin", plugin_text(field(made, "plugin")));
    line("filter", text_of(made, "filter"));
    for (const auto& override : field(why, "overrides")) line("what if", text_of(override));
    making(why, lineage, made);
    archive(interval, made);
    const auto& upstream = field(why, "upstream");
    if (depth >= deepest || !upstream.is_array() || upstream.empty()) return;
    out_ += "\n" + indent_ + "computed from\n";
    for (const auto& one : upstream) number(one, nullptr, depth + 1);
  }

  void making(const json& why, const json& lineage, const json& made) {
    line("block", text_of(why, "block"));
    line("rows", text_of(why, "rows_blob"));
    const auto node = text_of(made, "node");
    line("computed", node.empty() ? "" : fmt::format("{} by {}, task {}", text_of(lineage, "at"), node, text_of(made, "task")));
    line("flows", flows_from_text(field(made, "flows_from")));
    std::string states;
    for (const auto& state : field(made, "states")) states += (states.empty() ? "" : ", ") + text_of(state, "job");
    const auto window = text_of(made, "window");
    line("window", window.empty() ? "" : window + (states.empty() ? "" : ", with the states of " + states));
  }

  void archive(const json& interval, const json& made) {
    const auto& archive = field(made, "archive");
    if (archive.is_object()) {
      line("archive", fmt::format("{}, damage: {}", text_of(archive, "name"), text_of(archive, "damage")));
      line("decoder", plugin_text(field(archive, "decoder")));
    }
    for (const auto& table : field(made, "routes"))
      line("routes", fmt::format("{} .. {}  {}{}", text_of(table, "from"), text_of(table, "to"),
                                 text_of(table, "name").empty() ? "no table is that old: AS 0"
                                                                : text_of(table, "name") + ", digest " + text_of(table, "digest"),
                                 truth_of(table, "stale") ? "  (older than it is valid)" : ""));
    const auto& files = field(made, "files");
    if (!files.is_array() || files.empty()) return;
    const auto lateness =
        static_cast<Micros>(number_of(field(field(made, "worker"), "archive"), "lateness", static_cast<double>(hour_us)));
    const auto from = parse_time(text_of(interval, "from")), to = parse_time(text_of(interval, "to"));
    Table table({{"file"}, {"bytes", Align::right}, {"digest"}, {"state"}, {"flows", Align::right}, {"lost"}});
    std::size_t others = 0;
    for (const auto& file : files) {
      const auto begin = parse_time(text_of(file, "from")), end = parse_time(text_of(file, "to"));
      if (from && to && begin && end && (*end <= *from || *begin >= *to + lateness))
        ++others;
      else
        file_row(table, file);
    }
    out_ += table.text(style_, indent_);
    if (others > 0)
      out_ += fmt::format("{}{} of the block {} at another time (--json names {})\n", indent_,
                          human_number(others, "other file", "other files"), others == 1 ? "was exported" : "were exported",
                          others == 1 ? "it" : "them");
  }

  void file_row(Table& table, const json& file) const {
    if (truth_of(file, "missing")) {
      table.row({fmt::format("router {}, {}", text_of(file, "router"), text_of(file, "from")), "", "",
                 style_.paint(Paint::red, "missing")});
      return;
    }
    const auto state = text_of(file, "state");
    auto lost = bytes_lost(file);
    if (const auto flows = count_of(file, "flows_lost"); flows > 0)
      lost += (lost.empty() ? "" : ", ") + human_number(flows, "flow", "flows") + " by sequence";
    table.row({text_of(file, "id"), fmt::format("[0, {})", text_of(file, "size")), text_of(file, "digest"),
               state == "sound" ? state : style_.paint(Paint::yellow, state), human_count(count_of(file, "flows")), lost});
  }

  void row_table(const json& values) {
    if (!values.is_array() || values.empty() || !values.front().is_object()) return;
    std::vector<Heading> headings;
    for (const auto& [key, value] : values.front().items())
      if (key != "interval_start") headings.push_back({printable(key), value.is_number() ? Align::right : Align::left});
    Table table(headings);
    for (const auto& row : values) {
      std::vector<std::string> cells;
      cells.reserve(headings.size());
      for (const auto& heading : headings) cells.push_back(text_of(row, heading.name.c_str()));
      table.row(std::move(cells));
    }
    out_ += table.text(style_, indent_);
  }

  const Style& style_;
  std::string out_, indent_;
  std::set<std::string> traced_;
};

}  // namespace

std::string why_text(const json& why, const json& values, const Style& style) { return Tracer(style).text(why, values); }

}  // namespace mole::cli
