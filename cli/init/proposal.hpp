// A manifest for the files of a folder, with comments that say what was found and what was assumed.
#pragma once

#include "cli/context.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace mole::cli {

struct InitArgs {
  std::string folder, out;    // out: empty for standard output
  std::string zone;           // of times in names; empty: found by comparing with the contents
  std::string decoder;        // empty: the content of each file decides
  std::uint64_t sample = 12;  // files to read
};

struct Proposal {
  std::string manifest;            // YAML
  TimeRange span;                  // of the files
  std::vector<std::string> notes;  // assumptions that the contents do not decide
};

// missing: there are no files. invalid: their names have no time that is recognised, or none of the files that were read contains
// flows; the messages state what was found and how to write a pattern.
Result<Proposal> propose_manifest(const Context& context, const InitArgs& args);

}  // namespace mole::cli
