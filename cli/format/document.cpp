#include "cli/format/document.hpp"

#include "cli/format/human.hpp"

namespace mole::cli {

using nlohmann::json;

const json& field(const json& document, const char* key) {
  static const json nothing;
  if (!document.is_object()) return nothing;
  const auto found = document.find(key);
  return found == document.end() ? nothing : *found;
}

std::string text_of(const json& value) {
  if (value.is_string()) return printable(value.get_ref<const std::string&>());
  if (value.is_null()) return "";
  return printable(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::uint64_t count_of(const json& document, const char* key) {
  const json& value = field(document, key);
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (value.is_number_integer()) return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value.get<std::int64_t>()));
  if (value.is_number_float() && value.get<double>() > 0 && value.get<double>() < 1.8e19)
    return static_cast<std::uint64_t>(value.get<double>());
  return 0;
}

double number_of(const json& document, const char* key, double otherwise) {
  const json& value = field(document, key);
  return value.is_number() ? value.get<double>() : otherwise;
}

bool truth_of(const json& document, const char* key) {
  const json& value = field(document, key);
  return value.is_boolean() && value.get<bool>();
}

}  // namespace mole::cli
