// Names of codes in reports, documents and logs.
#pragma once

#include <mole/result.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace mole {

inline constexpr std::array code_names{std::pair{Code::invalid, "invalid"},         std::pair{Code::corrupt, "corrupt"},
                                       std::pair{Code::missing, "missing"},         std::pair{Code::transient, "transient"},
                                       std::pair{Code::exhausted, "exhausted"},     std::pair{Code::cancelled, "cancelled"},
                                       std::pair{Code::unsupported, "unsupported"}, std::pair{Code::internal, "internal"}};

constexpr const char* code_name(Code code) {
  for (const auto& [known, name] : code_names)
    if (known == code) return name;
  return "internal";
}

// A word that names no code ("crashed", "hung", ...) counts as internal.
constexpr Code code_of(std::string_view name) {
  for (const auto& [code, known] : code_names)
    if (name == known) return code;
  return Code::internal;
}

}  // namespace mole
