// The stored form of a value: format byte, checksum of key and payload, payload (docs/formats/store.md).
#pragma once

#include "coordinator/store/keys.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mole::coordinator::store {

inline constexpr std::uint8_t value_format = 1;
inline constexpr std::size_t envelope_size = 5;

std::string seal_value(std::string_view key, std::string_view payload);
// Returns the payload in `sealed`; nullopt if format or checksum is wrong.
std::optional<std::string_view> unseal_value(std::string_view key, std::string_view sealed);

}  // namespace mole::coordinator::store
