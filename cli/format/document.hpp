// Reads documents of the Api. They may come from another version or machine, so a field that is missing or has another type
// reads as empty.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace mole::cli {

// Returns the member, or null.
const nlohmann::json& field(const nlohmann::json& document, const char* key);
// Returns strings with control bytes made visible, and other values as JSON; "" for null.
std::string text_of(const nlohmann::json& value);
inline std::string text_of(const nlohmann::json& document, const char* key) { return text_of(field(document, key)); }
// Returns 0 if the field is missing, negative or not a number.
std::uint64_t count_of(const nlohmann::json& document, const char* key);
double number_of(const nlohmann::json& document, const char* key, double otherwise = 0);
bool truth_of(const nlohmann::json& document, const char* key);

}  // namespace mole::cli
