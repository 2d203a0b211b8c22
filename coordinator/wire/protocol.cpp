#include "coordinator/wire/protocol.hpp"

#include <cstring>

namespace mole::coordinator::detail {
namespace {

// Parsed, a megabyte of '[' would occupy a hundred megabytes. Real documents are nested about a dozen levels deep.
bool nested_too_deeply(const std::string& json) {
  constexpr int max_depth = 64;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\')
      ++i;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{') && ++depth > max_depth)
      return true;
    else if (!quoted && (c == ']' || c == '}'))
      --depth;
  }
  return false;
}

struct RangeDocument {
  Micros from = 0, to = 0;
  static constexpr auto table =
      document("TimeRange", "", field("from", &RangeDocument::from, ""), field("to", &RangeDocument::to, ""));
};

}  // namespace

void reject_field(const char* document, const char* field, const char* problem) {
  throw RejectedField(std::string(document) + "." + field + " " + problem);
}

std::uint32_t write_digest(TProtocol& out, const Digest& digest) {
  return out.writeBinary(digest.empty() ? std::string() : std::string(digest.bytes.begin(), digest.bytes.end()));
}

std::uint32_t write_json(TProtocol& out, const nlohmann::json& json) { return out.writeString(json_text(json)); }

bool read_digest(TProtocol& in, Digest& digest) {
  std::string bytes;
  in.readBinary(bytes);
  if (bytes.size() == digest.bytes.size()) std::memcpy(digest.bytes.data(), bytes.data(), bytes.size());
  return bytes.empty() || bytes.size() == digest.bytes.size();
}

const char* read_json(TProtocol& in, nlohmann::json& json) {
  std::string text;
  in.readString(text);
  if (nested_too_deeply(text)) return "is nested more than 64 levels deep";
  json = nlohmann::json::parse(text, nullptr, false);
  return json.is_discarded() ? "is not JSON" : nullptr;
}

std::uint32_t write_range(TProtocol& out, const TimeRange& range) {
  return write_struct(out, RangeDocument{.from = range.from, .to = range.to});
}

void read_range(TProtocol& in, TimeRange& range) {
  RangeDocument read;
  read_struct(in, read);
  range = {read.from, read.to};
}

}  // namespace mole::coordinator::detail
