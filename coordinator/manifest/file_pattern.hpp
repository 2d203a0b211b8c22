// Parses file names according to the manifest's `files` pattern, such as "{router}_{sequence}_{start:unix}.dat.bz2".
#pragma once

#include "sdk/model/time.hpp"

#include <vector>

namespace mole::coordinator::manifest {

// The values of the placeholders in one name.
struct NameParts {
  std::string router;          // empty if the pattern has none
  std::uint64_t sequence = 0;  // 0 if the pattern has none
  TimeRange covers;            // if the name has only a start or an end, the other is `covers` away
};

class FilePattern {
 public:
  FilePattern() = default;
  // invalid: an unknown placeholder (the message lists the known ones), a duplicate, no time, or two without text between them.
  static Result<FilePattern> parse(std::string_view text);

  // Parses the last component of `id`; nullopt if it does not match the pattern. `covers` is the time one file covers.
  std::optional<NameParts> match(std::string_view id, Micros covers) const;
  const std::string& text() const { return text_; }
  bool names_router() const;

 private:
  enum class Kind { literal, router, sequence, start, end };
  struct Token {
    Kind kind;
    std::string text;
  };
  struct Captures;
  bool names(Kind kind) const;
  bool match_from(std::size_t token, std::string_view rest, Captures& out) const;

  std::string text_;
  std::vector<Token> tokens_;
};

}  // namespace mole::coordinator::manifest
