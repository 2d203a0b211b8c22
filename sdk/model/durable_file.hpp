// Writes files that must survive a power cut: temporary file, fsync, rename, fsync of the folder. The steps are also available
// separately, for callers that make many files durable together.
#pragma once

#include <mole/result.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace mole {

// Writes `bytes` to `path` so that after any crash the file is either unchanged or complete. The temporary file ".tmp.*" in the
// same folder is removed on failure. exhausted: the disk is full.
Result<> durable_write(const std::filesystem::path& path, std::string_view bytes);

// Makes a finished file durable under its final name, on the same file system: fsync(from), rename, fsync(folder of to).
Result<> durable_rename(const std::filesystem::path& from, const std::filesystem::path& to);

// Writes a new file, not durably. Removes it on failure.
Result<> write_file(const std::filesystem::path& path, std::string_view bytes);

Result<> sync_file(const std::filesystem::path& path);
Result<> sync_folder(const std::filesystem::path& folder);

// Returns the whole file. exhausted: it is larger than `limit`.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 32);

}  // namespace mole
