// mole-worker: the process that loads plugins. mole-node starts it with --run, `mole flows` with --flows. --seal and --unseal
// execute mole-seal, so that no process contains both plugin code and DuckDB.
#include "nodes/worker/flows.hpp"
#include "nodes/worker/run.hpp"

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>

namespace {

using namespace mole::nodes;

// Returns whether the arguments are valid; if not, `exit_code` is set and the cause is printed.
bool parse(CLI::App& app, int argc, char** argv, int& exit_code) {
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::CallForHelp& help) {
    exit_code = app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "mole-worker: %s\n", error.what());
    exit_code = 2;
  }
  return false;
}

int run(int argc, char** argv) {
  CLI::App app("Runs one task in an attempt folder", "mole-worker --run");
  RunOptions options;
  app.add_option("attempt", options.attempt, "the attempt folder")->required();
  app.add_option("--cache", options.cache, "folder of the file cache; default: no cache");
  app.add_option("--cache-limit", options.cache_limit, "bytes");
  app.add_option("--plugins", options.plugins, "folders, separated by colons")->delimiter(':')->allow_extra_args(false);
  app.add_option("--threads", options.threads, "number of threads");
  app.add_option("--columns", options.columns, "cache decoded columns: on or off")->check(CLI::IsMember({"on", "off"}));
  int exit_code = 0;
  return parse(app, argc, argv, exit_code) ? run_task(options) : exit_code;
}

int flows(int argc, char** argv) {
  CLI::App app("Prints the flows of files", "mole-worker --flows");
  FlowsOptions options;
  std::string columns = "start,end,src_addr,src_port,dst_addr,dst_port,protocol,tcp_flags,packets,bytes";
  const std::map<std::string, FlowFormat> formats{
      {"csv", FlowFormat::csv}, {"ndjson", FlowFormat::ndjson}, {"frames", FlowFormat::frames}, {"none", FlowFormat::none}};
  const std::map<std::string, TimeFormat> times{{"rfc3339", TimeFormat::rfc3339}, {"epoch_ms", TimeFormat::epoch_ms}};
  const std::map<std::string, mole::Bzip2Decoder> decoders{{"libbzip2", mole::Bzip2Decoder::libbzip2},
                                                           {"interleaved", mole::Bzip2Decoder::interleaved}};
  app.add_option("files", options.files, "files of an archive")->required();
  app.add_option("--columns", columns, "comma-separated, or *");
  app.add_option("--format", options.format, "of the output")->transform(CLI::CheckedTransformer(formats));
  app.add_option("--time-format", options.times, "for csv and ndjson")->transform(CLI::CheckedTransformer(times));
  app.add_option("--threads", options.threads, "number of threads")->check(CLI::Range(1, 4096));
  app.add_option("--plugins", options.plugins, "folder that is searched first");
  app.add_option("--decode", options.decode, "of bzip2 blocks")->transform(CLI::CheckedTransformer(decoders));
  app.add_option("--decoder", options.decoder, "name of the decoder");
  int exit_code = 0;
  if (!parse(app, argc, argv, exit_code)) return exit_code;
  auto parsed = parse_flow_columns(columns);
  if (!parsed) return std::fprintf(stderr, "mole-worker: %s\n", parsed.error().message.c_str()), 2;
  options.columns = std::move(*parsed);
  return print_flows(options);
}

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
  if (mode == "--run") return run(argc - 1, argv + 1);
  if (mode == "--flows") return flows(argc - 1, argv + 1);
  if (mode == "--seal" || mode == "--unseal") return exec_mole_seal(argv);
  std::fputs("usage: mole-worker --run|--flows|--seal|--unseal ...; --run --help and --flows --help list the options\n",
             mode == "--help" ? stdout : stderr);
  return mode == "--help" ? 0 : 2;
}
