// mole flows: decodes files on the spot. The work is the worker's, which alone loads plugins.
#include "cli/commands/commands.hpp"
#include "cli/session/child.hpp"

#include <algorithm>
#include <filesystem>
#include <thread>

namespace mole::cli {
namespace {

struct FlowsArgs {
  std::vector<std::string> files;
  std::string columns, format, times, decoder;
  std::uint32_t threads = 0;
};

void add_if(std::vector<std::string>& command, const char* option, const std::string& value) {
  if (!value.empty()) command.insert(command.end(), {option, value});
}

Result<Exit> flows(Context& context, const FlowsArgs& args) {
  for (const auto& file : args.files)
    if (std::error_code error; !std::filesystem::exists(file, error))
      return missing(file + " is not there; check the path");
  std::vector<std::string> command{"mole-worker", "--flows"};
  add_if(command, "--columns", args.columns);
  add_if(command, "--format", args.format);
  add_if(command, "--time-format", args.times);
  add_if(command, "--decoder", args.decoder);
  add_if(command, "--threads",
         std::to_string(args.threads ? args.threads : std::max(1U, std::thread::hardware_concurrency())));
  if (!context.options.plugins.empty()) add_if(command, "--plugins", context.options.plugins.front().string());
  command.push_back("--");
  command.insert(command.end(), args.files.begin(), args.files.end());
  context.out.flush();
  const auto code = run_sibling(command);
  if (!code) return code.error();
  return static_cast<Exit>(*code);
}

}  // namespace

void add_flows(Shell& shell) {
  auto args = std::make_shared<FlowsArgs>();
  auto* command =
      shell.add(shell.app, "flows", "Print the flow records of files; exits 3 if one is damaged", args, flows);
  command->add_option("files", args->files, "files as they lie in the archive")->required()->type_name("FILE");
  command->add_option("--columns", args->columns, "comma-separated; otherwise all the files have");
  command->add_option("--format", args->format, "csv, ndjson or none (only decode)")
      ->check(CLI::IsMember({"csv", "ndjson", "none"}));
  command->add_option("--time-format", args->times, "rfc3339 or epoch_ms")
      ->check(CLI::IsMember({"rfc3339", "epoch_ms"}));
  command->add_option("--decoder", args->decoder, "a decoder's name; otherwise the one that knows the file")
      ->type_name("PLUGIN");
  command->add_option("--threads", args->threads, "cores to use; 0: all")->check(CLI::Range(0, 4096));
}

}  // namespace mole::cli
