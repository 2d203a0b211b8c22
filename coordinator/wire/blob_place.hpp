// The path of a blob under the root of a blob store (STATE/blobs/ in docs/architecture.md), for processes on the same disk.
#pragma once

#include "sdk/model/digest.hpp"

#include <filesystem>

namespace mole::coordinator {

inline std::filesystem::path blob_place(const std::filesystem::path& root, const Digest& blob) {
  const auto hex = blob.hex();
  return root / hex.substr(0, 2) / hex;
}

}  // namespace mole::coordinator
