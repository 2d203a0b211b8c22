#include "sdk/model/filter_words.hpp"

#include <algorithm>
#include <cstring>

namespace mole {
namespace {

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

bool is_filter_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '/' ||
         c == '_' || c == '-' || c == '*';
}

Error filter_error(std::size_t at, const std::string& problem) {
  return invalid("filter, column " + std::to_string(at + 1) + ": " + problem);
}

bool is_octets(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  if (hex ? text.size() % 2 != 0 : text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!hex && i % 3 == 2 ? text[i] != ':' : std::string_view("0123456789abcdef").find(text[i]) == text.npos) return false;
  return true;
}

Result<std::vector<FilterWord>> split_filter(std::string_view s) {
  std::vector<FilterWord> words;
  std::size_t i = 0;
  const auto push = [&](std::size_t length) {
    const auto raw = s.substr(i, length);
    words.push_back({lower(raw), std::string(raw), i, false});
    i += length;
  };
  while (i < s.size()) {
    const char c = s[i];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++i;
    } else if (c == '#') {
      i = std::min(s.find('\n', i), s.size());
    } else if (c == '"' || c == '\'') {
      const auto close = s.find(c, i + 1);
      if (close == s.npos) return filter_error(i, "a quoted name is not closed; add the closing quote");
      words.push_back({std::string(s.substr(i + 1, close - i - 1)), std::string(s.substr(i + 1, close - i - 1)), i, true});
      i = close + 1;
    } else if (is_filter_word(c)) {
      std::size_t n = 1;
      while (i + n < s.size() && is_filter_word(s[i + n])) ++n;
      push(n);
    } else if (const auto two = s.substr(i, 2);
               two == "<=" || two == ">=" || two == "!=" || two == "==" || two == "&&" || two == "||") {
      push(2);
    } else if (std::strchr("()[],<>=!", c)) {
      push(1);
    } else {
      return filter_error(i, std::string("unexpected character '") + c + "'");
    }
  }
  words.push_back({"", "", s.size(), false});
  return words;
}

}  // namespace mole
