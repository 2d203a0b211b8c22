// mole-seal: turns a worker's handover into results (--seal), and results into rows for a worker (--unseal). It loads no plugins.
// mole-worker, which does not link DuckDB, executes it.
#include "runtime/seal/seal.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

constexpr int failed = 1, usage = 2, try_later = 75;

int exit_code(const mole::Error& error) {
  std::fprintf(stderr, "mole-seal: %s\n", error.message.c_str());
  return error.code == mole::Code::transient || error.code == mole::Code::exhausted ? try_later : failed;
}

}  // namespace

int main(int argc, char** argv) {
  const bool threaded = argc == 5 && std::string_view(argv[3]) == "--threads";
  const std::string_view verb = argc == 3 || threaded ? argv[1] : "";
  if (verb == "--seal") {
    mole::runtime::SealLimits limits;
    limits.threads = threaded ? static_cast<unsigned>(std::clamp(std::atoi(argv[4]), 1, 64)) : 1;
    const auto report = mole::runtime::seal(argv[2], limits);
    return report ? 0 : exit_code(report.error());
  }
  if (verb == "--unseal") {
    const auto done = mole::runtime::unseal(argv[2]);
    return done ? 0 : exit_code(done.error());
  }
  std::fputs(
      "usage: mole-seal --seal ATTEMPT [--threads N]     validate ATTEMPT/handover, write ATTEMPT/out\n"
      "       mole-seal --unseal ATTEMPT                 convert ATTEMPT/rows/*.parquet to *.rows\n",
      stderr);
  return usage;
}
