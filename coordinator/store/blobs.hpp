// Finished bytes by digest: <root>/ab/<hex>. A blob is there whole, or not at all; nothing is ever overwritten.
// Pieces of an upload wait in <root>/.incoming/<hex>. A blob's bytes are on disk before it has its name; the name is when
// `settle` has returned, and not before that may anything be acknowledged that stands on it. Thread-safe.
#pragma once

#include "sdk/model/digest.hpp"

#include <array>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace mole::coordinator::store {

inline constexpr std::uint64_t max_blob_bytes = std::uint64_t{4} << 30;
inline constexpr std::size_t max_piece_bytes = 1 << 20;

class Blobs {
 public:
  // Makes the folders. invalid, exhausted: cannot.
  static Result<Blobs> open(const std::filesystem::path& root);

  bool has(const Digest& digest) const;
  std::filesystem::path path_of(const Digest& digest) const;

  // Api::put_blob. A piece that does not continue what is held is ignored: the answer says where to go on.
  // corrupt: all bytes came and their digest is another; they are dropped. exhausted: the disk is (nearly) full.
  Result<std::uint64_t> put(const Digest& digest, std::uint64_t offset, std::string_view bytes, std::uint64_t total);
  // Api::get_blob.
  Result<std::string> get(const Digest& digest, std::uint64_t offset, std::uint32_t limit) const;
  // Copies a file that should have this digest. invalid: it has another.
  Result<> import(const Digest& digest, const std::filesystem::path& file);
  // Makes durable that the blobs put and imported so far are there.
  Result<> settle();
  // Of what was read and is nobody's result.
  void remove(const Digest& digest);

 private:
  Result<> check_room(std::uint64_t bytes) const;
  Result<> publish(const Digest& digest, const std::filesystem::path& incoming);
  Result<> name(const std::filesystem::path& whole, const Digest& digest);
  void named(const Digest& digest);
  void found(const Digest& digest);
  std::mutex& lock_of(const Digest& digest) const { return (*locks_)[digest.bytes[0] % locks_->size()]; }

  struct Unsettled {
    std::mutex mutex;
    std::set<std::filesystem::path> folders;
    std::set<std::filesystem::path> once;  // that were synced in this life
  };

  std::filesystem::path root_;
  std::unique_ptr<Unsettled> unsettled_ = std::make_unique<Unsettled>();
  // One upload of a digest at a time; in a unique_ptr so that Blobs can move.
  std::unique_ptr<std::array<std::mutex, 16>> locks_ = std::make_unique<std::array<std::mutex, 16>>();
};

}  // namespace mole::coordinator::store
