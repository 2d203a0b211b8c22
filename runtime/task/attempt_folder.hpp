// The folder of one attempt, in which the steps of a task find their input files and leave their output.
#pragma once

#include "sdk/model/digest.hpp"

#include <filesystem>

namespace mole::runtime {

struct AttemptFolder {
  std::filesystem::path path;

  std::filesystem::path rows(const Digest& blob) const { return path / "rows" / (blob.hex() + ".rows"); }
  std::filesystem::path state(const Digest& blob) const { return path / "states" / blob.hex(); }
  std::filesystem::path tables() const { return path / "tables"; }  // routing tables by digest
  std::filesystem::path scratch() const { return path / "scratch"; }
};

}  // namespace mole::runtime
