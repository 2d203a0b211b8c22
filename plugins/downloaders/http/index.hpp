// What HTTP servers say about their files: the links of an index page, and listing files.
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::http {

// The targets of the links (<a href>) of an HTML page, in order. exhausted: more than a million, or elements nested too deep.
Result<std::vector<std::string>> links_of(const std::string& html);

// A line of a listing. Empty: not stated.
struct Line {
  std::string name = {};
  std::optional<std::uint64_t> size = {};
  std::string mtime = {};
  std::string digest = {};  // "md5:" or "sha256:" and hexadecimal digits
};

// Reads a listing: a file on each line, as "name", or as columns separated by tabs or commas (then quoted as in RFC 4180). The
// first line may name the columns: name, size, mtime, digest in any order; without it they have this order. invalid, with the
// line number: it is not such a listing. transient: it ends within a line.
Result<> read_listing(std::string_view text, const std::function<Result<>(const Line&)>& found);

}  // namespace mole::http
