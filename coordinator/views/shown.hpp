// Which folders of links show a module's results, which links they contain, and which of them are wrong.
#pragma once

#include "coordinator/store/blobs.hpp"
#include "coordinator/store/records.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mole::coordinator::views {

// A folder of links, under the state folder, and the fingerprint whose results it shows.
struct Shown {
  std::string folder;
  Digest fingerprint;
};
std::vector<Shown> shown_of(const store::Records& records, const std::string& module);

// Returns the blob of each block that has results, by the block's start.
std::map<Micros, Digest> rows_of(const store::Records& records, const Digest& fingerprint);

bool same_file(const std::filesystem::path& a, const std::filesystem::path& b);

// Called before each read with its bytes; false stops the check.
using Pace = std::function<bool(std::uint64_t bytes)>;

// Whether `file` has the content of the blob: it is a link to it, or has its digest. A link is not read, because the blob is
// verified for itself.
bool shows_blob(const std::filesystem::path& file, const Digest& blob, const store::Blobs& blobs, const Pace& pace);

struct WrongLinks {
  std::vector<std::filesystem::path> damaged;  // files with other bytes than those that the catalogue names
  std::size_t stale = 0;                       // results without a file and files without a result, as after a crash
};
WrongLinks wrong_links(const std::filesystem::path& folder, const std::map<Micros, Digest>& rows, const store::Blobs& blobs,
                       const Pace& pace);

}  // namespace mole::coordinator::views
