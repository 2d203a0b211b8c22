#include "runtime/host/plugin_library.hpp"

#include "runtime/host/plugin_set.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace mole::runtime {
namespace {

namespace fs = std::filesystem;

const fs::path broken = MOLE_BROKEN_PLUGINS;

// Returns the sidecar of a valid library.
Sidecar sidecar_for(const fs::path& library) {
  const char* descriptor =
      R"({"deterministic":true,"execution":"mergeable","inputs":[{"kind":"flows","reads":["bytes"],"role":"flows"}],"kind":"metric","name":"broken",)"
      R"("output":[{"doc":"A number","name":"n","nullable":false,"type":"u64","unit":"flow"}],"params":[],)"
      R"("state":{"revision":1,"shape":"0123456789abcdef"},"summary":"Broken on purpose","version":"1.0.0"})";
  Sidecar sidecar;
  sidecar.library = library.filename();
  sidecar.digest = *digest_of_file(library);
  sidecar.abi_major = MOLE_ABI_MAJOR;
  sidecar.abi_minor = MOLE_ABI_MINOR;
  auto parsed = Descriptor::parse(descriptor);
  EXPECT_TRUE(parsed) << parsed.error().message;
  sidecar.plugins.push_back(*parsed);
  return sidecar;
}

std::string rejection(const std::string& name) {
  const auto record = CallRecord::in_memory();
  const auto path = broken / (name + ".so");
  auto loaded = PluginLibrary::load(path, sidecar_for(path), *record);
  return loaded ? "" : loaded.error().message;
}

TEST(PluginLibrary, LoadsAValidLibraryOnce) {
  const auto record = CallRecord::in_memory();
  const auto path = broken / "valid.so";
  auto first = PluginLibrary::load(path, sidecar_for(path), *record);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_NE((*first)->find("mole.metric/1", "broken"), nullptr);
  EXPECT_EQ((*first)->find("mole.metric/1", "other"), nullptr);
  EXPECT_EQ((*first)->find("mole.decoder/1", "broken"), nullptr);
  EXPECT_EQ(*PluginLibrary::load(path, sidecar_for(path), *record), *first);
}

TEST(PluginLibrary, RejectsEachDefectWithItsReason) {
  const auto expect = [](const std::string& name, const std::string& reason) {
    const auto message = rejection(name);
    EXPECT_NE(message.find(reason), std::string::npos) << name << ": " << message;
    EXPECT_NE(message.find("; "), std::string::npos) << name << " does not name a remedy: " << message;
  };
  expect("no_entry", "does not export mole_plugin_entry");
  expect("extra_symbol", "exports 'helper_that_leaks' in addition to mole_plugin_entry");
  expect("wrong_magic", "magic number");
  expect("wrong_major", "built for ABI 2.3, but this host has 1.3");
  expect("newer_minor", "built for ABI 1.10, but this host has 1.3");
  expect("unknown_kind", "mole.metric/9");
  expect("short_table", "table has 24 bytes");
  expect("different_summary", "differs from the one in its sidecar");
}

TEST(PluginLibrary, RejectsAFileWithADifferentDigest) {
  const auto record = CallRecord::in_memory();
  const auto path = broken / "valid.so";
  const auto copy = fs::temp_directory_path() / "mole-other-build.so";
  fs::copy_file(path, copy, fs::copy_options::overwrite_existing);
  const auto sidecar = sidecar_for(path);
  std::ofstream(copy, std::ios::app) << "x";
  EXPECT_FALSE(PluginLibrary::load(copy, sidecar, *record));
  std::ofstream(copy, std::ios::trunc) << "not a library";
  EXPECT_FALSE(PluginLibrary::load(copy, sidecar_for(copy), *record));
  fs::remove(copy);
}

TEST(PluginSet, FindsAPluginByItsDigest) {
  const auto catalogue = PluginCatalogue::load({MOLE_SHIPPED_PLUGINS});
  auto found = catalogue.find(PluginKind::metric, "traffic");
  ASSERT_TRUE(found) << found.error().message;
  const auto& sidecar = (*found)->sidecar;
  task::PluginUse plugin{"traffic", (*found)->descriptor.version, sidecar.digest, sidecar.text, nlohmann::json::object()};
  const auto record = CallRecord::in_memory();
  const PluginSet plugins({"/nonexistent", MOLE_SHIPPED_PLUGINS}, *record);
  EXPECT_TRUE(plugins.load(plugin, PluginKind::metric));
  EXPECT_FALSE(plugins.load(plugin, PluginKind::decoder));
  auto other = plugin;
  other.library = digest_of("a different build");
  EXPECT_FALSE(plugins.load(other, PluginKind::metric));
  other = plugin;
  other.version = "9.9.9";
  EXPECT_FALSE(plugins.load(other, PluginKind::metric));
  const auto not_found = PluginSet({"/nonexistent"}, *record).load(plugin, PluginKind::metric);
  ASSERT_FALSE(not_found);
  EXPECT_EQ(not_found.error().code, Code::missing);
}

}  // namespace
}  // namespace mole::runtime
