// 128-bit XXH3 digests of content (blobs, files, plugins) and of keys. They do not protect against forgery: nodes are trusted
// (docs/decisions).
#pragma once

#include <mole/result.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mole {

struct Digest {
  std::array<std::uint8_t, 16> bytes{};  // canonical (big-endian) XXH128

  auto operator<=>(const Digest&) const = default;
  bool empty() const { return *this == Digest{}; }
  std::string hex() const;                                // 32 lower-case digits
  static Result<Digest> from_hex(std::string_view text);  // invalid unless 32 hex digits
};

struct DigestHash {
  std::size_t operator()(const Digest& d) const noexcept {
    std::size_t h;
    __builtin_memcpy(&h, d.bytes.data(), sizeof h);
    return h;
  }
};

Digest digest_of(std::span<const std::byte> bytes);
Digest digest_of(std::string_view bytes);
Result<Digest> digest_of_file(const std::filesystem::path& path);

// Hashes bytes piece by piece. `field` hashes a string with its length, so that ("a","bc") and ("ab","c") differ.
class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept;
  ~Hasher();
  Hasher& bytes(const void* data, std::size_t size);
  Hasher& field(std::string_view text);
  Hasher& field(std::uint64_t value);
  Hasher& field(std::int64_t value) { return field(static_cast<std::uint64_t>(value)); }
  Hasher& field(const Digest& digest);
  Digest finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mole
