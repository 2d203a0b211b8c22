// Keys of all tables (docs/formats/store.md). Numbers are big-endian, so keys that are compared byte by byte sort numerically.
#pragma once

#include "sdk/model/digest.hpp"
#include "sdk/model/time.hpp"

namespace mole::coordinator::store::keys {

// requests, events, nodes: a sequence number.
inline std::string number(std::uint64_t value) {
  std::string key;
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(value >> shift & 0xff);
  return key;
}

inline std::uint64_t read_u64(std::string_view key) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<std::uint8_t>(key[static_cast<std::size_t>(i)]);
  return value;
}

// Returns the number that a key consists of; 0: it is not a number, or empty.
inline std::uint64_t number_of(std::string_view key) { return key.size() == 8 ? read_u64(key) : 0; }

inline std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

inline Digest read_digest(std::string_view key) {
  Digest digest;
  __builtin_memcpy(digest.bytes.data(), key.data(), digest.bytes.size());
  return digest;
}

// revisions, fingerprints: a digest. catalogue, lineage, failures: fingerprint and start of the block.
inline std::string block(const Digest& fingerprint, Micros from) {
  return std::string(bytes_of(fingerprint)) + number(static_cast<std::uint64_t>(from) ^ std::uint64_t{1} << 63);
}
inline Micros block_start_of(std::string_view key) {
  return static_cast<Micros>(read_u64(key.substr(16)) ^ std::uint64_t{1} << 63);
}

// files, damage: "pipeline/archive" and the file's id. plugins: name and version.
inline std::string pair(std::string_view first, std::string_view second) {
  return std::string(first).append(1, '\0').append(second);
}
inline std::string_view second_of(std::string_view key) { return key.substr(key.find('\0') + 1); }
inline std::string_view first_of(std::string_view key) { return key.substr(0, key.find('\0')); }

// node_loads: the node's number, `m` for a minute or `h` for an hour, and its start.
inline std::string load(std::uint64_t node, bool hour, Micros from) {
  return number(node) + (hour ? 'h' : 'm') + number(static_cast<std::uint64_t>(from) ^ std::uint64_t{1} << 63);
}
inline bool is_hour(std::string_view key) { return key[8] == 'h'; }
inline Micros load_start_of(std::string_view key) {
  return static_cast<Micros>(read_u64(key.substr(9)) ^ std::uint64_t{1} << 63);
}

// Returns the first key after all keys that begin with `prefix`.
inline std::string after(std::string prefix) {
  while (!prefix.empty() && static_cast<std::uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<std::uint8_t>(prefix.back()) + 1);
  return prefix;
}

}  // namespace mole::coordinator::store::keys
