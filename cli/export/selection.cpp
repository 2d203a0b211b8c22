#include "cli/export/selection.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <numeric>

namespace mole::cli {
namespace {

constexpr std::size_t max_listed = 16, max_suggestions = 5;

std::size_t levenshtein_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// Returns the edit distance, reduced if one name contains the other.
std::size_t distance(std::string_view wanted, std::string_view name) {
  const bool contained = name.find(wanted) != std::string_view::npos || wanted.find(name) != std::string_view::npos;
  const auto edits = levenshtein_distance(wanted.substr(0, 200), name.substr(0, 200));
  return contained ? edits / 4 : edits;
}

}  // namespace

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

std::string no_such(std::string_view what, std::string_view wanted, const std::vector<std::string>& names) {
  const auto start = fmt::format("no {} is named '{}'; ", what, wanted);
  if (names.size() <= max_listed) return start + "available: " + listed(names);
  std::string bare(wanted);
  bare.erase(std::remove_if(bare.begin(), bare.end(), [](char c) { return c == '*' || c == '?'; }), bare.end());
  auto near = names;
  std::stable_sort(near.begin(), near.end(), [&](const auto& a, const auto& b) { return distance(bare, a) < distance(bare, b); });
  near.resize(max_suggestions);
  return start + fmt::format("the most similar of {} are {}", names.size(), listed(near));
}

Result<std::vector<std::string>> matching(const std::vector<std::string>& globs, const std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const auto& glob : globs) {
    bool any = false;
    for (const auto& name : names) {
      if (::fnmatch(glob.c_str(), name.c_str(), 0) != 0) continue;
      any = true;
      if (std::find(found.begin(), found.end(), name) == found.end()) found.push_back(name);
    }
    if (!any) return invalid(no_such("column", glob, names));
  }
  return found;
}

Result<std::vector<GroupFilter>> parse_where(const std::vector<std::string>& arguments) {
  std::vector<GroupFilter> filters;
  for (const auto& text : arguments) {
    const auto at = text.find('=');
    if (at == 0 || at == std::string::npos)
      return invalid(fmt::format("'{}' is not a filter; write COLUMN=VALUE, such as direction=in", text));
    const auto column = text.substr(0, at);
    auto filter = std::find_if(filters.begin(), filters.end(), [&](const auto& f) { return f.column == column; });
    if (filter == filters.end()) filter = filters.insert(filters.end(), {column, {}});
    filter->values.push_back(text.substr(at + 1));
  }
  return filters;
}

}  // namespace mole::cli
