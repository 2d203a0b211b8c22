#include "cli/commands/plot_sources.hpp"

#include "cli/export/cell.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mole::cli {
namespace {

const GroupFilter* filter_of(const std::vector<GroupFilter>& where, const std::string& column) {
  const auto found = std::find_if(where.begin(), where.end(), [&](const auto& f) { return f.column == column; });
  return found == where.end() ? nullptr : &*found;
}

// Returns the columns that name a line: groups and filtered columns with more than one value.
std::vector<std::string> shown_groups(const std::vector<std::string>& by, const std::vector<GroupFilter>& where) {
  std::vector<std::string> shown;
  for (const auto& name : by)
    if (const auto* filter = filter_of(where, name); !filter || filter->values.size() != 1) shown.push_back(name);
  for (const auto& filter : where)
    if (filter.values.size() > 1 && std::find(by.begin(), by.end(), filter.column) == by.end()) shown.push_back(filter.column);
  return shown;
}

// Returns the module, which is empty for that of the command, and the column.
std::pair<std::string, std::string> split(const std::string& text) {
  const auto dot = text.rfind('.');
  if (dot == std::string::npos) return {"", text};
  return {text.substr(0, dot), text.substr(dot + 1)};
}

}  // namespace

Result<> PlotSources::open(const std::string& module) {
  auto name = full_module_name(session_.api(), module);
  if (!name) return name.error();
  module_ = std::move(*name);
  return {};
}

void PlotSources::need(const std::string& column) {
  const auto [module, glob] = split(column);
  globs_[module].push_back(glob);
}

Result<> PlotSources::load() {
  for (const auto& [module, globs] : globs_) {
    auto columns = globs;
    columns.insert(columns.end(), {"interval_end", "coverage"});
    for (const auto& filter : where_)
      if (filter.values.size() > 1) columns.push_back(filter.column);  // part of the line names
    auto found = results_of(session_, blobs_, full_name(module), range_);
    if (!found) return found.error();
    auto where = where_;
    for (const auto& total : found->document.totals)
      if (!filter_of(where, total)) where.push_back({total, {"all"}});
    auto counted = rates_ ? counted_over(found->document) : CountedOver{};
    auto rows = load_results({found->files, range_, columns, 0, 0, where, counted});
    if (!rows) return rows.error();
    const bool windowed = found->document.window.has_value();
    loaded_.emplace(module, Loaded{std::move(*rows), std::move(where), std::move(found->files), std::move(counted),
                                   what_if(found->document), pale_below_.value_or(windowed ? 0 : 1)});
  }
  return {};
}

Result<std::vector<Series>> PlotSources::series(const std::string& columns) const {
  const auto [module, glob] = split(columns);
  const auto& loaded = loaded_.at(module);
  const auto& rows = loaded.results.rows;
  const auto shown = shown_groups(loaded.results.by, loaded.where);
  std::vector<std::string> names;
  for (const auto& column : rows.columns)
    if (is_numeric(column) || column.name == glob) names.push_back(column.name);
  const auto matched = matching({glob}, names);
  if (!matched) return matched.error();
  if (!one_row_per_group(rows, shown)) return several_rows(full_name(module), loaded, shown);
  auto lines = series_of(rows, shown, *matched);
  if (!lines) return lines;
  for (auto& line : *lines) {
    line.pale_below = loaded.pale_below;
    if (!module.empty()) line.column = module + "." + line.column;
  }
  return lines;
}

// Reads all columns of one block to find those that distinguish the rows.
Error PlotSources::several_rows(const std::string& module, const Loaded& loaded, const std::vector<std::string>& shown) const {
  const auto cause = fmt::format("{} has several rows per interval and group, which do not form a line", module);
  const auto remedy = fmt::format("see them with mole results {}", module);
  for (const auto& file : loaded.files) {
    const auto all = load_results({{file}, range_, {}, 0, 0, loaded.where});
    if (!all) continue;  // the block has none of these groups
    const auto columns = distinguishing_columns(all->rows, shown);
    if (columns.empty()) continue;
    std::string choice;
    for (const auto& name : columns) choice += (choice.empty() ? "" : ",") + name + "=" + value_text(*all->rows.find(name), 0);
    return invalid(fmt::format("{}; {} distinguish{} them: choose with --where, such as --where {}, or {}", cause,
                               listed(columns), columns.size() == 1 ? "es" : "", choice, remedy));
  }
  return invalid(cause + "; " + remedy);
}

CountedOver PlotSources::counted() const {
  CountedOver all;
  for (const auto& [module, loaded] : loaded_) all.insert(loaded.counted.begin(), loaded.counted.end());
  return all;
}

std::string PlotSources::title() const {
  auto text = module_;
  const auto loaded = loaded_.find("");
  for (const auto& filter : loaded == loaded_.end() ? where_ : loaded->second.where)
    if (filter.values.size() == 1) text += fmt::format(", {} {}", filter.column, filter.values.front());
  constexpr std::size_t max_length = 60;  // of the overrides; the note has the full text
  if (loaded != loaded_.end() && !loaded->second.what_if.empty())
    text += ", with " + (loaded->second.what_if.size() > max_length ? "--set" : loaded->second.what_if);
  return text;
}

std::vector<std::string> PlotSources::notes() const {
  std::vector<std::string> notes;
  for (const auto& [module, loaded] : loaded_)
    if (!loaded.what_if.empty()) notes.push_back(what_if_note(full_name(module), loaded.what_if));
  if (auto totals = totals_note(); !totals.empty()) notes.push_back(std::move(totals));
  return notes;
}

// Returns a note about the dimensions that are drawn only as their total; "" if there are none.
std::string PlotSources::totals_note() const {
  std::vector<std::string> columns;
  std::string parts;
  const auto found = loaded_.find("");
  if (found == loaded_.end()) return "";
  const auto& where = found->second.where;
  for (auto i = where_.size(); i < where.size(); ++i) {
    columns.push_back(where[i].column);
    if (!parts.empty()) continue;
    for (const auto& value : found->second.results.seen[i])
      if (value != "all") parts += (parts.empty() ? "" : ",") + where[i].column + "=" + value;
  }
  if (parts.empty()) return "";
  return fmt::format("only the total of {} is drawn; draw its parts with --where {}", listed(columns), parts);
}

// A module name without a pipeline refers to the pipeline of the command's module.
std::string PlotSources::full_name(const std::string& module) const {
  if (module.empty()) return module_;
  if (module.find('/') != std::string::npos) return module;
  return module_.substr(0, module_.find('/') + 1) + module;
}

}  // namespace mole::cli
