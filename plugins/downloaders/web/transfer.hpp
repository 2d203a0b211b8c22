// Fetches a file of an archive, or the rest of it, and makes sure that it is the file that was listed.
#pragma once

#include "plugins/downloaders/web/client.hpp"

#include <mole/downloader.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace mole::web {

// A file as it was listed. Empty: unknown.
struct Expected {
  std::optional<std::uint64_t> size = {};
  std::string etag = {}, last_modified = {};
};

// Writes the bytes from `offset` to `out`. `refused` makes the error of a response that is not a success.
// missing: the file has changed, as its ETag, its time or its size shows. transient: fewer bytes arrived.
Result<> fetch_file(const Client&, Request, const Expected&, std::uint64_t offset, ByteSink& out,
                    const std::function<Error(const Response&)>& refused = status_error);

}  // namespace mole::web
