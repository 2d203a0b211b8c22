// Writes and reads values with a table of fields (sdk/model/field_table.hpp) in a Thrift protocol. Internal to wire/.
//
// Digests are 16 bytes, or none for "no digest"; unsigned numbers are sent as signed ones with the same bits, free-form JSON as
// text, and an absent optional as an absent field. A reader ignores unknown fields and throws RejectedField if a field is missing
// or has the wrong type.
#pragma once

#include "sdk/model/field_json.hpp"

#include <thrift/protocol/TProtocol.h>
#include <thrift/protocol/TProtocolException.h>

namespace mole::coordinator {

using apache::thrift::protocol::TProtocol;
using apache::thrift::protocol::TType;

template <Document T>
std::uint32_t write_struct(TProtocol& out, const T& value);
template <Document T>
std::uint32_t read_struct(TProtocol& in, T& value);

// Names the field and what is wrong with it.
struct RejectedField : apache::thrift::protocol::TProtocolException {
  explicit RejectedField(const std::string& message) : TProtocolException(INVALID_DATA, message) {}
};

namespace detail {

[[noreturn]] void reject_field(const char* document, const char* field, const char* problem);
std::uint32_t write_digest(TProtocol& out, const Digest& digest);
std::uint32_t write_json(TProtocol& out, const nlohmann::json& json);
std::uint32_t write_range(TProtocol& out, const TimeRange& range);
void read_range(TProtocol& in, TimeRange& range);
bool read_digest(TProtocol& in, Digest& digest);             // false if the value is not a digest
const char* read_json(TProtocol& in, nlohmann::json& json);  // what is wrong with the value, or null

template <class V>
constexpr TType type_of() {
  namespace t = apache::thrift::protocol;
  if constexpr (field_detail::Optional<V>)
    return type_of<typename V::value_type>();
  else if constexpr (field_detail::Vector<V>)
    return t::T_LIST;
  else if constexpr (field_detail::Map<V>)
    return t::T_MAP;
  else if constexpr (Document<V> || std::is_same_v<V, TimeRange>)
    return t::T_STRUCT;
  else if constexpr (Named<V>)
    return t::T_I32;
  else if constexpr (std::is_same_v<V, bool>)
    return t::T_BOOL;
  else if constexpr (std::is_same_v<V, double>)
    return t::T_DOUBLE;
  else if constexpr (std::is_integral_v<V>)
    return sizeof(V) == 8 ? t::T_I64 : t::T_I32;
  else
    return t::T_STRING;
}

template <class V>
std::uint32_t write_value(TProtocol& out, const V& value) {
  if constexpr (field_detail::Vector<V>) {
    auto bytes = out.writeListBegin(type_of<typename V::value_type>(), static_cast<std::uint32_t>(value.size()));
    for (const auto& item : value) bytes += write_value(out, item);
    return bytes + out.writeListEnd();
  } else if constexpr (field_detail::Map<V>) {
    auto bytes = out.writeMapBegin(type_of<typename V::key_type>(), type_of<typename V::mapped_type>(),
                                   static_cast<std::uint32_t>(value.size()));
    for (const auto& [key, item] : value) bytes += write_value(out, key) + write_value(out, item);
    return bytes + out.writeMapEnd();
  } else if constexpr (Document<V>) {
    return write_struct(out, value);
  } else if constexpr (std::is_same_v<V, TimeRange>) {
    return write_range(out, value);
  } else if constexpr (std::is_same_v<V, bool>) {
    return out.writeBool(value);
  } else if constexpr (std::is_same_v<V, double>) {
    return out.writeDouble(value);
  } else if constexpr (std::is_integral_v<V> && sizeof(V) == 8) {
    return out.writeI64(static_cast<std::int64_t>(value));
  } else if constexpr (Named<V> || std::is_integral_v<V>) {
    return out.writeI32(static_cast<std::int32_t>(value));
  } else if constexpr (std::is_same_v<V, std::string>) {
    return out.writeBinary(value);
  } else if constexpr (std::is_same_v<V, Digest>) {
    return write_digest(out, value);
  } else {
    static_assert(std::is_same_v<V, nlohmann::json>, "field_table.hpp lists the types a member may have");
    return write_json(out, value);
  }
}

// Returns what is wrong with the value, or null.
template <class V>
const char* read_value(TProtocol& in, V& value) {
  const char* problem = nullptr;
  const auto keep = [&](const char* other) {
    if (!problem) problem = other;
  };
  if constexpr (field_detail::Optional<V>) {
    return read_value(in, value.emplace());
  } else if constexpr (field_detail::Vector<V>) {
    TType type{};
    std::uint32_t size = 0;
    in.readListBegin(type, size);
    if (size > 0 && type != type_of<typename V::value_type>()) return "is a list with elements of the wrong type";
    value.clear();  // its default may have elements
    for (std::uint32_t i = 0; i < size; ++i) keep(read_value(in, value.emplace_back()));
    in.readListEnd();
  } else if constexpr (field_detail::Map<V>) {
    TType key_type{}, item_type{};
    std::uint32_t size = 0;
    in.readMapBegin(key_type, item_type, size);
    if (size > 0 && (key_type != type_of<typename V::key_type>() || item_type != type_of<typename V::mapped_type>()))
      return "is a map with keys or values of the wrong type";
    for (std::uint32_t i = 0; i < size; ++i) {
      typename V::key_type key{};
      keep(read_value(in, key));
      keep(read_value(in, value[key]));
    }
    in.readMapEnd();
  } else if constexpr (Document<V>) {
    read_struct(in, value);
  } else if constexpr (std::is_same_v<V, TimeRange>) {
    read_range(in, value);
  } else if constexpr (Named<V>) {
    std::int32_t number = 0;
    in.readI32(number);
    const auto known = from_number<V>(number);
    if (!known) return "has an unknown value";
    value = *known;
  } else if constexpr (std::is_same_v<V, bool>) {
    in.readBool(value);
  } else if constexpr (std::is_same_v<V, double>) {
    in.readDouble(value);
  } else if constexpr (std::is_integral_v<V> && sizeof(V) == 8) {
    std::int64_t number = 0;
    in.readI64(number);
    value = static_cast<V>(number);
  } else if constexpr (std::is_integral_v<V>) {
    std::int32_t number = 0;
    in.readI32(number);
    if (std::is_unsigned_v<V> && number < 0) return "is negative";
    value = static_cast<V>(number);
  } else if constexpr (std::is_same_v<V, std::string>) {
    in.readBinary(value);
  } else if constexpr (std::is_same_v<V, Digest>) {
    if (!read_digest(in, value)) return "is not a digest of 16 bytes";
  } else {
    return read_json(in, value);
  }
  return problem;
}

inline constexpr std::size_t field_header = 3, length = 4;  // bytes

}  // namespace detail

// Returns the number of bytes that write_struct writes in the binary protocol, or a few more.
template <class V>
std::size_t wire_size(const V& value) {
  if constexpr (field_detail::Optional<V>) {
    return value ? wire_size(*value) : 0;
  } else if constexpr (field_detail::Vector<V>) {
    std::size_t bytes = 1 + detail::length;
    for (const auto& item : value) bytes += wire_size(item);
    return bytes;
  } else if constexpr (field_detail::Map<V>) {
    std::size_t bytes = 2 + detail::length;
    for (const auto& [key, item] : value) bytes += wire_size(key) + wire_size(item);
    return bytes;
  } else if constexpr (Document<V>) {
    std::size_t bytes = 1;
    for_each_field<V>([&](const auto& field, std::int16_t) { bytes += detail::field_header + wire_size(value.*field.member); });
    return bytes;
  } else if constexpr (std::is_same_v<V, std::string>) {
    return detail::length + value.size();
  } else if constexpr (std::is_same_v<V, nlohmann::json>) {
    return detail::length + json_text(value).size();
  } else if constexpr (std::is_same_v<V, TimeRange>) {
    return 1 + 2 * (detail::field_header + sizeof(Micros));
  } else {
    return detail::length + sizeof value;
  }
}

template <Document T>
std::uint32_t write_struct(TProtocol& out, const T& value) {
  auto bytes = out.writeStructBegin(T::table.name);
  for_each_field<T>([&](const auto& field, std::int16_t number) {
    const auto& member = value.*field.member;
    const auto write = [&](const auto& present) {
      bytes += out.writeFieldBegin(field.name, detail::type_of<std::remove_cvref_t<decltype(present)>>(), number);
      bytes += detail::write_value(out, present) + out.writeFieldEnd();
    };
    if constexpr (!field_detail::Optional<std::remove_cvref_t<decltype(member)>>)
      write(member);
    else if (member)
      write(*member);
  });
  return bytes + out.writeFieldStop() + out.writeStructEnd();
}

template <Document T>
std::uint32_t read_struct(TProtocol& in, T& value) {
  std::uint64_t seen = 0;
  std::string ignored;
  const apache::thrift::protocol::TInputRecursionTracker depth(in);
  auto bytes = in.readStructBegin(ignored);
  for (;;) {
    TType type{};
    std::int16_t id = 0;
    bytes += in.readFieldBegin(ignored, type, id);
    if (type == apache::thrift::protocol::T_STOP) break;
    bool known = false;
    for_each_field<T>([&](const auto& field, std::int16_t number) {
      if (number != id) return;
      auto& member = value.*field.member;
      if (type != detail::type_of<std::remove_cvref_t<decltype(member)>>())
        detail::reject_field(T::table.name, field.name, "has the wrong type");
      if (const char* problem = detail::read_value(in, member)) detail::reject_field(T::table.name, field.name, problem);
      seen |= std::uint64_t{1} << number;
      known = true;
    });
    if (!known) bytes += in.skip(type);
    bytes += in.readFieldEnd();
  }
  bytes += in.readStructEnd();
  for_each_field<T>([&](const auto& field, std::int16_t number) {
    static_assert(std::tuple_size_v<decltype(T::table.fields)> < 64);
    const bool optional = field.may_be_absent || field_detail::Optional<std::remove_cvref_t<decltype(value.*field.member)>>;
    if (!optional && !(seen >> number & 1)) detail::reject_field(T::table.name, field.name, "is missing");
  });
  return bytes;
}

}  // namespace mole::coordinator
