// mole flows: decodes files directly. A mole-worker does the decoding, because only workers load plugins. The worker prints
// text formats itself; for Parquet and Arrow it sends rows, which this command writes.
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/export/export.hpp"
#include "cli/export/target.hpp"
#include "cli/session/child.hpp"
#include "runtime/rows/rows_format.hpp"
#include "sdk/model/size.hpp"
#include "sdk/model/task.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

namespace mole::cli {
namespace {

struct FlowsArgs {
  std::vector<std::string> files;
  std::string columns, format, times, decode, decoder, out;
  std::uint32_t threads = 0;
  std::uint64_t max_content = task::default_max_content;
};

void add_if(std::vector<std::string>& command, const char* option, const std::string& value) {
  if (!value.empty()) command.insert(command.end(), {option, value});
}

std::vector<std::string> worker_command(const Context& context, const FlowsArgs& args, const std::string& format) {
  std::vector<std::string> command{"mole-worker", "--flows"};
  add_if(command, "--columns", args.columns);
  add_if(command, "--format", format);
  add_if(command, "--time-format", args.times);
  add_if(command, "--decode", args.decode);
  add_if(command, "--decoder", args.decoder);
  add_if(command, "--threads", std::to_string(args.threads ? args.threads : std::max(1U, std::thread::hardware_concurrency())));
  add_if(command, "--max-content", std::to_string(args.max_content));
  add_plugin_folders(command, context.options);
  command.push_back("--");
  command.insert(command.end(), args.files.begin(), args.files.end());
  return command;
}

Result<> read_all(Child& worker, char* to, std::size_t size) {
  while (size > 0) {
    MOLE_TRY(const auto n, worker.read(to, size));
    if (n == 0) return internal("mole-worker exited before it sent all flows; install the same version of mole and mole-worker");
    to += n;
    size -= n;
  }
  return {};
}

// Returns the next table of the stream (docs/formats/flow_frames.md); nullopt at the end marker. internal: none was found.
Result<std::optional<runtime::RowTable>> next_table(Child& worker) {
  std::uint64_t length = 0;
  if (auto done = read_all(worker, reinterpret_cast<char*>(&length), sizeof length); !done) return done.error();
  if (length == 0) return std::optional<runtime::RowTable>{};
  if (length > runtime::RowLimits{}.bytes)
    return internal("mole-worker sent a table that is too large; install the same version of mole and mole-worker");
  std::string bytes(length, '\0');
  if (auto done = read_all(worker, bytes.data(), length); !done) return done.error();
  MOLE_TRY(auto table, runtime::decode_rows(bytes));
  return std::optional(std::move(table));
}

Result<> export_flows(Child& worker, ExportFormat format, const std::optional<std::filesystem::path>& out) {
  MOLE_TRY(auto shape, next_table(worker));
  if (!shape) return internal("mole-worker sent no columns; install the same version of mole and mole-worker");
  RowStream rows{std::move(*shape), {}, [&] { return next_table(worker); }};
  const auto count = export_rows(rows, format, out);
  return count ? Result<>() : count.error();
}

Result<> copy_text(Child& worker, const std::filesystem::path& out) {
  MOLE_TRY(auto target, Target::open(out));
  std::string chunk(1 << 20, '\0');
  for (;;) {
    MOLE_TRY(const auto n, worker.read(chunk.data(), chunk.size()));
    if (n == 0) return target->finish();
    if (auto done = target->write(std::string_view(chunk).substr(0, n)); !done) return done;
  }
}

constexpr const char* decode_only = "none";

// The worker prints these formats itself, faster than rows can be exported.
bool is_printed(ExportFormat format) { return format == ExportFormat::csv || format == ExportFormat::ndjson; }

// The format of exported rows; nullopt: only decode. invalid: see export_format.
Result<std::optional<ExportFormat>> format_of(const FlowsArgs& args) {
  if (args.format == decode_only) return std::optional<ExportFormat>{};
  MOLE_TRY(const auto format, export_format(args.format, args.out, ExportFormat::csv));
  if (format == ExportFormat::table) return invalid("flows are not written as a table; use csv or tsv");
  if (!is_printed(format) && !args.times.empty())
    return invalid(fmt::format("--time-format is for csv and ndjson, not for {}; leave it out", name_of(format)));
  return std::optional(format);
}

Result<Exit> flows(Context& context, const FlowsArgs& args) {
  for (const auto& file : args.files)
    if (std::error_code error; !std::filesystem::exists(file, error)) return missing(file + " does not exist; check the path");
  const auto chosen = format_of(args);
  if (!chosen) return usage_error(context, chosen.error());
  const bool rows = *chosen && !is_printed(**chosen);
  const std::string format = *chosen ? name_of(**chosen) : decode_only;
  context.out.flush();
  if (!rows && args.out.empty()) {
    MOLE_TRY(auto worker, Child::start(worker_command(context, args, format)));
    MOLE_TRY(const auto code, worker.wait());
    return static_cast<Exit>(code);
  }
  if (rows && is_binary(**chosen) && args.out.empty() && is_terminal(STDOUT_FILENO))
    return usage_error(context, no_terminal(**chosen));
  MOLE_TRY(auto worker, Child::start_piped(worker_command(context, args, rows ? "frames" : format)));
  const auto out = args.out.empty() ? std::nullopt : std::optional<std::filesystem::path>(args.out);
  const auto done = rows ? export_flows(worker, **chosen, out) : copy_text(worker, *out);
  MOLE_TRY(const auto code, worker.wait());
  if (!done && done.error().code == Code::cancelled) return Exit::done;                           // the reader closed the pipe
  if (!done && done.error().code == Code::internal && code != 0) return static_cast<Exit>(code);  // the worker printed the cause
  if (!done) return done.error();
  return static_cast<Exit>(code);
}

}  // namespace

void add_flows(Shell& shell) {
  const auto [command, args] = shell.add(
      shell.app, "flows", "Print the flow records of files, as text or for another program; exits 3 if a file is damaged", flows);
  command->add_option("files", args->files, "files of an archive")->required()->type_name("FILE");
  command->add_option("--columns", args->columns,
                      "comma-separated, * for all; default: start, end, addresses, ports, protocol, tcp_flags, packets, bytes");
  auto formats = all_names<ExportFormat>();
  std::erase(formats, name_of(ExportFormat::table));
  formats.emplace_back(decode_only);
  command
      ->add_option(
          "--format", args->format,
          "csv, tsv, ndjson, json, parquet, arrow or none (only decode); default: from the ending of the output file, or csv")
      ->check(CLI::IsMember(formats));
  command
      ->add_option("-o,--output", args->out,
                   "write to this file, which is created only when complete; compressed if it ends in .gz")
      ->type_name("FILE");
  command->add_option("--time-format", args->times, "for csv and ndjson: rfc3339 or epoch_ms")
      ->check(CLI::IsMember({"rfc3339", "epoch_ms"}));
  command->add_option("--decode", args->decode, "bzip2 decoder: libbzip2 or interleaved; both give the same flows")
      ->check(CLI::IsMember({"libbzip2", "interleaved"}));
  command->add_option("--decoder", args->decoder, "name of a decoder; default: the one that recognises the file")
      ->type_name("PLUGIN");
  command
      ->add_option_function<std::string>(
          "--max-content", [args = args](const std::string& text) { args->max_content = *parse_size(text); },
          "limit of the decompressed size of a file, against decompression bombs; default 16GiB")
      ->type_name("SIZE")
      ->check(parsed_by(parse_size, "SIZE"));
  command->add_option("--threads", args->threads, "number of threads; 0: all cores")->check(CLI::Range(0, 4096));
}

}  // namespace mole::cli
