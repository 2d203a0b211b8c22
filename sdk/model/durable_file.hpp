// The one way files that must survive a power cut are written: tmp + fsync + rename + fsync of the folder. And its parts, for who
// has many files to make durable before one word is given.
#pragma once

#include <mole/result.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace mole {

// Writes `bytes` to `path` so that after any crash the file is either absent (or as it was) or whole. The temporary file
// stands beside it as ".tmp.*". exhausted when the disk is full (nothing is left behind).
Result<> durable_write(const std::filesystem::path& path, std::string_view bytes);

// Makes a finished file durable under its final name: fsync(from), rename, fsync(folder of to). Same file system.
Result<> durable_rename(const std::filesystem::path& from, const std::filesystem::path& to);

// Not durable; afresh. What is left of it when it fails is removed.
Result<> write_file(const std::filesystem::path& path, std::string_view bytes);

Result<> sync_file(const std::filesystem::path& path);
Result<> sync_folder(const std::filesystem::path& folder);

// Whole file as bytes; refuses files above `limit`.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 32);

}  // namespace mole
