// What a client of a simulated tape library can do in its SSH session: `sls`, `stage`, `release` and `ls` of SAM-QFS, `xargs` of
// them, and SFTP (docs/formats/tape_library.md).
#pragma once

#include "cli/tape_library/store.hpp"

#include <istream>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

struct SessionStreams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
};

// Runs one command line and returns its exit code: 1 if it failed for some files, 2 for wrong options, 127 for other commands.
int run_session_command(const std::filesystem::path& folder, const std::string& command_line, SessionStreams streams);

// Serves SFTP, protocol version 3, read-only, on two descriptors until the client closes them. Opening a file that is not on disk
// stages it first and waits, as the store does.
int serve_sftp(const std::filesystem::path& folder, int in, int out);

// Lets simulated time pass once for a client that waits for `files`. false: none of them waits.
Result<bool> wait_once(const std::filesystem::path& folder, const std::vector<std::uint64_t>& files);

// ---- parts, for tests

// Splits a command line like a shell (quotes and backslashes, nothing else).
std::vector<std::string> shell_words(std::string_view line);

// One file as `sls -D` prints it. `path` is printed with C-style escapes if `escape` is set.
struct SlsOptions {
  bool escape = false, inode = false;
};
std::string sls_details(const TapeLibrary& library, const TapeModel& model, std::uint64_t file, SlsOptions options);

}  // namespace mole::cli
