// Captures of real traffic that some tests read. They are not part of the repository.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace mole::testing {

// MOLE_TEST_DATA, or ../shared/data beside the repository.
inline std::filesystem::path data_folder() {
  const char* given = std::getenv("MOLE_TEST_DATA");
  return given != nullptr ? std::filesystem::path(given) : std::filesystem::path(MOLE_SOURCE_DIR) / ".." / "shared" / "data";
}

// Returns whether the captures exist. If not, prints a warning, and fails the test in CI.
inline bool have_captures() {
  if (std::filesystem::is_directory(data_folder() / "archive")) return true;
  std::fprintf(stderr, "\n*** NO CAPTURES at %s: set MOLE_TEST_DATA; this test checks nothing ***\n\n", data_folder().c_str());
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string_view(ci) == "true") ADD_FAILURE() << "CI needs the captures; set MOLE_TEST_DATA";
  return false;
}

}  // namespace mole::testing
