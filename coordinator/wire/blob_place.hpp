// Where a blob lies below the root of a blob store, for those who share its disk (STATE/blobs/ in docs/architecture.md).
#pragma once

#include "sdk/model/digest.hpp"

#include <filesystem>

namespace mole::coordinator {

inline std::filesystem::path blob_place(const std::filesystem::path& root, const Digest& blob) {
  const auto hex = blob.hex();
  return root / hex.substr(0, 2) / hex;
}

}  // namespace mole::coordinator
