// A temporary folder, short enough for socket paths; removed at the end.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace mole::testing {

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/mole-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) ADD_FAILURE() << "no temporary folder";
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace mole::testing
