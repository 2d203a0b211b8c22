// mole-worker --stage: stages the files of a task for the worker that runs its metric plugins.
#include "nodes/worker/modes.hpp"
#include "nodes/worker/setup.hpp"
#include "runtime/host/plugin_set.hpp"
#include "runtime/task/remote_files.hpp"

#include <vector>

namespace mole::nodes {
namespace {

using namespace mole::runtime;

constexpr int worker = 3;  // descriptor: the socket to the worker

struct StageOptions : ProcessOptions {
  std::filesystem::path attempt;  // folder
};

Result<> stage(const StageOptions& options) {
  MOLE_TRY(const auto process, set_up(options, options.attempt, {worker}));
  std::vector<std::string> bad_copies;
  MOLE_TRY(auto cache, open_cache(options, *process.record, bad_copies));
  release_files(process.spec, cache);
  const PluginSet plugins(options.plugins, *process.record);
  MOLE_TRY(const auto files, StagedFiles::open(process.spec, plugins, cache, options.columns));
  auto served = serve_files(worker, process.spec, *files, bad_copies);
  keep_files(process.spec, cache);
  return served;
}

}  // namespace

int stage_files(int argc, char** argv) {
  CLI::App app("Stages the files of a task for the worker that runs its plugins", "mole-worker --stage");
  StageOptions options;
  app.add_option("folder", options.folder, "the folder of this process")->required();
  app.add_option("attempt", options.attempt, "the attempt folder")->required();
  add_options(app, options);
  int exit_code = 0;
  if (!parse(app, argc, argv, exit_code)) return exit_code;
  const auto done = stage(options);
  if (done) return 0;
  report_error(done.error());
  refuse_files(worker, done.error());  // so that the task ends with this error
  return 0;
}

}  // namespace mole::nodes
