// Writes NetFlow v9 datagrams and IPFIX messages for tests.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace mole::testing {

inline std::string be(std::uint64_t value, int size) {
  std::string out;
  for (int i = size - 1; i >= 0; --i) out += static_cast<char>(i >= 8 ? 0 : value >> (8 * i) & 0xff);
  return out;
}

struct FieldSpec {
  std::uint16_t id, length;
  std::uint32_t enterprise = 0;
};

inline std::string set(std::uint16_t id, const std::string& body, std::size_t padding = 0) {
  return be(id, 2) + be(4 + body.size() + padding, 2) + body + std::string(padding, '\0');
}

inline std::string field_list(const std::vector<FieldSpec>& fields) {
  std::string out;
  for (const auto& f : fields)
    out += be(f.enterprise == 0 ? f.id : f.id | 0x8000, 2) + be(f.length, 2) + (f.enterprise == 0 ? "" : be(f.enterprise, 4));
  return out;
}
inline std::string template_record(std::uint16_t id, const std::vector<FieldSpec>& fields) {
  return be(id, 2) + be(fields.size(), 2) + field_list(fields);
}
inline std::string ipfix_template(std::uint16_t id, const std::vector<FieldSpec>& fields) {
  return set(2, template_record(id, fields));
}
inline std::string ipfix_options(std::uint16_t id, std::size_t scopes, const std::vector<FieldSpec>& fields) {
  return set(3, be(id, 2) + be(fields.size(), 2) + be(scopes, 2) + field_list(fields));
}
inline std::string v9_template(std::uint16_t id, const std::vector<FieldSpec>& fields) {
  return set(0, template_record(id, fields));
}

struct Message {
  std::uint32_t sequence = 0, domain = 0, seconds = 1'700'000'000, uptime_ms = 10'000'000;

  std::string ipfix(const std::string& sets) const {
    return be(10, 2) + be(16 + sets.size(), 2) + be(seconds, 4) + be(sequence, 4) + be(domain, 4) + sets;
  }
  std::string v9(const std::string& sets, std::uint16_t count = 1) const {
    return be(9, 2) + be(count, 2) + be(uptime_ms, 4) + be(seconds, 4) + be(sequence, 4) + be(domain, 4) + sets;
  }
};

// A simple flow: source address 10.0.0.n, n packets, n * 100 bytes.
inline const std::vector<FieldSpec> simple_fields{{8, 4}, {12, 4}, {2, 8}, {1, 8}, {152, 8}, {153, 8}};
inline std::string simple_record(std::uint32_t n, std::uint32_t seconds = 1'700'000'000) {
  return be(0x0a000000 + n, 4) + be(0xc0000201, 4) + be(n, 8) + be(n * 100, 8) + be(seconds * std::uint64_t{1000} - 2000, 8) +
         be(seconds * std::uint64_t{1000} - 1000, 8);
}
inline std::string simple_records(std::uint32_t first, std::uint32_t count) {
  std::string out;
  for (std::uint32_t i = 0; i < count; ++i) out += simple_record(first + i);
  return out;
}
// A string or list with its length before it.
inline std::string variable(const std::string& value, bool three_bytes = false) {
  return (value.size() < 255 && !three_bytes ? be(value.size(), 1) : be(255, 1) + be(value.size(), 2)) + value;
}

}  // namespace mole::testing
