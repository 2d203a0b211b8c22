#include "cli/export/output_format.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace mole::cli {
namespace {

// Returns the ending in lower case, without its dot.
std::string ending_of(const std::filesystem::path& file) {
  auto ending = file.extension().string();
  if (!ending.empty()) ending.erase(0, 1);
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return ending;
}

std::optional<ExportFormat> format_of_ending(std::string_view ending) {
  if (ending == "txt") return ExportFormat::table;
  if (ending == "jsonl") return ExportFormat::ndjson;
  return from_name<ExportFormat>(ending);
}

bool is_other_compression(std::string_view ending) {
  constexpr std::string_view endings[] = {"bz2", "xz", "zst", "lz4", "zip"};
  return std::find(std::begin(endings), std::end(endings), ending) != std::end(endings);
}

}  // namespace

bool is_compressed(const std::filesystem::path& file) { return ending_of(file) == "gz"; }

Result<ExportFormat> export_format(std::string_view name, const std::filesystem::path& file, ExportFormat otherwise) {
  const auto ending = ending_of(is_compressed(file) ? file.stem() : file);
  const auto given = from_name<ExportFormat>(name);
  const auto said = format_of_ending(ending);
  if (given && said && *given != *said)
    return invalid(fmt::format("--format {} does not fit the name {}; change one of them", name, file.string()));
  if (is_other_compression(ending))
    return invalid(fmt::format("cannot write {}: .{} is not available; use the ending .gz, or compress the file afterwards",
                               file.string(), ending));
  if (!given && !said && !ending.empty())
    return invalid(
        fmt::format("the ending .{} of {} is not {}; use one of .{} (or .txt, .jsonl, and .gz after a text format), or "
                    "choose with --format",
                    ending, file.string(), name_table<ExportFormat>.what, fmt::join(all_names<ExportFormat>(), ", .")));
  const auto format = given ? *given : said.value_or(otherwise);
  if (is_compressed(file) && is_binary(format))
    return invalid(fmt::format("{} is compressed by itself; leave .gz out of the name {}", name_of(format), file.string()));
  return format;
}

Error no_terminal(ExportFormat format) {
  return invalid(fmt::format("{} is a binary format and cannot be printed to a terminal; use -o FILE", name_of(format)));
}

Result<PlotFormat> plot_format(const std::filesystem::path& file) {
  const auto ending = ending_of(file);
  if (ending.empty()) return PlotFormat::svg;
  if (const auto known = from_name<PlotFormat>(ending)) return *known;
  return invalid(fmt::format("the ending .{} of {} is not {}; use .{}", ending, file.string(), name_table<PlotFormat>.what,
                             fmt::join(all_names<PlotFormat>(), ", .")));
}

}  // namespace mole::cli
