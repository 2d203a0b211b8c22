// The stored form of values.
#include "coordinator/store/store.hpp"

#define XXH_INLINE_ALL

#include <xxhash.h>

namespace mole::coordinator::store {
namespace {

constexpr char value_format = 1;
constexpr std::size_t envelope_size = 5;

std::uint32_t checksum(std::string_view key, std::string_view payload) {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(payload.data(), payload.size(), XXH3_64bits(key.data(), key.size())));
}

}  // namespace

std::string seal_value(std::string_view key, std::string_view payload) {
  std::string sealed(1, value_format);
  sealed.reserve(envelope_size + payload.size());
  const auto sum = checksum(key, payload);
  for (int shift = 0; shift < 32; shift += 8) sealed += static_cast<char>(sum >> shift & 0xff);
  return sealed.append(payload);
}

std::optional<std::string_view> unseal_value(std::string_view key, std::string_view sealed) {
  if (sealed.size() < envelope_size || sealed[0] != value_format) return std::nullopt;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 4; ++i) sum |= std::uint32_t{static_cast<std::uint8_t>(sealed[1 + i])} << (8 * i);
  const auto payload = sealed.substr(envelope_size);
  return checksum(key, payload) == sum ? std::optional(payload) : std::nullopt;
}

}  // namespace mole::coordinator::store
