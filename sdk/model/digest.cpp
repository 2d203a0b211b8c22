#include "sdk/model/digest.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

namespace mole {
namespace {

Digest canonical(XXH128_hash_t hash) {
  XXH128_canonical_t out;
  XXH128_canonicalFromHash(&out, hash);
  Digest digest;
  std::memcpy(digest.bytes.data(), out.digest, digest.bytes.size());
  return digest;
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string Digest::hex() const {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(32);
  for (auto b : bytes) {
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

Result<Digest> Digest::from_hex(std::string_view text) {
  Digest digest;
  if (text.size() != 32) return invalid("a digest has 32 hex digits, not " + std::to_string(text.size()) + " characters");
  for (std::size_t i = 0; i < 16; ++i) {
    const int hi = nibble(text[2 * i]), lo = nibble(text[2 * i + 1]);
    if (hi < 0 || lo < 0) return invalid("a digest has only the digits 0-9 a-f");
    digest.bytes[i] = static_cast<std::uint8_t>(hi << 4 | lo);
  }
  return digest;
}

Digest digest_of(std::span<const std::byte> bytes) { return canonical(XXH3_128bits(bytes.data(), bytes.size())); }
Digest digest_of(std::string_view bytes) { return canonical(XXH3_128bits(bytes.data(), bytes.size())); }

Result<Digest> digest_of_file(const std::filesystem::path& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file) {
    const int error = errno;
    const auto text = "cannot read " + path.string() + ": " + std::strerror(error);
    if (error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR) return transient(text + "; try again");
    if (error == EACCES || error == EPERM) return denied(text + "; give this user read permission there");
    return error == EIO ? corrupt(text) : missing(text);
  }
  Hasher hasher;
  constexpr std::size_t piece = 1 << 16;  // below the size at which malloc maps memory on each call
  const auto buffer = std::make_unique_for_overwrite<char[]>(piece);
  while (const auto n = std::fread(buffer.get(), 1, piece, file.get())) hasher.bytes(buffer.get(), n);
  if (std::ferror(file.get())) {
    const int error = errno;
    const auto text = "reading " + path.string() + " failed: " + std::strerror(error);
    return error == EIO ? corrupt(text) : transient(text);
  }
  return hasher.finish();
}

struct Hasher::State {
  XXH3_state_t xxh;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

Hasher& Hasher::bytes(const void* data, std::size_t size) {
  XXH3_128bits_update(&state_->xxh, data, size);
  return *this;
}
Hasher& Hasher::field(std::string_view text) { return field(std::uint64_t{text.size()}).bytes(text.data(), text.size()); }
Hasher& Hasher::field(std::uint64_t value) {
  std::uint8_t le[8];
  for (int i = 0; i < 8; ++i) le[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return bytes(le, sizeof le);
}
Hasher& Hasher::field(const Digest& digest) { return bytes(digest.bytes.data(), digest.bytes.size()); }
Digest Hasher::finish() const { return canonical(XXH3_128bits_digest(&state_->xxh)); }

}  // namespace mole
