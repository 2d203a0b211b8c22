#include "cli/export/selection.hpp"

#include <mole/addr.hpp>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <numeric>
#include <optional>

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

Error not_a_filter(std::string_view argument, std::string_view part) {
  const auto of = part.size() == argument.size() ? "" : fmt::format(" in '{}'", argument);
  return invalid(
      fmt::format("'{}'{} is not a filter; write COLUMN=VALUE, such as direction=in, or a comparison in quotes, such as "
                  "--where 'coverage<1', and put a value with a comma in quotes: --where \"router='zh,1'\"",
                  part, of));
}

// Removes a value from the front of `rest`, which then is empty or begins with a comma. A quote is doubled inside quotes of its
// kind.
Result<std::string> take_value(std::string_view argument, std::string_view& rest) {
  std::string value;
  if (rest.empty() || (rest[0] != '\'' && rest[0] != '"')) {
    value = rest.substr(0, rest.find(','));
    rest.remove_prefix(value.size());
    return value;
  }
  const char quote = rest[0];
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] != quote) {
      value += rest[i];
    } else if (i + 1 < rest.size() && rest[i + 1] == quote) {
      value += rest[i++];
    } else {
      rest.remove_prefix(i + 1);
      if (rest.empty() || rest[0] == ',') return value;
      return invalid(fmt::format("a value in '{}' continues after its closing quote; separate filters by commas", argument));
    }
  }
  return invalid(
      fmt::format("a quote in '{}' is not closed; write it at both ends of the value, such as router='zh,1'", argument));
}

std::optional<Addr> address_of(const std::string& text) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return Addr::v4(ntohl(v4.s_addr));
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) return Addr::v6(&v6);
  return std::nullopt;
}

// Removes "<", "<=", ">" or ">=" from the front.
GroupFilter::Compare take_compare(std::string_view& rest) {
  using Compare = GroupFilter::Compare;
  const bool less = rest[0] == '<', inclusive = rest.substr(1).starts_with('=');
  rest.remove_prefix(inclusive ? 2 : 1);
  return less ? (inclusive ? Compare::at_most : Compare::less) : inclusive ? Compare::at_least : Compare::greater;
}

Result<double> number_of(std::string_view argument, const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (!text.empty() && *end == 0 && number == number) return number;
  return invalid(
      fmt::format("'{}' compares with '{}', which is not a number; write COLUMN<NUMBER, such as 'coverage<1'", argument, text));
}

}  // namespace

bool GroupFilter::accepts(const std::string& text) const {
  if (std::find(values.begin(), values.end(), text) != values.end()) return true;
  const auto address = address_of(text);
  return address && std::any_of(values.begin(), values.end(), [&](const auto& value) { return address_of(value) == address; });
}

bool GroupFilter::accepts(double value) const {
  switch (compare) {
    case Compare::less:
      return value < number;
    case Compare::at_most:
      return value <= number;
    case Compare::greater:
      return value > number;
    case Compare::at_least:
      return value >= number;
    case Compare::equal:
      break;
  }
  return false;
}

std::string GroupFilter::comparison() const {
  constexpr const char* signs[] = {"", "<", "<=", ">", ">="};  // by Compare
  return compare == Compare::equal ? "" : fmt::format("{} {} {}", column, signs[static_cast<int>(compare)], number);
}

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
  for (const auto& argument : arguments) {
    for (std::string_view rest = argument;;) {
      const auto at = rest.find_first_of("=<>");
      if (at == 0 || at == rest.npos || at > rest.find(',')) return not_a_filter(argument, rest.substr(0, rest.find(',')));
      const auto column = rest.substr(0, at);
      rest.remove_prefix(at);
      if (rest[0] != '=') {
        const auto compare = take_compare(rest);
        MOLE_TRY(const auto value, take_value(argument, rest));
        MOLE_TRY(const auto number, number_of(argument, value));
        filters.push_back({std::string(column), {}, compare, number});
      } else {
        rest.remove_prefix(1);
        MOLE_TRY(auto value, take_value(argument, rest));
        auto filter = std::find_if(filters.begin(), filters.end(),
                                   [&](const auto& f) { return f.column == column && f.compare == GroupFilter::Compare::equal; });
        if (filter == filters.end()) filter = filters.insert(filters.end(), {std::string(column), {}});
        filter->values.push_back(std::move(value));
      }
      if (rest.empty()) break;
      rest.remove_prefix(1);  // the comma
    }
  }
  return filters;
}

std::string where_argument(const std::vector<std::pair<std::string, std::string>>& filters) {
  std::string text;
  for (const auto& [column, value] : filters) {
    text += (text.empty() ? "" : ",") + column + "=";
    if (value.find_first_of(",'\"") == std::string::npos) {
      text += value;
      continue;
    }
    text += '\'';
    for (const char c : value) text += c == '\'' ? std::string(2, c) : std::string(1, c);
    text += '\'';
  }
  const bool plain = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c >= 0x80 || std::isalnum(c) || std::string_view("_-.,=:/@+%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text)
    quoted += std::string_view("\"\\$`").find(c) == std::string_view::npos ? std::string(1, c) : std::string{'\\', c};
  return quoted + '"';
}

}  // namespace mole::cli
