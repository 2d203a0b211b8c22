// mole-describe LIBRARY [--compiler TEXT] [--output FILE]: loads a plugin library and prints its sidecar.
// mole_add_plugin runs it at build time. Other programs read sidecars without loading the library.
#include <dlfcn.h>
#include <mole/abi.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "sdk/descriptor/descriptor.hpp"
#include "sdk/model/digest.hpp"
#include "sdk/model/durable_file.hpp"
#include "sdk/model/program.hpp"

namespace {

using mole::invalid;
using mole::Result;
using nlohmann::json;

struct Arguments {
  std::string library, compiler, output;
};

Result<const mole_entry*> open_entry(const std::string& path) {
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return invalid(std::string(::dlerror()) + "; link the plugin with all libraries it uses");
  const auto* entry = static_cast<const mole_entry*>(::dlsym(library, "mole_plugin_entry"));
  if (!entry) return invalid("it does not export mole_plugin_entry; add MOLE_PLUGINS(YourClass) at the end of its source");
  if (entry->magic != MOLE_ABI_MAGIC) return invalid("its mole_plugin_entry is not a mole_entry; build it with mole_add_plugin");
  if (entry->abi_major != MOLE_ABI_MAJOR || entry->abi_minor > MOLE_ABI_MINOR)
    return mole::unsupported("it was built for plugin ABI " + std::to_string(entry->abi_major) + "." +
                             std::to_string(entry->abi_minor) + ", but this SDK has " + std::to_string(MOLE_ABI_MAJOR) + "." +
                             std::to_string(MOLE_ABI_MINOR) + "; build it with this SDK");
  return entry;
}

Result<json> sidecar(const Arguments& arguments) {
  const auto path = std::filesystem::absolute(arguments.library);
  MOLE_TRY(auto entry, open_entry(path.string()));
  MOLE_TRY(auto digest, mole::digest_of_file(path));
  json plugins = json::array();
  for (std::uint32_t i = 0; i < entry->count(); ++i) {
    const auto* plugin = entry->plugin(i);
    if (!plugin || plugin->struct_size < sizeof(mole_plugin))
      return invalid("plugin " + std::to_string(i) + " has no descriptor; build the library with mole_add_plugin");
    MOLE_TRY(auto descriptor, mole::Descriptor::parse(plugin->descriptor));
    if (plugin->kind != std::string("mole.") + name_of(descriptor.kind) + "/1")
      return invalid("plugin '" + descriptor.name + "' has kind " + plugin->kind + ", but its descriptor has kind " +
                     name_of(descriptor.kind) + "; rebuild it with this SDK");
    plugins.push_back(descriptor.document);
  }
  return json{{"schema", 1},
              {"library", path.filename().string()},
              {"digest", digest.hex()},
              {"compiler", arguments.compiler},
              {"abi", {{"major", entry->abi_major}, {"minor", entry->abi_minor}}},
              {"plugins", plugins}};
}

Result<> run(const Arguments& arguments) {
  MOLE_TRY(const auto document, mole::prefixed(arguments.library + ": ", sidecar(arguments)));
  const auto text = document.dump() + "\n";
  if (!arguments.output.empty()) return mole::durable_write(arguments.output, text);
  mole::StandardOutput out;
  out << text;
  return out.finish();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string help = "usage: mole-describe LIBRARY [--compiler TEXT] [--output FILE]\n";
  if (const std::string option = argc == 2 ? argv[1] : ""; option == "--help" || option == "--version") {
    mole::StandardOutput out;
    out << (option == "--help" ? help : mole::version_of("mole-describe") + "\n");
    return mole::exit_code_of(out, "mole-describe");
  }
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--compiler" && i + 1 < argc)
      arguments.compiler = argv[++i];
    else if (word == "--output" && i + 1 < argc)
      arguments.output = argv[++i];
    else if (arguments.library.empty() && !word.starts_with("-"))
      arguments.library = word;
    else
      arguments.library.clear(), i = argc;
  }
  if (arguments.library.empty()) {
    std::fputs(help.c_str(), stderr);
    return 2;
  }
  if (const auto done = run(arguments); !done) {
    std::fprintf(stderr, "mole-describe: %s\n", done.error().message.c_str());
    return 1;
  }
}
