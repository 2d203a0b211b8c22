// Blobs of the coordinator: plugins, routing tables, rows.
#pragma once

#include "sdk/model/digest.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace mole::coordinator {

// Thread-safe.
class BlobApi {
 public:
  virtual ~BlobApi() = default;

  // Stores a piece of at most 1 MiB; pieces are sent in order of offset. Returns how many bytes are stored. Once all `total`
  // bytes are stored, the digest is checked and the blob is published. Idempotent: returns `total` if the blob exists.
  virtual Result<std::uint64_t> put_blob(const Digest&, std::uint64_t offset, std::string_view bytes, std::uint64_t total) = 0;
  // Returns at most `limit` (<= 1 MiB) bytes from `offset`; empty at the end. missing: there is no such blob.
  virtual Result<std::string> get_blob(const Digest&, std::uint64_t offset, std::uint32_t limit) = 0;
};

}  // namespace mole::coordinator
