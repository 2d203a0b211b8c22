// What the shipped plugins say of themselves, against files in golden/: a column that is renamed by accident fails here. After
// a change on purpose, write the array "plugins" of the new sidecar there, and raise the plugin's version.
#include <gtest/gtest.h>

#include "sdk/descriptor/durable_file.hpp"
#include "sdk/descriptor/sidecar.hpp"

namespace {

class ShippedPlugin : public ::testing::TestWithParam<const char*> {};

TEST_P(ShippedPlugin, DescribesItselfAsItDid) {
  const std::filesystem::path folder = SHIPPED_PLUGINS;
  const auto sidecar = mole::Sidecar::read(folder / (std::string(GetParam()) + ".plugin.json"));
  ASSERT_TRUE(sidecar) << sidecar.error().message;
  const auto golden = mole::read_file(std::filesystem::path(GOLDEN) / (std::string(GetParam()) + ".json"));
  ASSERT_TRUE(golden) << golden.error().message;
  auto described = nlohmann::json::array();
  for (const auto& d : sidecar->plugins) described.push_back(d.document);
  EXPECT_EQ(described.dump(1), nlohmann::json::parse(*golden).dump(1));
  EXPECT_TRUE(sidecar->verify(folder / sidecar->library));
}

INSTANTIATE_TEST_SUITE_P(All, ShippedPlugin,
                         ::testing::Values("traffic", "unique_addresses", "mean", "variance", "longest_silence", "directory"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
