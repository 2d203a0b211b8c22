#include "cli/format/why.hpp"

#include "cli/format/document.hpp"
#include "cli/format/human.hpp"
#include "cli/format/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace mole::cli {
namespace {

using nlohmann::json;

constexpr int deepest = 16;  // a document may come from elsewhere: its nesting is not trusted

std::string bytes_lost(const json& file) {
  std::string out;
  for (const auto& [key, of] : {std::pair("lost_compressed", "compressed"), std::pair("lost_content", "content")}) {
    for (const auto& r : field(file, key)) {
      const auto reason = text_of(r, "reason");
      out += fmt::format("{}{} [{}, {}){}", out.empty() ? "" : ", ", of, text_of(r, "from"), text_of(r, "to"), reason.empty() ? "" : " " + reason);
    }
  }
  return out;
}

std::string file_name(const json& file) { return text_of(file, field(file, "id").is_null() ? "file" : "id"); }

std::string files_table(const json& files, const Style& style, std::string_view indent) {
  Table table({{"file"}, {"bytes", Align::right}, {"digest"}, {"state"}, {"lost"}});
  for (const auto& f : files) {
    const bool missing = text_of(f, "state") == "missing" || (field(f, "present").is_boolean() && !truth_of(f, "present"));
    auto name = file_name(f);
    if (name.empty()) name = fmt::format("router {} {}", text_of(f, "router"), text_of(f, "sequence"));
    table.row({name, missing ? "" : fmt::format("[0, {})", text_of(f, "size")), text_of(f, "digest"),
               missing ? style.paint(Paint::red, "missing") : text_of(f, "state"), bytes_lost(f)});
  }
  return table.text(style, indent);
}

void append_line(std::string& out, std::string_view indent, std::string name, const std::string& value) {
  if (value.empty()) return;
  name.resize(std::max<std::size_t>(name.size() + 1, 12), ' ');
  out += std::string(indent) + name + value + "\n";
}

std::string plugin_text(const json& plugin) {
  if (!plugin.is_object()) return text_of(plugin);
  auto text = text_of(plugin, "name") + " " + text_of(plugin, "version");
  for (const auto* key : {"library", "digest"})
    if (const auto digest = text_of(plugin, key); !digest.empty()) text += ", digest " + digest;
  if (const auto& params = field(plugin, "params"); params.is_object() && !params.empty()) text += ", params " + text_of(params);
  return text;
}

// What the worker wrote down: plugins and files first, whatever else it says after.
std::string lineage_text(const json& lineage, const Style& style, std::string_view indent) {
  std::string out;
  constexpr std::array plugins{"plugin", "decoder", "downloader"};
  for (const auto* key : plugins) append_line(out, indent, key, plugin_text(field(lineage, key)));
  if (lineage.is_object()) {
    for (const auto& [key, value] : lineage.items())
      if (key != "files" && !value.is_null() && std::find(plugins.begin(), plugins.end(), key) == plugins.end())
        append_line(out, indent, printable(key), text_of(value));
  }
  if (const auto& files = field(lineage, "files"); files.is_array() && !files.empty()) out += files_table(files, style, indent);
  return out;
}

std::string values_table(const json& values, const Style& style, std::string_view indent) {
  if (!values.is_array() || values.empty() || !values.front().is_object()) return "";
  std::vector<Heading> headings;
  for (const auto& [key, value] : values.front().items()) headings.push_back({printable(key), value.is_number() ? Align::right : Align::left});
  Table table(headings);
  for (const auto& row : values) {
    std::vector<std::string> cells;
    for (const auto& heading : headings) cells.push_back(text_of(row, heading.name.c_str()));
    table.row(std::move(cells));
  }
  return table.text(style, indent);
}

void append_number(std::string& out, const json& why, const json& values, const Style& style, int depth) {
  const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
  const auto& interval = field(why, "interval");
  const auto column = text_of(why, "column");
  out += indent + style.paint(Paint::bold, text_of(why, "module") + (column.empty() ? "" : "." + column));
  if (!interval.is_null()) out += fmt::format("  {} .. {}", text_of(interval, "from"), text_of(interval, "to"));
  out += "\n" + values_table(values, style, indent);
  append_line(out, indent, "block", text_of(why, "block"));
  append_line(out, indent, "rows", text_of(why, "rows_blob"));
  out += lineage_text(field(why, "lineage"), style, indent);
  if (depth >= deepest) return;
  for (const auto& upstream : field(why, "upstream")) {
    out += "\n" + indent + "computed from\n";
    append_number(out, upstream, nullptr, style, depth + 1);
  }
}

}  // namespace

std::string why_text(const json& why, const json& values, const Style& style) {
  std::string out;
  append_number(out, why, values, style, 0);
  return out;
}

}  // namespace mole::cli
