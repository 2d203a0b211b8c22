// Splits the text of a filter into words for the parser.
#pragma once

#include <mole/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace mole {

struct FilterWord {
  std::string text;  // lower case, except in names
  std::string raw;
  std::size_t at = 0;  // offset in the filter's text
  bool quoted = false;
};

// The words in order, followed by an empty word that marks the end of the text.
Result<std::vector<FilterWord>> split_filter(std::string_view text);

// Whether `c` may be part of an unquoted word.
bool is_filter_word(char c);
Error filter_error(std::size_t at, const std::string& problem);

// Whether `text` is written as octets are printed: 0x00ff, or a MAC address, in lower case.
bool is_octets(std::string_view text);

}  // namespace mole
