#include "coordinator/manifest/file_pattern.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace mole::coordinator::manifest {
namespace {

constexpr std::int64_t last_second = 253402300799;  // 9999-12-31T23:59:59Z
constexpr std::size_t max_name = 255;

std::size_t digits_at(std::string_view text) {
  return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), [](char c) { return c < '0' || c > '9'; }) -
                                  text.begin());
}

}  // namespace

struct FilePattern::Captures {
  std::string_view router;
  std::uint64_t sequence = 0;
  std::optional<std::int64_t> start, end;
};

Result<FilePattern> FilePattern::parse(std::string_view text) {
  FilePattern pattern;
  pattern.text_ = text;
  if (text.empty() || text.size() > max_name) return invalid("the pattern must have 1 to 255 characters");
  while (!text.empty()) {
    const auto open = text.find_first_of("{}");
    if (open != 0) {
      pattern.tokens_.push_back({Kind::literal, std::string(text.substr(0, open))});
      if (pattern.tokens_.back().text.find('/') != std::string::npos)
        return invalid("the pattern is matched against the last component of a path; leave out everything up to the last \"/\"");
      text.remove_prefix(open == std::string_view::npos ? text.size() : open);
      continue;
    }
    const auto close = text.find('}');
    if (text[0] == '}' || close == std::string_view::npos) return invalid("unbalanced { or } in the pattern; write {name}");
    const auto name = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    static const std::map<std::string_view, Kind> kinds = {
        {"router", Kind::router}, {"sequence", Kind::sequence}, {"start:unix", Kind::start}, {"end:unix", Kind::end}};
    const auto known = kinds.find(name);
    if (known == kinds.end())
      return invalid("unknown placeholder {" + std::string(name) + "}; use {router}, {sequence}, {start:unix} or {end:unix}");
    const auto kind = known->second;
    if (pattern.names(kind))
      return invalid("the placeholder {" + std::string(name) + "} occurs twice in the pattern; remove one");
    if (!pattern.tokens_.empty() && pattern.tokens_.back().kind != Kind::literal)
      return invalid("two placeholders need text between them to show where the first ends");
    pattern.tokens_.push_back({kind, std::string(name)});
  }
  if (!pattern.names(Kind::start) && !pattern.names(Kind::end))
    return invalid("the pattern has no time; put {start:unix} or {end:unix} where file names contain it");
  return pattern;
}

bool FilePattern::names(Kind kind) const {
  return std::any_of(tokens_.begin(), tokens_.end(), [&](const Token& t) { return t.kind == kind; });
}
bool FilePattern::names_router() const { return names(Kind::router); }

bool FilePattern::match_from(std::size_t token, std::string_view rest, Captures& out) const {
  if (token == tokens_.size()) return rest.empty();
  const auto& t = tokens_[token];
  if (t.kind == Kind::literal) return rest.starts_with(t.text) && match_from(token + 1, rest.substr(t.text.size()), out);
  if (t.kind == Kind::router) {
    for (std::size_t n = 1; n <= rest.size(); ++n) {
      out.router = rest.substr(0, n);
      if (match_from(token + 1, rest.substr(n), out)) return true;
    }
    return false;
  }
  const auto n = digits_at(rest);
  if (n == 0 || n > 19) return false;
  std::uint64_t value = 0;
  std::from_chars(rest.data(), rest.data() + n, value);
  if (t.kind == Kind::sequence)
    out.sequence = value;
  else if (value > static_cast<std::uint64_t>(last_second))
    return false;
  else
    (t.kind == Kind::start ? out.start : out.end) = static_cast<std::int64_t>(value);
  return match_from(token + 1, rest.substr(n), out);
}

std::optional<NameParts> FilePattern::match(std::string_view id, Micros covers) const {
  if (const auto slash = id.rfind('/'); slash != std::string_view::npos) id.remove_prefix(slash + 1);
  Captures captures;
  if (id.size() > max_name || !match_from(0, id, captures)) return std::nullopt;
  NameParts parts;
  parts.router = captures.router;
  parts.sequence = captures.sequence;
  parts.covers.from = captures.start ? *captures.start * second_us : *captures.end * second_us - covers;
  parts.covers.to = captures.end ? *captures.end * second_us : parts.covers.from + covers;
  if (parts.covers.empty()) return std::nullopt;
  return parts;
}

}  // namespace mole::coordinator::manifest
