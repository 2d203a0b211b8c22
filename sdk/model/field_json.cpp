#include "sdk/model/field_json.hpp"

namespace mole {

using nlohmann::json;

std::string json_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

void to_json(json& j, const Digest& d) { j = d.empty() ? std::string{} : d.hex(); }
void from_json(const json& j, Digest& d) { d = field_detail::digest_from_json(j, "a digest"); }
void to_json(json& j, const TimeRange& r) { j = json::array({r.from, r.to}); }
void from_json(const json& j, TimeRange& r) { r = field_detail::range_from_json(j, "a range"); }

namespace field_detail {

void reject(const std::string& where, const json& value, const char* wanted) {
  const auto found = value.dump(-1, ' ', true, json::error_handler_t::replace).substr(0, 60);
  throw MalformedDocument(where, "is " + found + ", not " + wanted);
}

std::int64_t integer_from_json(const json& value, const std::string& where, As as, std::size_t bytes) {
  if (as == As::number) {
    const auto max = bytes == 4 ? INT32_MAX : INT64_MAX;
    if (!value.is_number_integer()) reject(where, value, "a whole number");
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(max))
      reject(where, value, "in range");
    if (value.get<std::int64_t>() < -max - 1) reject(where, value, "in range");
    return value.get<std::int64_t>();
  }
  const auto& text = text_from_json(value, where);
  const auto micros = as == As::time ? parse_time(text) : parse_duration(text);
  if (!micros) throw MalformedDocument(where, "cannot be read: " + micros.error().message);
  return *micros;
}

std::uint64_t count_from_json(const json& value, const std::string& where, std::uint64_t max) {
  if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<std::int64_t>() < 0))
    reject(where, value, "a whole number of at least 0");
  if (value.get<std::uint64_t>() > max) throw MalformedDocument(where, "is larger than " + std::to_string(max));
  return value.get<std::uint64_t>();
}

double number_from_json(const json& value, const std::string& where) {
  if (!value.is_number()) reject(where, value, "a number");
  return value.get<double>();
}

bool bool_from_json(const json& value, const std::string& where) {
  if (!value.is_boolean()) reject(where, value, "true or false");
  return value.get<bool>();
}

const std::string& text_from_json(const json& value, const std::string& where) {
  if (!value.is_string()) reject(where, value, "a string");
  return value.get_ref<const std::string&>();
}

Digest digest_from_json(const json& value, const std::string& where) {
  const auto& text = text_from_json(value, where);
  if (text.empty()) return {};
  const auto digest = Digest::from_hex(text);
  if (!digest) throw MalformedDocument(where, "is not a digest of 32 hex digits");
  return *digest;
}

TimeRange range_from_json(const json& value, const std::string& where) {
  if (!value.is_array() || value.size() != 2 || !value[0].is_number_integer() || !value[1].is_number_integer())
    reject(where, value, "a range [from, to]");
  return {value[0].get<Micros>(), value[1].get<Micros>()};
}

}  // namespace field_detail
}  // namespace mole
