#include "sdk/model/durable_file.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

namespace mole {
namespace {

namespace fs = std::filesystem;

class DurableFile : public ::testing::Test {
 protected:
  mole::testing::TempFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(DurableFile, ReplacesAFileAndLeavesNoOther) {
  ASSERT_TRUE(durable_write(folder_ / "a", "first"));
  ASSERT_TRUE(durable_write(folder_ / "a", "second"));
  EXPECT_EQ(*read_file(folder_ / "a"), "second");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}), 1);
}

TEST_F(DurableFile, ReportsWhyItCannotWrite) {
  const auto done = durable_write(folder_ / "absent" / "a", "x");
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("No such file"), std::string::npos);
}

TEST_F(DurableFile, RefusesToReadMoreThanTheLimit) {
  ASSERT_TRUE(durable_write(folder_ / "a", std::string(100, 'x')));
  const auto bytes = read_file(folder_ / "a", 99);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Code::exhausted);
  EXPECT_FALSE(read_file(folder_));
}

}  // namespace
}  // namespace mole
