// Documents (field_table.hpp) as JSON.
//
//   nlohmann::json text = status;                              // any document, or a vector of them
//   auto status = read_document<ClusterStatus>(text);          // invalid: a field is missing or has the wrong type
//   auto status = text.get<ClusterStatus>();                   // throws nlohmann::json::exception instead
//
// Readers ignore unknown fields.
#pragma once

#include "sdk/model/field_table.hpp"

#include <limits>

namespace mole {

// Returns the JSON text of a value; bytes that are not UTF-8 become U+FFFD.
std::string json_text(const nlohmann::json& json);

void to_json(nlohmann::json&, const Digest&);  // 32 hex digits; "" if empty
void from_json(const nlohmann::json&, Digest&);
void to_json(nlohmann::json&, const TimeRange&);  // [from, to] in microseconds
void from_json(const nlohmann::json&, TimeRange&);

namespace field_detail {

template <class M>
bool is_default(const M& member) {
  if constexpr (Optional<M>)
    return !member;
  else if constexpr (requires { member.empty(); })
    return member.empty();
  else if constexpr (requires { member == M{}; })
    return member == M{};
  else
    return false;
}

template <class V>
nlohmann::json value_to_json(const V& value, As as) {
  if constexpr (Vector<V>) {
    auto out = nlohmann::json::array();
    for (const auto& item : value) out.push_back(value_to_json(item, as));
    return out;
  } else if constexpr (Optional<V>) {
    return value ? value_to_json(*value, as) : nlohmann::json();
  } else if constexpr (Map<V>) {
    auto out = nlohmann::json::object();
    for (const auto& [key, item] : value) out[std::string(name_of(key))] = value_to_json(item, as);
    return out;
  } else if constexpr (Named<V>) {
    return name_of(value);
  } else if constexpr (Document<V>) {
    auto out = nlohmann::json::object();
    for_each_field<V>([&](const auto& field, std::int16_t) {
      const auto& member = value.*field.member;
      if (!field.may_be_absent || !is_default(member)) out[field.name] = value_to_json(member, field.as);
    });
    return out;
  } else if constexpr (std::is_same_v<V, Micros>) {
    return as == As::time       ? nlohmann::json(format_time(value))
           : as == As::duration ? nlohmann::json(format_duration(value))
                                : nlohmann::json(value);
  } else {
    return value;
  }
}

struct MalformedDocument : nlohmann::json::exception {
  MalformedDocument(const std::string& where, const std::string& problem) : exception(501, (where + " " + problem).c_str()) {}
};

[[noreturn]] void reject(const std::string& where, const nlohmann::json& json, const char* wanted);
std::int64_t integer_from_json(const nlohmann::json& json, const std::string& where, As as, std::size_t bytes);
std::uint64_t count_from_json(const nlohmann::json& json, const std::string& where, std::uint64_t max);
double number_from_json(const nlohmann::json& json, const std::string& where);
bool bool_from_json(const nlohmann::json& json, const std::string& where);
const std::string& text_from_json(const nlohmann::json& json, const std::string& where);
Digest digest_from_json(const nlohmann::json& json, const std::string& where);
TimeRange range_from_json(const nlohmann::json& json, const std::string& where);

template <class V>
V value_from_json(const nlohmann::json& json, const std::string& where, As as) {
  if constexpr (Vector<V>) {
    if (!json.is_array()) reject(where, json, "a list");
    V out;
    for (const auto& item : json)
      out.push_back(value_from_json<typename V::value_type>(item, where + "[" + std::to_string(out.size()) + "]", as));
    return out;
  } else if constexpr (Optional<V>) {
    if (json.is_null()) return std::nullopt;
    return value_from_json<typename V::value_type>(json, where, as);
  } else if constexpr (Map<V>) {
    if (!json.is_object()) reject(where, json, "an object");
    V out;
    for (const auto& [name, item] : json.items()) {
      const auto key = from_name<typename V::key_type>(name);
      if (!key) throw MalformedDocument(where, "has the unknown key \"" + name + "\"");
      out[*key] = value_from_json<typename V::mapped_type>(item, where + "." + name, as);
    }
    return out;
  } else if constexpr (Named<V>) {
    const auto found = from_name<V>(text_from_json(json, where));
    if (!found) throw MalformedDocument(where, "has the unknown value \"" + json.get<std::string>().substr(0, 60) + "\"");
    return *found;
  } else if constexpr (Document<V>) {
    if (!json.is_object()) reject(where, json, "an object");
    V out;
    for_each_field<V>([&](const auto& field, std::int16_t) {
      using M = std::remove_cvref_t<decltype(out.*field.member)>;
      const auto found = json.find(field.name);
      if (found != json.end())
        out.*field.member = value_from_json<M>(*found, where + "." + field.name, field.as);
      else if (!field.may_be_absent)
        throw MalformedDocument(where + "." + field.name, "is missing");
    });
    return out;
  } else if constexpr (std::is_same_v<V, nlohmann::json>) {
    return json;
  } else if constexpr (std::is_same_v<V, std::string>) {
    return text_from_json(json, where);
  } else if constexpr (std::is_same_v<V, Digest>) {
    return digest_from_json(json, where);
  } else if constexpr (std::is_same_v<V, TimeRange>) {
    return range_from_json(json, where);
  } else if constexpr (std::is_same_v<V, bool>) {
    return bool_from_json(json, where);
  } else if constexpr (std::is_same_v<V, double>) {
    return number_from_json(json, where);
  } else if constexpr (std::is_unsigned_v<V>) {
    return static_cast<V>(count_from_json(json, where, std::numeric_limits<V>::max()));
  } else if constexpr (std::is_same_v<V, Micros> || std::is_same_v<V, std::int32_t>) {
    return static_cast<V>(integer_from_json(json, where, as, sizeof(V)));
  } else {
    static_assert(unsupported_member<V>, "field_table.hpp lists the types a member may have");
  }
}

}  // namespace field_detail

// invalid: a field, which the message names, is missing or has the wrong type.
template <Document T>
Result<T> read_document(const nlohmann::json& json) {
  try {
    return field_detail::value_from_json<T>(json, T::table.name, As::number);
  } catch (const field_detail::MalformedDocument& malformed) {
    return invalid(std::string(malformed.what()) + "; the sender and the reader of this document must have the same version");
  }
}

}  // namespace mole

template <mole::Document T>
struct nlohmann::adl_serializer<T> {
  static void to_json(nlohmann::json& j, const T& value) { j = mole::field_detail::value_to_json(value, mole::As::number); }
  static void from_json(const nlohmann::json& j, T& value) {
    value = mole::field_detail::value_from_json<T>(j, T::table.name, mole::As::number);
  }
};
