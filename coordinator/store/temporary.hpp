// What durable_write (sdk/model/durable_file.hpp) leaves if the process is killed.
#pragma once

#include <filesystem>

namespace mole::coordinator::store {

// Removes the files in `folder` whose names begin with ".tmp.". Nothing may write there at the same time. Errors are ignored.
void remove_temporary_files(const std::filesystem::path& folder);

}  // namespace mole::coordinator::store
