// Keys: XXH3-128 over packed fields. A plan computes millions of them, so the buffer is reused.
#pragma once

#include "sdk/model/digest.hpp"

#include <cstdint>
#include <vector>

namespace mole::coordinator::jobs {

class KeyBuffer {
 public:
  void clear() { bytes_.clear(); }
  void add(const Digest& digest) { append(digest.bytes.data(), digest.bytes.size()); }
  void add(std::uint64_t value) {
    std::uint8_t le[8];
    for (int i = 0; i < 8; ++i) le[i] = static_cast<std::uint8_t>(value >> (8 * i));
    append(le, sizeof le);
  }
  void add(std::int64_t value) { add(static_cast<std::uint64_t>(value)); }
  Digest finish() const { return digest_of(std::span<const std::byte>(bytes_)); }

 private:
  void append(const std::uint8_t* data, std::size_t size) {
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }

  std::vector<std::byte> bytes_;
};

// Hashes `count` consecutive digests.
inline Digest hash_digests(const Digest* first, std::size_t count) {
  static_assert(sizeof(Digest) == 16);
  return digest_of(std::span<const std::byte>(reinterpret_cast<const std::byte*>(first), 16 * count));
}

}  // namespace mole::coordinator::jobs
