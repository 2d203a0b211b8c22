#include "cli/init/name_parts.hpp"

#include <algorithm>
#include <map>

namespace mole::cli {
namespace {

constexpr std::size_t max_names = 3000;  // of a shape; more are sampled

Run::Kind kind_of(char c) {
  if (c >= '0' && c <= '9') return Run::Kind::digits;
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
  return letter ? Run::Kind::letters : Run::Kind::other;
}

// Whether the name ends in the usual ending of a format or compression: files with different ones do not have different routers.
bool has_known_ending(const std::vector<Run>& runs) {
  static constexpr std::string_view endings[] = {"gz",     "xz",  "zst",   "zstd", "lzo", "pcap",
                                                 "pcapng", "cap", "ipfix", "yaf",  "csv", "parquet"};
  return runs.size() >= 2 && runs[runs.size() - 2].text.ends_with('.') &&
         std::ranges::find(endings, runs.back().text) != std::end(endings);
}

}  // namespace

std::vector<Run> runs_of(std::string_view name) {
  std::vector<Run> runs;
  for (std::size_t from = 0; from < name.size();) {
    const auto kind = kind_of(name[from]);
    auto to = from + 1;
    while (to < name.size() && kind_of(name[to]) == kind) ++to;
    runs.push_back({kind, name.substr(from, to - from)});
    from = to;
  }
  return runs;
}

std::vector<NameShape> NameShape::of(const std::vector<std::string>& names) {
  std::map<std::string, std::vector<std::vector<Run>>> by_shape;
  for (const auto& name : names) {
    auto runs = runs_of(name);
    std::string shape;
    for (const auto& run : runs) shape += run.kind == Run::Kind::digits ? "0" : run.kind == Run::Kind::letters ? "a" : run.text;
    if (has_known_ending(runs)) shape += runs.back().text;
    by_shape[shape].push_back(std::move(runs));
  }
  std::vector<NameShape> shapes;
  for (auto& [shape, all] : by_shape) {
    NameShape one;
    const auto step = std::max<std::size_t>(1, (all.size() + max_names - 1) / max_names);
    for (std::size_t i = 0; i < all.size(); i += step) one.rows_.push_back(std::move(all[i]));
    one.constant_.assign(one.columns(), true);
    for (std::size_t c = 0; c < one.columns(); ++c)
      one.constant_[c] =
          std::ranges::all_of(one.rows_, [&](const auto& row) { return row[c].text == one.rows_.front()[c].text; });
    shapes.push_back(std::move(one));
  }
  std::ranges::stable_sort(shapes, std::greater(), &NameShape::names);
  return shapes;
}

bool NameShape::has_width(std::size_t column, std::size_t width) const {
  return std::ranges::all_of(rows_, [&](const auto& row) { return row[column].text.size() == width; });
}

}  // namespace mole::cli
