// Credentials of an archive: from the environment of the node, or from a file that only the node's user can read. They are never
// part of a manifest, a key or a message.
#pragma once

#include <mole/result.hpp>

#include <map>
#include <string>

namespace mole::web {

using Credentials = std::map<std::string, std::string>;

// Reads the lines "name = value" of `section`, as in ~/.aws/credentials; none if there is no such section.
// denied: other users can read the file, or it belongs to a different user. invalid: it is not such a file.
Result<Credentials> read_credentials(const std::string& path, const std::string& section);

// The value of an environment variable; empty: not set.
std::string environment(const char* name);

}  // namespace mole::web
