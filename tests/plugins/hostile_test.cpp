// Checks that the hostile plugins behave as the system tests expect, and that mole-describe rejects the broken libraries.
#include <gtest/gtest.h>

#include <algorithm>

#include <dlfcn.h>
#include <mole/abi.h>

#include <string>

#include "sdk/descriptor/sidecar.hpp"

namespace {

const std::filesystem::path folder = HOSTILE_PLUGINS;

TEST(HostilePlugins, AreCatalogued) {
  const auto catalogue = mole::PluginCatalogue::load({folder});
  ASSERT_EQ(catalogue.problems().size(), 3u);  // one for each library without a sidecar
  for (const auto* library : {"no_symbol.so", "not_a_library.so", "wrong_abi.so"})
    EXPECT_TRUE(std::any_of(catalogue.problems().begin(), catalogue.problems().end(), [&](const std::string& problem) {
      return problem.starts_with(std::string(library) + " has no ");
    })) << library;
  for (const auto* name : {"segfaulter", "thrower", "hanger", "allocator", "exiter", "garbler"}) {
    const auto found = catalogue.find(mole::PluginKind::metric, name);
    ASSERT_TRUE(found) << name;
    EXPECT_TRUE((*found)->sidecar.verify((*found)->library)) << name;
    EXPECT_EQ((*found)->descriptor.execution, mole::Execution::mergeable);
    EXPECT_EQ((*found)->descriptor.inputs.at(0).reads, std::vector<std::string>{"bytes"});
  }
}

// Loads a library and calls its `add` with one row.
std::int32_t add_in(const std::string& name) {
  void* library = ::dlopen((folder / (name + ".so")).c_str(), RTLD_NOW | RTLD_LOCAL);
  const auto* entry = static_cast<const mole_entry*>(::dlsym(library, "mole_plugin_entry"));
  const auto* calls = static_cast<const mole_metric_v1*>(entry->plugin(0)->vtable);
  mole_value params[2] = {{MOLE_TYPE_TEXT, 0, {}}, {MOLE_TYPE_TEXT, 0, {}}};
  params[0].as.text = {"add", 3};
  params[1].as.text = {"", 0};
  mole_binding binding{};
  mole_module* module = nullptr;
  mole_state* state = nullptr;
  mole_error error{nullptr, 0, 0};
  if (calls->open(nullptr, &binding, 1, params, 2, &module, &error) != MOLE_OK) return 100;
  if (calls->create(module, &state, &error) != MOLE_OK) return 101;
  const std::uint64_t bytes = 1;
  const void* buffers[2] = {nullptr, &bytes};
  ArrowArray column{1, 0, 0, 2, 0, buffers, nullptr, nullptr, nullptr, nullptr};
  ArrowArray* columns[1] = {&column};
  const void* none[1] = {nullptr};
  const ArrowArray rows{1, 0, 0, 1, 1, none, columns, nullptr, nullptr, nullptr};
  const mole_batch batch{sizeof batch, 0, 0, 0, 1, &rows};
  const auto code = calls->add(module, &state, 1, nullptr, &batch, &error);
  calls->destroy(module, state);
  calls->close(module);
  return code;
}

TEST(HostilePlugins, DoNotThrowAcrossTheBoundary) { EXPECT_EQ(add_in("thrower"), MOLE_INTERNAL); }

TEST(HostilePluginsDeathTest, DieAsDocumented) {
  EXPECT_DEATH(add_in("segfaulter"), "");  // by SIGSEGV, or by a sanitizer
  EXPECT_EXIT(add_in("exiter"), ::testing::ExitedWithCode(0), "");
}

}  // namespace
