// mole-worker: the process that loads plugins. mole-node starts it with --run and --stage, `mole flows` with --flows. --seal and
// --unseal execute mole-seal, so that no process contains both plugin code and DuckDB.
#include "nodes/worker/modes.hpp"
#include "nodes/worker/system_calls.hpp"
#include "sdk/model/program.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string_view>

bool mole::nodes::parse(CLI::App& app, int argc, char** argv, int& exit_code) {
  app.set_version_flag("--version", version_of("mole-worker"));
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::Success& help) {
    StandardOutput out;
    app.exit(help, out, std::cerr);
    exit_code = exit_code_of(out, "mole-worker");
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "mole-worker: %s\n", error.what());
    exit_code = 2;
  }
  return false;
}

namespace {

int exec_mole_seal(char** argv) {
  std::error_code problem;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", problem);
  const auto seal = (self.parent_path() / "mole-seal").string();
  argv[0] = const_cast<char*>(seal.c_str());
  ::execv(seal.c_str(), argv);
  std::fprintf(stderr, "mole-worker: cannot start %s: %s; install it beside mole-worker\n", seal.c_str(), std::strerror(errno));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "--run") return mole::nodes::run_task(argc - 1, argv + 1);
  if (mode == "--stage") return mole::nodes::stage_files(argc - 1, argv + 1);
  if (mode == "--flows") return mole::nodes::print_flows(argc - 1, argv + 1);
  if (mode == "--try-seccomp") return mole::nodes::refuse_system_calls({}) ? 0 : 1;  // mole-node asks whether this machine has it
  if (mode == "--seal" || mode == "--unseal") return exec_mole_seal(argv);
  const char* const help =
      "usage: mole-worker --run|--stage|--flows|--seal|--unseal ...; --run --help and --flows --help list the options\n";
  if (mode != "--help" && mode != "--version") return std::fputs(help, stderr), 2;
  mole::StandardOutput out;
  out << (mode == "--help" ? help : mole::version_of("mole-worker") + "\n");
  return mole::exit_code_of(out, "mole-worker");
}
