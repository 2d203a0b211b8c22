// Units of columns and parameters: a closed list, compared as text. `same`, `square` and `per_second` derive a unit from the
// column bound to an input role; the host resolves them when a manifest is submitted.
#pragma once

#include <string>

namespace mole {

struct Unit {
  const char* base;            // "B", or the role for a derived unit
  const char* rule = nullptr;  // "same", "square", "per_second"; nullptr if base is the unit

  std::string text() const { return rule ? std::string(rule) + "(" + base + ")" : std::string(base); }
};

namespace unit {
inline constexpr Unit one{"1"}, flow{"flow"}, packet{"packet"}, byte{"B"}, bit{"bit"}, host{"host"}, second{"s"},
    interval{"interval"}, port{"port"}, as{"as"}, byte2{"B^2"}, packet2{"packet^2"}, byte_per_second{"B/s"},
    packet_per_second{"packet/s"}, flow_per_second{"flow/s"}, any{"any"};
}  // namespace unit

constexpr Unit same(const char* role) { return {role, "same"}; }
constexpr Unit square(const char* role) { return {role, "square"}; }
constexpr Unit per_second(const char* role) { return {role, "per_second"}; }

}  // namespace mole
