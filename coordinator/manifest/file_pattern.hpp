// Parses file names by the manifest's `files` pattern: "{router}_{sequence}_{start:unix}.dat.bz2",
// "{router}/{start:%Y/%m/%d}/nfcapd.{start:%Y%m%d%H%M}".
//
// A pattern with n slashes is matched against the last n + 1 components of an id. A placeholder or piece of time may occur
// several times and must then have the same value everywhere.
#pragma once

#include "coordinator/manifest/time_zone.hpp"

#include <array>
#include <optional>

namespace mole::coordinator::manifest {

// Pieces of a time in a name. `offset` is in seconds east of UTC.
enum class TimePiece { unix_seconds, year, year_of_century, month, day, day_of_year, hour, minute, second, offset };
inline constexpr std::size_t time_pieces = 10;

// The pieces of a time in a name.
struct NamedTime {
  std::array<std::optional<std::int64_t>, time_pieces> pieces;

  const std::optional<std::int64_t>& operator[](TimePiece piece) const { return pieces[static_cast<std::size_t>(piece)]; }
  std::optional<std::int64_t>& operator[](TimePiece piece) { return pieces[static_cast<std::size_t>(piece)]; }
  bool empty() const;

  // Returns the times it can mean, in order: without an offset, a local time of the zone may occur twice, or not at all.
  std::vector<Micros> instants(const TimeZone& zone) const;
};

// The values of the placeholders in one name.
struct NameFields {
  std::string_view router;  // part of the id; empty if the pattern has none
  std::optional<std::uint64_t> sequence;
  NamedTime start, end;
};

class FilePattern {
 public:
  FilePattern() = default;
  // invalid: an unknown placeholder (the message lists the known ones), no complete time, or two placeholders without text
  // between them of which the first has no fixed width.
  static Result<FilePattern> parse(std::string_view text);

  std::optional<NameFields> match(std::string_view id) const;
  const std::string& text() const { return text_; }
  bool names_router() const { return names(Kind::router); }
  bool names_sequence() const { return names(Kind::sequence); }

 private:
  enum class Kind { literal, router, sequence, start, end };
  struct Token {
    Kind kind;
    std::string text;                           // literal
    TimePiece piece = TimePiece::unix_seconds;  // start, end
  };
  bool names(Kind kind) const;
  bool has(Kind kind, TimePiece piece) const;
  bool ends_open() const;  // the last token is a placeholder without a fixed width
  Result<> add_placeholder(std::string_view name);
  Result<> add_time(Kind kind, std::string_view format);
  Result<> add(Token token);
  Result<> check_time(Kind kind, const std::string& name) const;
  std::optional<NameFields> match_from(std::size_t token, std::string_view rest, NameFields fields) const;

  std::string text_;
  std::vector<Token> tokens_;
  std::size_t slashes_ = 0;
};

}  // namespace mole::coordinator::manifest
