// Compares the descriptors of the shipped plugins with golden/, so that an accidental rename of a column fails the test. After
// an intended change, copy the array "plugins" of the new sidecar to golden/ and increase the plugin's version.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/durable_file.hpp"

namespace {

class ShippedPlugin : public ::testing::TestWithParam<std::string> {};

// Every plugin with a golden file is tested; tests/plugins/CMakeLists.txt builds the same set.
std::vector<std::string> plugins_with_golden() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(GOLDEN)) names.push_back(file.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST_P(ShippedPlugin, MatchesItsGoldenDescriptor) {
  const std::filesystem::path folder = SHIPPED_PLUGINS;
  const auto sidecar = mole::Sidecar::read(folder / (GetParam() + ".plugin.json"));
  ASSERT_TRUE(sidecar) << sidecar.error().message;
  const auto golden = mole::read_file(std::filesystem::path(GOLDEN) / (GetParam() + ".json"));
  ASSERT_TRUE(golden) << golden.error().message;
  auto described = nlohmann::json::array();
  for (const auto& d : sidecar->plugins) described.push_back(d.document);
  EXPECT_EQ(described.dump(1), nlohmann::json::parse(*golden).dump(1));
  EXPECT_TRUE(sidecar->verify(folder / sidecar->library));
}

INSTANTIATE_TEST_SUITE_P(All, ShippedPlugin, ::testing::ValuesIn(plugins_with_golden()),
                         [](const auto& test) { return test.param; });

}  // namespace
