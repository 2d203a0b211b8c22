// mole flows: decodes files directly. A mole-worker does the decoding, because only workers load plugins. The worker prints CSV
// and NDJSON itself; for the other formats it sends rows, and for --summary a document per file, which this command writes.
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/export/export.hpp"
#include "cli/export/target.hpp"
#include "cli/format/flow_summary.hpp"
#include "cli/format/human.hpp"
#include "cli/init/folder.hpp"
#include "cli/session/child.hpp"
#include "runtime/rows/rows_format.hpp"
#include "sdk/model/field_json.hpp"
#include "sdk/model/filter.hpp"
#include "sdk/model/program.hpp"
#include "sdk/model/size.hpp"
#include "sdk/model/task.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <thread>

namespace mole::cli {
namespace {

struct FlowsArgs {
  std::vector<std::string> paths;
  std::string columns, filter, format, times, addresses, decode, decoder, params, out;
  std::uint32_t threads = 0;
  std::uint64_t max_content = task::default_max_content;
  bool summary = false;
};

// The names of files in memory, each ended by a zero byte: a command line would be too short for those of a large folder.
class NameList {
 public:
  NameList() : descriptor_(::memfd_create("files", MFD_CLOEXEC)) {}
  NameList(const NameList&) = delete;
  NameList& operator=(const NameList&) = delete;
  ~NameList() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  Result<> add(const std::vector<std::string>& names) {
    if (descriptor_ < 0) return exhausted("cannot list the files: out of memory; free some memory");
    std::string text;
    for (const auto& name : names) text.append(name.c_str(), name.size() + 1);
    return write_all(descriptor_, text, "the list of files");
  }
  // Other programs of the user can read it there as long as this object exists.
  std::string path() const { return fmt::format("/proc/{}/fd/{}", ::getpid(), descriptor_); }

 private:
  int descriptor_;
};

struct Files {
  std::vector<std::string> names;
  bool incomplete = false;  // a folder contains something that cannot be read
};

// Returns the files, and for folders the files below them in the order of their names.
Result<Files> files_of(Context& context, const std::vector<std::string>& paths) {
  Files files;
  for (const auto& path : paths) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return missing(path + " does not exist; check the path");
    if (!std::filesystem::is_directory(path, error)) {
      files.names.push_back(path);
      continue;
    }
    MOLE_TRY(const auto found, names_in(path));
    for (const auto& name : found.names) files.names.push_back((std::filesystem::path(path) / name).string());
    for (const auto& name : found.unreadable) {
      files.incomplete = true;
      context.err << fmt::format(
          "mole flows: {}: {} was skipped: it is a folder that cannot be listed, or its name is not UTF-8\n", printable(path),
          printable(name));
    }
  }
  return files;
}

void add_if(std::vector<std::string>& command, const char* option, const std::string& value) {
  if (!value.empty()) command.insert(command.end(), {option, value});
}

std::vector<std::string> worker_command(const Context& context, const FlowsArgs& args, const NameList& names,
                                        const std::string& format) {
  std::vector<std::string> command{"mole-worker", "--flows"};
  add_if(command, "--columns", args.columns);
  add_if(command, "--filter", args.filter);
  add_if(command, "--format", format);
  add_if(command, "--time-format", args.times);
  add_if(command, "--address-format", args.addresses);
  add_if(command, "--decode", args.decode);
  add_if(command, "--decoder", args.decoder);
  add_if(command, "--decoder-params", args.params);
  add_if(command, "--threads", std::to_string(args.threads ? args.threads : std::max(1U, std::thread::hardware_concurrency())));
  add_if(command, "--max-content", std::to_string(args.max_content));
  add_plugin_folders(command, context.options);
  add_if(command, "--files-from", names.path());
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

constexpr std::size_t max_cell = 40;  // characters of a value in a table

Result<int> export_flows(Child& worker, ExportFormat format, const std::optional<std::filesystem::path>& out) {
  MOLE_TRY(auto shape, next_table(worker));
  if (!shape) return internal("mole-worker sent no columns; install the same version of mole and mole-worker");
  RowStream rows{std::move(*shape), {}, [&] { return next_table(worker); }};
  const auto count = export_rows(rows, format, out, {.cell = max_cell});
  return count ? worker.wait() : count.error();
}

// Returns the exit code of the worker after it closed its output; an error if it was killed, so that its output is incomplete.
Result<int> end_of(Child& worker) {
  MOLE_TRY(const auto code, worker.wait());
  if (code >= 128)
    return exhausted(
        fmt::format("mole-worker was stopped by signal {}, so its output is incomplete and was discarded; if memory ran "
                    "out, lower --threads",
                    code - 128));
  return code;
}

Result<int> copy_text(Child& worker, const std::filesystem::path& out) {
  MOLE_TRY(auto target, Target::open(out));
  std::string chunk(1 << 20, '\0');
  for (;;) {
    MOLE_TRY(const auto n, worker.read(chunk.data(), chunk.size()));
    if (n == 0) {
      MOLE_TRY(const auto code, end_of(worker));
      auto done = target->finish();
      return done ? Result<int>(code) : done.error();
    }
    if (auto done = target->write(std::string_view(chunk).substr(0, n)); !done) return done.error();
  }
}

// Calls `use` with each summary that the worker prints, one per line.
Result<int> read_summaries(Child& worker, const std::function<void(FlowSummary)>& use) {
  std::string text;
  std::string chunk(1 << 16, '\0');
  for (;;) {
    MOLE_TRY(const auto n, worker.read(chunk.data(), chunk.size()));
    if (n == 0) return end_of(worker);
    text.append(chunk, 0, n);
    std::size_t from = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
      const auto line = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(from),
                                              text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
      MOLE_TRY(auto summary, read_document<FlowSummary>(line));
      use(std::move(summary));
      from = end + 1;
    }
    text.erase(0, from);
  }
}

Result<int> print_summaries(Context& context, Child& worker, std::size_t count) {
  FlowTotals totals;
  auto files = nlohmann::json::array();
  const auto read = read_summaries(worker, [&](const FlowSummary& file) {
    totals.add(file);
    if (context.options.json)
      files.push_back(file);
    else
      context.out << summary_text(file, count == 1 ? ShownElements::all : ShownElements::first, context.out_style) << std::flush;
  });
  if (!read) return read;
  if (context.options.json)
    print_json(context.out, {{"files", files}, {"total", totals_json(totals)}});
  else if (totals.files > 1)
    context.out << '\n' << totals_text(totals, context.out_style);
  return read;
}

constexpr const char* decode_only = "none";

// The worker prints these formats itself, faster than rows can be exported.
bool is_printed(ExportFormat format) { return format == ExportFormat::csv || format == ExportFormat::ndjson; }

// The format of exported rows; nullopt: only decode. invalid: see export_format.
Result<std::optional<ExportFormat>> format_of(const Context& context, const FlowsArgs& args) {
  if (args.format == decode_only) {
    if (!args.columns.empty()) return invalid("--format none prints no columns; leave --columns out");
    return std::optional<ExportFormat>{};
  }
  const bool on_terminal = args.out.empty() && is_terminal(STDOUT_FILENO);
  MOLE_TRY(const auto format, export_format(args.format, args.out,
                                            context.options.json ? ExportFormat::ndjson
                                            : on_terminal        ? ExportFormat::table
                                                                 : ExportFormat::csv));
  if (!is_printed(format) && !args.times.empty())
    return invalid(fmt::format("--time-format is for csv and ndjson, not for {}; leave it out", name_of(format)));
  if (!is_binary(format) && !args.addresses.empty())
    return invalid(fmt::format("--address-format is for parquet and arrow, not for {}; leave it out", name_of(format)));
  if (is_binary(format) && on_terminal) return no_terminal(format);
  return std::optional(format);
}

Result<Exit> flows(Context& context, const FlowsArgs& args) {
  const auto chosen = format_of(context, args);
  if (!chosen) return usage_error(context, chosen.error());
  MOLE_TRY(const auto files, files_of(context, args.paths));
  NameList names;
  if (auto listed = names.add(files.names); !listed) return listed.error();
  const auto exit_of_worker = [&files](int code) {
    return code == 0 && files.incomplete ? Exit::incomplete : static_cast<Exit>(code);
  };
  const bool rows = *chosen && !is_printed(**chosen);
  const std::string format = args.summary ? "summary" : !*chosen ? decode_only : rows ? "frames" : name_of(**chosen);
  const auto command = worker_command(context, args, names, format);
  context.out.flush();
  if (!args.summary && !rows && args.out.empty()) {
    MOLE_TRY(auto worker, Child::start(command));
    MOLE_TRY(const auto code, worker.wait());
    return exit_of_worker(code);
  }
  MOLE_TRY(auto worker, Child::start_piped(command));
  const auto out = args.out.empty() ? std::nullopt : std::optional<std::filesystem::path>(args.out);
  const auto done = args.summary ? print_summaries(context, worker, files.names.size())
                    : rows       ? export_flows(worker, **chosen, out)
                                 : copy_text(worker, *out);
  if (!done && done.error().code == Code::cancelled) return Exit::done;  // the reader closed the pipe
  if (!done && done.error().code == Code::internal)
    if (const auto code = worker.wait(); code && *code != 0) return static_cast<Exit>(*code);  // the worker printed the cause
  if (!done) return done.error();
  return exit_of_worker(*done);
}

// Returns an error unless the text is a JSON object.
Result<nlohmann::json> parse_object(std::string_view text) {
  auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) return invalid("it is not a JSON object; write it as '{\"NAME\": VALUE}'");
  return object;
}

}  // namespace

void add_flows(Shell& shell) {
  const auto [command, args] = shell.add(
      shell.app, "flows",
      "Print the flow records of files and folders, as text or for another program, or a summary; exits 3 if a file is damaged",
      flows);
  command->add_option("paths", args->paths, "files, or folders: all files below, except hidden, temporary and partial ones")
      ->required()
      ->type_name("PATH");
  auto* const columns = command->add_option(
      "--columns", args->columns,
      "comma-separated, * for all flow columns; default: start, end, addresses, ports, protocol, tcp_flags, packets, bytes");
  command->add_option("--filter", args->filter, "only flows that pass this filter, such as 'proto tcp and dst port 443'")
      ->check(parsed_by(parse_filter));
  auto formats = all_names<ExportFormat>();
  formats.emplace_back(decode_only);
  auto* const format =
      command
          ->add_option("--format", args->format,
                       "table, csv, tsv, ndjson, json, parquet, arrow or none (only decode); default: from the ending of the "
                       "output file; otherwise table on a terminal, else csv")
          ->check(CLI::IsMember(formats));
  auto* const out = command
                        ->add_option("-o,--output", args->out,
                                     "write to this file, which is created only when complete; compressed if it ends in .gz")
                        ->type_name("FILE");
  auto* const times = command->add_option("--time-format", args->times, "for csv and ndjson: rfc3339 or epoch_ms")
                          ->check(CLI::IsMember({"rfc3339", "epoch_ms"}));
  auto* const addresses =
      command
          ->add_option("--address-format", args->addresses,
                       "for parquet and arrow: text, or bytes (16 bytes in network order, IPv4 as ::ffff:a.b.c.d); default: text")
          ->check(CLI::IsMember({"text", "bytes"}));
  command
      ->add_flag("--summary", args->summary,
                 "print what each file contains instead of its flows: format, exporters, time spans, counts, losses, damage")
      ->excludes(format)
      ->excludes(out)
      ->excludes(columns)
      ->excludes(times)
      ->excludes(addresses);
  command->add_option("--decode", args->decode, "bzip2 decoder: libbzip2 or interleaved; both give the same flows")
      ->check(CLI::IsMember({"libbzip2", "interleaved"}));
  auto* const decoder =
      command->add_option("--decoder", args->decoder, "name of a decoder; default: the one that recognises the file")
          ->type_name("PLUGIN");
  command
      ->add_option("--decoder-params", args->params,
                   R"(its parameters, as "params" in a manifest, such as '{"columns": {"start": "first seen"}}')")
      ->type_name("JSON")
      ->needs(decoder)
      ->check(parsed_by(parse_object));
  command
      ->add_option_function<std::string>(
          "--max-content", [args = args](const std::string& text) { args->max_content = *parse_size(text); },
          "limit of the decompressed size of a file, against decompression bombs; default 16GiB")
      ->type_name("SIZE")
      ->check(parsed_by(parse_size, "SIZE"));
  command->add_option("--threads", args->threads, "number of threads, shared by the files read at the same time; 0: all cores")
      ->check(CLI::Range(0, 4096));
}

}  // namespace mole::cli
