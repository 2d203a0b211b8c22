// mole-worker: the process that loads plugins. mole-node starts it with --run, `mole flows` with --flows. --seal and --unseal
// execute mole-seal, so that no process contains both plugin code and DuckDB.
#include "nodes/worker/flows.hpp"
#include "nodes/worker/run.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

namespace {

using namespace mole::nodes;

constexpr const char* usage =
    "usage: mole-worker --run A --cache DIR --cache-limit BYTES --plugins DIR[:DIR] --threads N [--columns on|off]\n"
    "       mole-worker --flows [--format csv|ndjson|frames|none] [--columns a,b] [--time-format rfc3339|epoch_ms] [--threads "
    "N]\n"
    "                   [--plugins DIR] [--decode NAME] [--decoder NAME] [--no-header] FILE...\n"
    "       mole-worker --seal A [--threads N] | --unseal A\n";

int usage_error(const std::string& message) {
  std::fprintf(stderr, "mole-worker: %s\n%s", message.c_str(), usage);
  return 2;
}

// Parses `--name value`, `--name=value` and positional arguments.
struct Arguments {
  std::map<std::string, std::string, std::less<>> values;
  std::vector<std::string> rest;
  std::string problem;

  Arguments(int argc, char** argv, std::initializer_list<std::string_view> with_value,
            std::initializer_list<std::string_view> flags) {
    bool only_files = false;
    for (int i = 0; i < argc && problem.empty(); ++i) {
      const std::string_view word = argv[i];
      if (only_files || !word.starts_with("--")) {
        rest.emplace_back(word);
      } else if (word == "--") {
        only_files = true;
      } else {
        const auto equals = word.find('=');
        const std::string name(word.substr(2, equals == word.npos ? word.npos : equals - 2));
        const auto known = [&](const auto& list) { return std::find(list.begin(), list.end(), name) != list.end(); };
        if (known(flags))
          values[name] = "yes";
        else if (!known(with_value))
          problem = "unknown option --" + name;
        else if (equals != word.npos)
          values[name] = word.substr(equals + 1);
        else if (i + 1 < argc)
          values[name] = argv[++i];
        else
          problem = "--" + name + " needs a value";
      }
    }
  }

  const std::string* find(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : &found->second;
  }
  template <class T>
  bool number(std::string_view name, T& out) {
    const auto* text = find(name);
    if (!text) return true;
    const auto [end, status] = std::from_chars(text->data(), text->data() + text->size(), out);
    if (status == std::errc{} && end == text->data() + text->size()) return true;
    problem = "--" + std::string(name) + " needs a number, not '" + *text + "'";
    return false;
  }
};

std::vector<std::filesystem::path> folders_of(const std::string& text) {
  std::vector<std::filesystem::path> out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto colon = std::min(text.find(':', at), text.size());
    if (colon > at) out.emplace_back(text.substr(at, colon - at));
    at = colon + 1;
  }
  return out;
}

int run(int argc, char** argv) {
  Arguments arguments(argc, argv, {"cache", "cache-limit", "plugins", "threads", "columns"}, {});
  RunOptions options;
  if (arguments.problem.empty() && arguments.rest.size() != 1) arguments.problem = "--run needs one attempt folder";
  if (arguments.problem.empty())
    arguments.number("cache-limit", options.cache_limit) && arguments.number("threads", options.threads);
  if (const auto* columns = arguments.find("columns")) {
    options.columns = *columns != "off";
    if (*columns != "on" && *columns != "off") arguments.problem = "--columns must be on or off, not '" + *columns + "'";
  }
  if (!arguments.problem.empty()) return usage_error(arguments.problem);
  options.attempt = arguments.rest[0];
  if (const auto* cache = arguments.find("cache")) options.cache = *cache;
  if (const auto* plugins = arguments.find("plugins")) options.plugins = folders_of(*plugins);
  return run_task(options);
}

int flows(int argc, char** argv) {
  Arguments arguments(argc, argv, {"format", "columns", "time-format", "threads", "plugins", "decode", "decoder"}, {"no-header"});
  FlowsOptions options;
  if (arguments.problem.empty()) arguments.number("threads", options.threads);
  if (arguments.problem.empty() && arguments.rest.empty()) arguments.problem = "--flows needs at least one file";
  const auto* columns = arguments.find("columns");
  auto parsed =
      parse_flow_columns(columns ? *columns : "start,end,src_addr,src_port,dst_addr,dst_port,protocol,tcp_flags,packets,bytes");
  if (arguments.problem.empty() && !parsed) arguments.problem = parsed.error().message;
  if (const auto* format = arguments.find("format")) {
    if (*format == "none")
      options.format = FlowFormat::none;
    else if (*format == "ndjson")
      options.format = FlowFormat::ndjson;
    else if (*format == "frames")
      options.format = FlowFormat::frames;
    else if (*format != "csv")
      arguments.problem = "--format must be csv, ndjson, frames or none, not '" + *format + "'";
  }
  if (const auto* times = arguments.find("time-format")) {
    if (*times == "epoch_ms")
      options.times = TimeFormat::epoch_ms;
    else if (*times != "rfc3339")
      arguments.problem = "--time-format must be rfc3339 or epoch_ms, not '" + *times + "'";
  }
  if (const auto* decode = arguments.find("decode")) {
    options.decode = mole::from_name<mole::Bzip2Decoder>(*decode);
    if (!options.decode) arguments.problem = "--decode must be libbzip2 or interleaved, not '" + *decode + "'";
  }
  if (!arguments.problem.empty()) return usage_error(arguments.problem);
  options.columns = std::move(*parsed);
  options.header = !arguments.find("no-header");
  options.threads = std::max(1u, options.threads);
  if (const auto* plugins = arguments.find("plugins")) options.plugins = *plugins;
  if (const auto* decoder = arguments.find("decoder")) options.decoder = *decoder;
  options.files.assign(arguments.rest.begin(), arguments.rest.end());
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
  if (mode == "--run") return run(argc - 2, argv + 2);
  if (mode == "--flows") return flows(argc - 2, argv + 2);
  if (mode == "--seal" || mode == "--unseal") return exec_mole_seal(argv);
  if (mode == "--help") return std::fputs(usage, stdout), 0;
  return usage_error(mode.empty() ? "a mode is required" : "unknown mode '" + std::string(mode) + "'");
}
