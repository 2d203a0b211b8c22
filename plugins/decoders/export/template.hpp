// Templates: the layout of data records.
#pragma once

#include "plugins/decoders/export/limits.hpp"

#include <mole/decoder.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mole::plugins::flow_export {

class Plans;

using Bytes = std::span<const std::byte>;

constexpr auto u8 = big_endian<std::uint8_t>;
constexpr auto u16 = big_endian<std::uint16_t>;
constexpr auto u32 = big_endian<std::uint32_t>;
constexpr auto u64 = big_endian<std::uint64_t>;

// Reads an unsigned number of any length, of which the last 8 bytes count (RFC 7011, section 6.2).
inline std::uint64_t read_unsigned(const std::byte* p, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size > 8 ? size - 8 : 0; i < size; ++i) value = value << 8 | std::to_integer<std::uint64_t>(p[i]);
  return value;
}

inline bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

enum class Protocol : std::uint8_t { v1 = 1, v5 = 5, v7 = 7, v9 = 9, ipfix = 10 };

constexpr std::uint16_t variable_length = 0xffff;
constexpr std::uint32_t reverse_enterprise = 29305, cert_enterprise = 6871;
constexpr std::uint32_t scope_enterprise = 0xffffffff;  // NetFlow v9: scope types are not field types

struct Field {
  std::uint32_t enterprise = 0;
  std::uint16_t id = 0;
  std::uint16_t length = 0;  // variable_length: precedes the value
  bool operator==(const Field&) const = default;
};

struct Template {
  Protocol protocol;
  std::uint16_t id;
  bool options = false;
  std::size_t scope_fields = 0;
  std::vector<Field> fields;
  std::vector<std::uint32_t> offsets;  // of the fields, in records of fixed size
  std::size_t size = 0;                // of the smallest record; of all if `fixed`
  bool fixed = true;
  std::int64_t defined_us = 0;  // export time of the last definition

  ~Template();
  Template(Protocol p, std::uint16_t number) : protocol(p), id(number) {}
  // Computes offsets, size and fixed from the fields.
  void measure();
  bool same_layout(const Template& other) const {
    return options == other.options && scope_fields == other.scope_fields && fields == other.fields;
  }
  // Approximate memory, in fields: a template has a fixed part too.
  std::size_t weight() const { return fields.size() + 16; }
  // Index of the first field with this number; npos if there is none, or if it is always empty.
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
  std::size_t find(std::uint32_t enterprise, std::uint16_t number) const;

  // Why data of a template cannot be read if all its fields are empty.
  std::string empty_reason() const { return "all fields of template " + std::to_string(id) + " have the length 0"; }

  mutable std::shared_ptr<const Plans> plans;  // compiled for the needed columns; see plan.hpp
};

// Reads the fields of a template record of NetFlow v9 or IPFIX. Returns the bytes used; 0 if the record is cut short or
// has too many fields.
std::size_t read_fields(Bytes bytes, std::size_t count, Protocol protocol, Template& out);

// A field value.
struct Value {
  const std::byte* data = nullptr;
  std::uint32_t size = 0;
};

// applicationId: an engine, and a selector of up to 3 bytes (RFC 6759); 0 if it is empty.
inline std::uint32_t application_number(const Value& id) {
  if (id.size == 0) return 0;
  return static_cast<std::uint32_t>(std::uint64_t{u8(id.data)} << 24 | (read_unsigned(id.data + 1, id.size - 1) & 0xffffff));
}

// Finds the values of a record. Returns the size of the record; 0 if the bytes end inside it.
std::size_t split_record(const Template& layout, Bytes bytes, Value* values);

// Returns a new template with the layout of a NetFlow v1, v5 or v7 record.
std::shared_ptr<const Template> fixed_layout(Protocol protocol);

}  // namespace mole::plugins::flow_export
