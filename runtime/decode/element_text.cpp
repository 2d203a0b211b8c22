#include "runtime/decode/element_text.hpp"

#include "sdk/model/flow_columns.hpp"
#include "sdk/model/time.hpp"
#include "sdk/model/utf8.hpp"

#include <mole/addr.hpp>

#include <arpa/inet.h>

#include <charconv>
#include <string_view>

namespace mole::runtime {
namespace {

void append_number(std::string& out, auto number) {
  char text[40];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

void append_hex(std::string& out, std::string_view bytes, std::string_view separator) {
  static constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    if (i > 0) out += separator;
    (out += digits[byte >> 4]) += digits[byte & 15];
  }
}

void append_bytes(std::string& out, ElementType type, std::string_view bytes) {
  if (type == ElementType::string && is_utf8(bytes)) {
    out += bytes;
  } else if (type == ElementType::mac_address && bytes.size() == 6) {
    append_hex(out, bytes, ":");
  } else {
    out += "0x";
    append_hex(out, bytes, "");
  }
}

void append_address(std::string& out, const std::uint8_t* bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  const bool v4 = Addr::v6(bytes).is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + 12 : bytes, text, sizeof text);
  out += text;
}

}  // namespace

void append_element_text(std::string& out, ElementType type, const mole_values& values, std::uint64_t i) {
  const auto seen = value_type(type);
  if (seen == "text") {
    const auto& text = static_cast<const mole_text*>(values.values)[i];
    append_bytes(out, type, {text.data, static_cast<std::size_t>(text.size)});
  } else if (seen == "addr") {
    append_address(out, static_cast<const std::uint8_t*>(values.values) + 16 * i);
  } else if (seen == "f64") {
    append_number(out, static_cast<const double*>(values.values)[i]);
  } else if (seen == "time") {
    out += format_time(static_cast<const std::int64_t*>(values.values)[i]);
  } else if (seen == "bool") {
    out += static_cast<const std::uint64_t*>(values.values)[i] != 0 ? "true" : "false";
  } else if (seen == "i64") {
    append_number(out, static_cast<const std::int64_t*>(values.values)[i]);
  } else {
    append_number(out, static_cast<const std::uint64_t*>(values.values)[i]);
  }
}

}  // namespace mole::runtime
