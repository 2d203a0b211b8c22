#include "plugins/downloaders/http/index.hpp"

#include "plugins/downloaders/web/url.hpp"

#include <libxml/HTMLparser.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

namespace mole::http {
namespace {

enum class Column { name, size, mtime, digest };
constexpr std::array<std::string_view, 4> column_names{"name", "size", "mtime", "digest"};

// Splits a line. nullopt: a quote is not closed, or something follows it.
std::optional<std::vector<std::string>> split(std::string_view line, char separator) {
  std::vector<std::string> fields;
  for (;;) {
    std::string field;
    if (separator == ',' && line.starts_with('"')) {
      std::size_t i = 1;
      for (;; ++i) {
        if (i == line.size()) return std::nullopt;
        if (line[i] == '"' && line.substr(i + 1).starts_with('"'))
          ++i;
        else if (line[i] == '"')
          break;
        field += line[i];
      }
      line.remove_prefix(i + 1);
      if (!line.empty() && line[0] != separator) return std::nullopt;
    } else {
      const auto end = std::min(line.find(separator), line.size());
      field = line.substr(0, end);
      line.remove_prefix(end);
    }
    fields.push_back(std::move(field));
    if (line.empty()) return fields;
    line.remove_prefix(1);
  }
}

// The columns that a first line names; empty: it is a file.
std::optional<std::vector<Column>> header(const std::vector<std::string>& fields) {
  std::vector<Column> columns;
  if (std::find(fields.begin(), fields.end(), "name") == fields.end()) return columns;
  for (const auto& field : fields) {
    const auto found = std::find(column_names.begin(), column_names.end(), field);
    if (found == column_names.end()) return std::nullopt;
    columns.push_back(static_cast<Column>(found - column_names.begin()));
  }
  return columns;
}

Error on_line(std::size_t number, const std::string& what) {
  return invalid("line " + std::to_string(number) + " of the listing " + what + "; correct the listing");
}

// "md5:..." or "sha256:...", from that or from the digits alone.
std::optional<std::string> digest_of(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto colon = text.find(':');
  const auto digits = text.substr(colon == std::string::npos ? 0 : colon + 1);
  const std::string kind = digits.size() == 32 ? "md5" : digits.size() == 64 ? "sha256" : "";
  if (kind.empty() || digits.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  if (colon != std::string::npos && text.substr(0, colon) != kind) return std::nullopt;
  return kind + ":" + digits;
}

Result<Line> line_of(const std::vector<std::string>& fields, const std::vector<Column>& columns, std::size_t number) {
  Line line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto& field = fields[i];
    if (columns[i] == Column::name) line.name = field;
    if (columns[i] == Column::mtime) line.mtime = field;
    if (columns[i] == Column::digest && !field.empty()) {
      auto digest = digest_of(field);
      if (!digest) return on_line(number, "has a digest that is neither MD5 nor SHA-256 in hexadecimal digits");
      line.digest = std::move(*digest);
    }
    if (columns[i] != Column::size || field.empty()) continue;
    line.size = web::number(field);
    if (!line.size) return on_line(number, "has a size that is not a number of bytes");
  }
  if (line.name.empty()) return on_line(number, "has no name");
  return line;
}

struct Links {
  htmlParserCtxt* parser = nullptr;
  std::vector<std::string> found = {};
  int depth = 0;
  bool refused = false;
};

extern "C" void mole_http_start(void* self, const xmlChar* name, const xmlChar** attributes) {
  constexpr std::size_t max_links = 1'000'000;
  constexpr int max_depth = 1000;
  auto& links = *static_cast<Links*>(self);
  links.refused = links.refused || ++links.depth > max_depth || links.found.size() >= max_links;
  if (links.refused) return xmlStopParser(links.parser);
  if (xmlStrcmp(name, BAD_CAST "a") != 0 || !attributes) return;
  for (; attributes[0]; attributes += 2)
    if (attributes[1] && xmlStrcmp(attributes[0], BAD_CAST "href") == 0)
      links.found.emplace_back(reinterpret_cast<const char*>(attributes[1]));
}

}  // namespace

Result<std::vector<std::string>> links_of(const std::string& html) {
  static const bool initialised = (xmlInitParser(), true);  // before threads use it
  (void)initialised;
  Links links;
  htmlSAXHandler events{};
  events.startElement = &mole_http_start;
  events.endElement = [](void* self, const xmlChar*) { static_cast<Links*>(self)->depth -= 1; };
  const auto size = static_cast<int>(std::min<std::size_t>(html.size(), std::numeric_limits<int>::max()));
  const std::unique_ptr<htmlParserCtxt, decltype(&htmlFreeParserCtxt)> parser(
      htmlCreatePushParserCtxt(&events, &links, nullptr, 0, nullptr, XML_CHAR_ENCODING_UTF8), &htmlFreeParserCtxt);
  if (!parser) return exhausted("cannot read an index page: out of memory; give the node more memory");
  links.parser = parser.get();
  htmlCtxtUseOptions(parser.get(), HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING);
  htmlParseChunk(parser.get(), html.data(), size, 1);
  if (links.refused)
    return exhausted(
        "an index page has more than a million links, or is nested more than 1000 deep; use a listing (params.listing)");
  return std::move(links.found);
}

Result<> read_listing(std::string_view text, const std::function<Result<>(const Line&)>& found) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (!text.empty() && text.back() != '\n')
    return transient(
        "the listing does not end with a line break, so it may be incomplete; try again, or end its last line with one");
  std::vector<Column> columns;
  char separator = ',';
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    auto raw = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (raw.ends_with('\r')) raw.remove_suffix(1);
    if (raw.empty()) continue;
    if (columns.empty() && raw.find('\t') != std::string_view::npos) separator = '\t';
    const auto fields = split(raw, separator);
    if (!fields) return on_line(number, "has an unclosed quote");
    if (columns.empty()) {
      const auto named = header(*fields);
      if (!named) return on_line(number, "names a column that is not name, size, mtime or digest");
      columns = *named;
      if (!columns.empty()) continue;
      if (fields->size() > column_names.size()) return on_line(number, "has more than 4 columns");
      for (std::size_t i = 0; i < fields->size(); ++i) columns.push_back(static_cast<Column>(i));
    }
    if (fields->size() != columns.size())
      return on_line(number, "has " + std::to_string(fields->size()) + " columns instead of " + std::to_string(columns.size()));
    MOLE_TRY(const auto line, line_of(*fields, columns, number));
    if (auto taken = found(line); !taken) return taken;
  }
  return {};
}

}  // namespace mole::http
