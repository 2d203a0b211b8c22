// Documents as JSON.
//
//   nlohmann::json text = status;                              // any document, or a vector of them
//   auto status = read_document<ClusterStatus>(text);          // invalid: names the field that is missing or mistyped
#pragma once

#include "coordinator/wire/documents/table.hpp"

#include <limits>

namespace mole::coordinator {

// Text of a JSON value; bytes that are not UTF-8 become U+FFFD.
std::string json_text(const nlohmann::json& json);

template <Document T>
void to_json(nlohmann::json& out, const T& value);
template <Document T>
Result<T> read_document(const nlohmann::json& json);

namespace detail {

template <class V>
nlohmann::json value_to_json(const V& value, As as) {
  if constexpr (detail::Vector<V>) {
    auto out = nlohmann::json::array();
    for (const auto& item : value) out.push_back(value_to_json(item, as));
    return out;
  } else if constexpr (detail::Optional<V>) {
    return value ? value_to_json(*value, as) : nlohmann::json();
  } else if constexpr (detail::Map<V>) {
    auto out = nlohmann::json::object();
    for (const auto& [key, item] : value) out[std::string(word_of(key))] = value_to_json(item, as);
    return out;
  } else if constexpr (NamedEnum<V>) {
    return word_of(value);
  } else if constexpr (Document<V>) {
    nlohmann::json out;
    coordinator::to_json(out, value);
    return out;
  } else if constexpr (std::is_same_v<V, Digest>) {
    return value.empty() ? std::string() : value.hex();
  } else if constexpr (std::is_same_v<V, Micros>) {
    return as == As::time       ? nlohmann::json(format_time(value))
           : as == As::duration ? nlohmann::json(format_duration(value))
                                : nlohmann::json(value);
  } else {
    return value;
  }
}

// Thrown by value_from_json and caught by read_document.
struct Mistyped {
  std::string where, problem;
};

[[noreturn]] void refuse(const std::string& where, const nlohmann::json& json, const char* wanted);
std::int64_t integer_from_json(const nlohmann::json& json, const std::string& where, As as);
std::uint64_t count_from_json(const nlohmann::json& json, const std::string& where, std::uint64_t max);
double number_from_json(const nlohmann::json& json, const std::string& where);
bool bool_from_json(const nlohmann::json& json, const std::string& where);
const std::string& text_from_json(const nlohmann::json& json, const std::string& where);
Digest digest_from_json(const nlohmann::json& json, const std::string& where);

template <class V>
V value_from_json(const nlohmann::json& json, const std::string& where, As as) {
  if constexpr (detail::Vector<V>) {
    if (!json.is_array()) refuse(where, json, "a list");
    V out;
    for (const auto& item : json)
      out.push_back(value_from_json<typename V::value_type>(item, where + "[" + std::to_string(out.size()) + "]", as));
    return out;
  } else if constexpr (detail::Optional<V>) {
    if (json.is_null()) return std::nullopt;
    return value_from_json<typename V::value_type>(json, where, as);
  } else if constexpr (detail::Map<V>) {
    if (!json.is_object()) refuse(where, json, "an object");
    V out;
    for (const auto& [word, item] : json.items()) {
      const auto key = from_word<typename V::key_type>(word);
      if (!key) throw Mistyped{where, "has the unknown key \"" + word + "\""};
      out[*key] = value_from_json<typename V::mapped_type>(item, where + "." + word, as);
    }
    return out;
  } else if constexpr (NamedEnum<V>) {
    const auto found = from_word<V>(text_from_json(json, where));
    if (!found) throw Mistyped{where, "is \"" + json.get<std::string>() + "\", an unknown word"};
    return *found;
  } else if constexpr (Document<V>) {
    if (!json.is_object()) refuse(where, json, "an object");
    V out;
    for_each_field<V>([&](const auto& field, std::int16_t) {
      using M = std::remove_cvref_t<decltype(out.*field.member)>;
      const auto found = json.find(field.name);
      if (found != json.end())
        out.*field.member = value_from_json<M>(*found, where + "." + field.name, field.as);
      else if (!field.may_be_absent)
        throw Mistyped{where + "." + field.name, "is missing"};
    });
    return out;
  } else if constexpr (std::is_same_v<V, nlohmann::json>) {
    return json;
  } else if constexpr (std::is_same_v<V, std::string>) {
    return text_from_json(json, where);
  } else if constexpr (std::is_same_v<V, Digest>) {
    return digest_from_json(json, where);
  } else if constexpr (std::is_same_v<V, bool>) {
    return bool_from_json(json, where);
  } else if constexpr (std::is_same_v<V, double>) {
    return number_from_json(json, where);
  } else if constexpr (std::is_unsigned_v<V>) {
    return static_cast<V>(count_from_json(json, where, std::numeric_limits<V>::max()));
  } else if constexpr (std::is_same_v<V, Micros> || std::is_same_v<V, std::int32_t>) {
    return static_cast<V>(integer_from_json(json, where, as));
  } else {
    static_assert(unsupported_member<V>, "table.hpp lists the types a member may have");
  }
}

}  // namespace detail

template <Document T>
void to_json(nlohmann::json& out, const T& value) {
  out = nlohmann::json::object();
  for_each_field<T>([&](const auto& field, std::int16_t) {
    const auto& member = value.*field.member;
    if (field.may_be_absent && member == std::remove_cvref_t<decltype(member)>{}) return;
    out[field.name] = detail::value_to_json(member, field.as);
  });
}

// Unknown fields are ignored. invalid: a field is missing or has another type.
template <Document T>
Result<T> read_document(const nlohmann::json& json) {
  try {
    return detail::value_from_json<T>(json, FieldTableOf<T>::value.name, As::number);
  } catch (const detail::Mistyped& mistyped) {
    return invalid(mistyped.where + " " + mistyped.problem + "; are both programs of the same version?");
  }
}

}  // namespace mole::coordinator
