// The folder of a finished request, STATE/requests/ID/ (docs/formats/api.md).
#pragma once

#include "coordinator/views/shown.hpp"

namespace mole::coordinator::views {

std::filesystem::path request_folder(const std::filesystem::path& state, std::uint64_t number);

// Writes the folder from the store: request.json, and a hard link to the rows of every block in its range. Does nothing if the
// request does not exist. request.json is written last: a folder that has it is complete.
void write_request_folder(const std::filesystem::path& state, std::uint64_t number, const store::Records& records,
                          const store::Blobs& blobs);

struct RequestFolderCheck {
  std::vector<std::filesystem::path> wrong;  // files that are missing or damaged
  std::vector<std::filesystem::path> lost;   // those of them that no blob can replace
  bool rewrite = false;                      // request.json is wrong, or names lost rows: write the folder again
};
// Compares the files of a complete folder with the digests in request.json, and request.json with its own. `repair`: links rows
// that are missing or damaged again; those without a blob are renamed to *.damaged.
RequestFolderCheck check_request_folder(const std::filesystem::path& folder, const store::Blobs& blobs, bool repair,
                                        const Pace& pace);

}  // namespace mole::coordinator::views
