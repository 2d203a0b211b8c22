#include <mole/result.hpp>

#include <gtest/gtest.h>

#include <memory>

namespace mole {
namespace {

Result<int> parse(const std::string& text) {
  if (text.empty()) return invalid("the number is empty");
  return std::stoi(text);
}

Result<int> sum(const std::string& a, const std::string& b) {
  MOLE_TRY(const auto first, parse(a));
  int second = 0;
  MOLE_TRY(second, parse(b));
  return first + second;
}

TEST(MoleTry, DeclaresAndAssignsValues) { EXPECT_EQ(*sum("2", "40"), 42); }

TEST(MoleTry, ReturnsTheFirstError) {
  for (const auto& failed : {sum("", "1"), sum("1", "")}) {
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Code::invalid);
    EXPECT_EQ(failed.error().message, "the number is empty");
  }
}

TEST(MoleTry, MovesTheValue) {
  const auto made = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto taken = [&]() -> Result<int> {
    MOLE_TRY(const auto pointer, made());
    return *pointer;
  };
  EXPECT_EQ(*taken(), 7);
}

TEST(Prefixed, ChangesOnlyErrors) {
  EXPECT_EQ(*prefixed("port: ", parse("80")), 80);
  EXPECT_EQ(prefixed("port: ", parse("")).error().message, "port: the number is empty");
  EXPECT_EQ(prefixed("port: ", parse("")).error().code, Code::invalid);
}

}  // namespace
}  // namespace mole
