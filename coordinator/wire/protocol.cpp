#include "coordinator/wire/protocol.hpp"

#include <cstring>

namespace mole::coordinator::detail {

using apache::thrift::protocol::TProtocolException;

void refuse_field(const char* document, const char* field, const char* problem) {
  throw TProtocolException(TProtocolException::INVALID_DATA, std::string(document) + "." + field + " " + problem);
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

bool read_json(TProtocol& in, nlohmann::json& json) {
  std::string text;
  in.readString(text);
  json = nlohmann::json::parse(text, nullptr, false);
  return !json.is_discarded();
}

}  // namespace mole::coordinator::detail
