#include "coordinator/manifest/file_pattern.hpp"

#include <algorithm>
#include <charconv>

namespace mole::coordinator::manifest {
namespace {

constexpr std::int64_t last_second = 253402300799;  // 9999-12-31T23:59:59Z
constexpr std::size_t max_pattern = 1024, max_matched = 4096;

struct PieceRule {
  char letter;  // of strftime
  TimePiece piece;
  std::size_t width;  // 0: not fixed
  std::int64_t min, max;
};
constexpr PieceRule piece_rules[] = {{'s', TimePiece::unix_seconds, 0, 0, last_second},
                                     {'Y', TimePiece::year, 4, 1, 9999},
                                     {'y', TimePiece::year_of_century, 2, 0, 99},
                                     {'m', TimePiece::month, 2, 1, 12},
                                     {'d', TimePiece::day, 2, 1, 31},
                                     {'j', TimePiece::day_of_year, 3, 1, 366},
                                     {'H', TimePiece::hour, 2, 0, 23},
                                     {'M', TimePiece::minute, 2, 0, 59},
                                     {'S', TimePiece::second, 2, 0, 59},
                                     {'z', TimePiece::offset, 0, -86399, 86399}};

const PieceRule& rule_of(TimePiece piece) { return *std::ranges::find(piece_rules, piece, &PieceRule::piece); }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits_at(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
}

std::int64_t number_of(std::string_view digits) {
  std::int64_t value = -1;  // stays if there are too many digits
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

// Reads "Z", "+0200", "-05:30". Returns the number of characters; 0: there is no offset.
std::size_t read_offset(std::string_view text, std::int64_t& seconds) {
  seconds = 0;
  if (text.starts_with('Z')) return 1;
  if (text.size() < 5 || (text[0] != '+' && text[0] != '-') || digits_at(text.substr(1)) < 2) return 0;
  const std::size_t colon = text[3] == ':' ? 1 : 0;
  if (text.size() < 5 + colon || digits_at(text.substr(3 + colon)) < 2) return 0;
  const auto hours = number_of(text.substr(1, 2)), minutes = number_of(text.substr(3 + colon, 2));
  if (hours > 23 || minutes > 59) return 0;
  seconds = (text[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
  return 5 + colon;
}

template <class T>
bool agree(std::optional<T>& known, T value) {
  if (known) return *known == value;
  known = value;
  return true;
}

// The last n + 1 components of a path; nullopt if it has fewer.
std::optional<std::string_view> last_components(std::string_view path, std::size_t n) {
  std::size_t from = path.size();
  for (std::size_t i = 0; i <= n; ++i) {
    if (i > 0 && from == 0) return std::nullopt;
    const auto slash = from == 0 ? std::string_view::npos : path.rfind('/', from - 1);
    if (slash == std::string_view::npos) return i == n ? std::optional(path) : std::nullopt;
    from = slash;
  }
  return path.substr(from + 1);
}

CivilTime shifted(const TimeZone& zone, Micros at, std::optional<std::int64_t> offset) {
  return offset ? TimeZone().local(at + *offset * second_us) : zone.local(at);
}

std::int64_t day_of_year(const CivilTime& t) {
  const auto days = [](const CivilTime& date) { return TimeZone().instants(date).at(0) / day_us; };
  return days({t.year, t.month, t.day}) - days({t.year, 1, 1}) + 1;
}

}  // namespace

// ---- times

bool NamedTime::empty() const {
  return std::ranges::none_of(pieces, [](const auto& piece) { return piece.has_value(); });
}

std::vector<Micros> NamedTime::instants(const TimeZone& zone) const {
  const NamedTime& has = *this;
  const auto offset = has[TimePiece::offset];
  std::vector<Micros> found;
  if (const auto seconds = has[TimePiece::unix_seconds]) {
    found = {*seconds * second_us};
  } else {
    CivilTime t;
    const auto century = has[TimePiece::year_of_century].value_or(0);
    t.year = has[TimePiece::year].value_or(century + (century < 69 ? 2000 : 1900));  // as strptime
    t.month = static_cast<int>(has[TimePiece::month].value_or(1));
    t.day = static_cast<int>(has[TimePiece::day].value_or(1));
    if (!has[TimePiece::month]) {
      const auto date = TimeZone().local(TimeZone().instants({t.year}).at(0) + (*has[TimePiece::day_of_year] - 1) * day_us);
      t.month = date.month;
      t.day = date.day;
    }
    t.hour = static_cast<int>(has[TimePiece::hour].value_or(0));
    t.minute = static_cast<int>(has[TimePiece::minute].value_or(0));
    t.second = static_cast<int>(has[TimePiece::second].value_or(0));
    found = offset ? TimeZone().instants(t) : zone.instants(t);
    if (offset)
      for (auto& at : found) at -= *offset * second_us;
  }
  // A time is given in full, and parts of it may be given again: in a folder, as the day of the year, or beside Unix seconds.
  std::erase_if(found, [&](Micros at) {
    const auto t = shifted(zone, at, offset);
    const auto differs = [&](TimePiece piece, std::int64_t value) { return has[piece] && *has[piece] != value; };
    return at < 0 || at > last_second * second_us || differs(TimePiece::year, t.year) ||
           differs(TimePiece::year_of_century, t.year % 100) || differs(TimePiece::month, t.month) ||
           differs(TimePiece::day, t.day) || differs(TimePiece::hour, t.hour) || differs(TimePiece::minute, t.minute) ||
           differs(TimePiece::second, t.second) ||
           (has[TimePiece::day_of_year] && differs(TimePiece::day_of_year, day_of_year(t)));
  });
  return found;
}

// ---- parsing a pattern

Result<FilePattern> FilePattern::parse(std::string_view text) {
  FilePattern pattern;
  pattern.text_ = text;
  if (text.empty() || text.size() > max_pattern) return invalid("the pattern must have 1 to 1024 characters");
  while (!text.empty()) {
    const auto open = text.find_first_of("{}");
    if (open != 0) {
      if (auto added = pattern.add({Kind::literal, std::string(text.substr(0, open))}); !added) return added.error();
      text.remove_prefix(open == std::string_view::npos ? text.size() : open);
      continue;
    }
    const auto close = text.find('}');
    if (text[0] == '}' || close == std::string_view::npos) return invalid("unbalanced { or } in the pattern; write {name}");
    if (auto added = pattern.add_placeholder(text.substr(1, close - 1)); !added) return added.error();
    text.remove_prefix(close + 1);
  }
  if (pattern.text_.starts_with('/') || pattern.text_.ends_with('/') || pattern.text_.find("//") != std::string::npos)
    return invalid("the pattern is relative to the root of the archive and ends in a file name; remove empty folders");
  if (!pattern.names(Kind::start) && !pattern.names(Kind::end))
    return invalid(
        "the pattern has no time; put {start:unix}, {end:unix} or a time such as {start:%Y%m%d%H%M} where file names contain it");
  if (auto good = pattern.check_time(Kind::start, "start"); !good) return good.error();
  if (auto good = pattern.check_time(Kind::end, "end"); !good) return good.error();
  return pattern;
}

Result<> FilePattern::add_placeholder(std::string_view name) {
  if (name == "router") return add({Kind::router, {}});
  if (name == "sequence") return add({Kind::sequence, {}});
  for (const auto& [kind, prefix] : {std::pair{Kind::start, std::string_view("start:")}, {Kind::end, "end:"}}) {
    if (!name.starts_with(prefix)) continue;
    const auto format = name.substr(prefix.size());
    return add_time(kind, format == "unix" ? "%s" : format);
  }
  return invalid("unknown placeholder {" + std::string(name) +
                 "}; use {router}, {sequence}, {start:unix}, {end:unix}, or a time such as {start:%Y-%m-%d.%H%M%S%z}");
}

Result<> FilePattern::add_time(Kind kind, std::string_view format) {
  bool any = false;
  while (!format.empty()) {
    const auto percent = format.find('%');
    if (percent != 0) {
      if (auto added = add({Kind::literal, std::string(format.substr(0, percent))}); !added) return added;
      format.remove_prefix(percent == std::string_view::npos ? format.size() : percent);
      continue;
    }
    const char letter = format.size() > 1 ? format[1] : ' ';
    format.remove_prefix(std::min<std::size_t>(2, format.size()));
    const auto rule = std::ranges::find(piece_rules, letter, &PieceRule::letter);
    if (letter != '%' && rule == std::end(piece_rules))
      return invalid(std::string("%") + letter +
                     " is not supported in a time; use unix, or %Y %y %m %d %j %H %M %S %s %z and text");
    if (auto added = add(letter == '%' ? Token{Kind::literal, "%"} : Token{kind, {}, rule->piece}); !added) return added;
    any = any || letter != '%';
  }
  return any ? Result<>() : invalid("a time needs a format: unix, or pieces such as %Y%m%d%H%M");
}

bool FilePattern::ends_open() const {
  if (tokens_.empty()) return false;
  const auto& last = tokens_.back();
  const bool is_time = last.kind == Kind::start || last.kind == Kind::end;
  return last.kind == Kind::router || last.kind == Kind::sequence || (is_time && last.piece == TimePiece::unix_seconds);
}

Result<> FilePattern::add(Token token) {
  if (token.kind == Kind::literal) {
    slashes_ += static_cast<std::size_t>(std::ranges::count(token.text, '/'));
    if (!tokens_.empty() && tokens_.back().kind == Kind::literal) {
      tokens_.back().text += token.text;
      return {};
    }
  } else if (ends_open()) {
    return invalid("two placeholders need text between them to show where the first ends, unless it is a time of fixed width");
  }
  tokens_.push_back(std::move(token));
  return {};
}

// A start or end must have a date, and each smaller unit needs the one above it.
Result<> FilePattern::check_time(Kind kind, const std::string& name) const {
  if (!names(kind) || has(kind, TimePiece::unix_seconds)) return {};
  const auto gives = [&](TimePiece piece) { return has(kind, piece); };
  const bool year = gives(TimePiece::year) || gives(TimePiece::year_of_century);
  const bool day = (gives(TimePiece::month) && gives(TimePiece::day)) || gives(TimePiece::day_of_year);
  if (!year || !day || (gives(TimePiece::month) && !gives(TimePiece::day)))
    return invalid("the " + name + " in the pattern has no complete date; it needs %Y or %y, and %m and %d, or %j");
  if ((gives(TimePiece::minute) && !gives(TimePiece::hour)) || (gives(TimePiece::second) && !gives(TimePiece::minute)))
    return invalid("the " + name + " in the pattern has %S without %M, or %M without %H; add the larger unit");
  return {};
}

bool FilePattern::names(Kind kind) const {
  return std::ranges::any_of(tokens_, [&](const Token& t) { return t.kind == kind; });
}

bool FilePattern::has(Kind kind, TimePiece piece) const {
  return std::ranges::any_of(tokens_, [&](const Token& t) { return t.kind == kind && t.piece == piece; });
}

// ---- matching a name

std::optional<NameFields> FilePattern::match(std::string_view id) const {
  const auto matched = last_components(id, slashes_);
  if (!matched || matched->size() > max_matched) return std::nullopt;
  return match_from(0, *matched, {});
}

std::optional<NameFields> FilePattern::match_from(std::size_t token, std::string_view rest, NameFields fields) const {
  if (token == tokens_.size()) return rest.empty() ? std::optional(fields) : std::nullopt;
  const auto& t = tokens_[token];
  const auto go_on = [&](std::size_t n) { return match_from(token + 1, rest.substr(n), fields); };
  if (t.kind == Kind::literal) return rest.starts_with(t.text) ? go_on(t.text.size()) : std::nullopt;
  if (t.kind == Kind::router) {
    if (!fields.router.empty()) return rest.starts_with(fields.router) ? go_on(fields.router.size()) : std::nullopt;
    const auto component = rest.substr(0, rest.find('/'));
    for (std::size_t n = 1; n <= component.size(); ++n) {
      fields.router = rest.substr(0, n);
      if (auto found = go_on(n)) return found;
    }
    return std::nullopt;
  }
  if (t.kind == Kind::sequence) {
    const auto n = digits_at(rest);
    if (n == 0 || n > 18 || !agree(fields.sequence, static_cast<std::uint64_t>(number_of(rest.substr(0, n)))))
      return std::nullopt;
    return go_on(n);
  }
  const auto& rule = rule_of(t.piece);
  std::int64_t value = 0;
  std::size_t n = rule.width;
  if (t.piece == TimePiece::offset) {
    n = read_offset(rest, value);
    if (n == 0) return std::nullopt;
  } else {
    const auto digits = digits_at(rest);
    if (n == 0) n = digits;
    if (digits < n || n == 0) return std::nullopt;
    value = number_of(rest.substr(0, n));
  }
  auto& time = t.kind == Kind::start ? fields.start : fields.end;
  if (value < rule.min || value > rule.max || !agree(time[t.piece], value)) return std::nullopt;
  return go_on(n);
}

}  // namespace mole::coordinator::manifest
