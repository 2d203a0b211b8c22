// Reading documents of the Api: they may come from another version or another machine, so a field that is absent or of
// another type reads as empty instead of throwing.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace mole::cli {

// The member, or null.
const nlohmann::json& field(const nlohmann::json& document, const char* key);
// Texts as they are (control bytes made visible), numbers and bools printed; "" if absent.
std::string text_of(const nlohmann::json& value);
inline std::string text_of(const nlohmann::json& document, const char* key) { return text_of(field(document, key)); }
// 0 if absent, negative or not a number.
std::uint64_t count_of(const nlohmann::json& document, const char* key);
double number_of(const nlohmann::json& document, const char* key, double otherwise = 0);
bool truth_of(const nlohmann::json& document, const char* key);

}  // namespace mole::cli
