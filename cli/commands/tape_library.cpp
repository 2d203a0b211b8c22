// mole archive tape-library: creates, serves and evaluates simulated tape libraries.
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/format/human.hpp"
#include "cli/tape_library/report.hpp"
#include "cli/tape_library/session.hpp"
#include "cli/tape_library/sshd.hpp"
#include "sdk/model/field_json.hpp"
#include "sdk/model/size.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

namespace mole::cli {
namespace {

namespace fs = std::filesystem;

struct CreateArgs {
  std::string folder, library, layout = name_of(TapeLayout::sequential), start = "2008-01-01";
  std::string root = TapeLibrary{}.root;
  LayoutSpec spec;
  TapeSettings settings;
};
struct LibraryArgs {
  std::string library;
  std::uint16_t port = 0;
};

Result<Exit> create(Context& context, const CreateArgs& args) {
  TapeLibrary library;
  std::error_code failed;
  library.folder = fs::canonical(args.folder, failed).string();
  if (failed) return usage_error(context, invalid("cannot read " + args.folder + ": " + failed.message() + "; name a folder"));
  library.root = args.root;
  MOLE_TRY(library.start, parse_time(args.start));
  library.settings = args.settings;
  auto spec = args.spec;
  spec.layout = *from_name<TapeLayout>(args.layout);
  if (const auto filled = fill_library(library, spec); !filled) return usage_error(context, filled.error());
  if (const auto written = write_library(args.library, library); !written) return written.error();
  std::uint64_t bytes = 0;
  for (const auto& file : library.files) bytes += file.size;
  print(context,
        {{"library", args.library}, {"files", library.files.size()}, {"bytes", bytes}, {"tapes", spec.tapes * spec.copies}},
        fmt::format("{}: {}, {}, on {}; serve it with: mole archive tape-library serve {}\n", args.library,
                    human_number(library.files.size(), "file", "files"), human_bytes(static_cast<double>(bytes)),
                    human_number(spec.tapes * spec.copies, "tape", "tapes"), args.library));
  return Exit::done;
}

Result<Exit> serve(Context& context, const LibraryArgs& args) {
  MOLE_TRY(const auto library, read_library(args.library));
  const Interrupt interrupt;
  MOLE_TRY(auto server, start_ssh_server(args.library, args.port));
  const nlohmann::json lines = {{"host", "127.0.0.1"},         {"port", server.port},  {"user", server.user},
                                {"host_key", server.host_key}, {"root", library.root}, {"key_file", server.key_file.string()}};
  if (context.options.json)
    context.out << lines.dump() << std::endl;
  else
    context.out
        << fmt::format(
               "the tape library listens on port {0}; stop it with ^C. For a manifest:\n    downloader: samfs\n    params: "
               "{{host: 127.0.0.1, port: {0}, user: {1}, root: {2}, key_file: {3}, host_key: \"{4}\"}}\n",
               server.port, server.user, library.root, server.key_file.string(), server.host_key)
        << std::flush;
  while (!interrupt.requested() && server.process.running()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  if (interrupt.requested()) return Exit::done;
  return transient("the SSH server has ended; see " + (fs::path(args.library) / "sshd.log").string() +
                   " and serve the library again");
}

// Started by the SSH server with the client's command in SSH_ORIGINAL_COMMAND.
Result<Exit> session(Context& context, const LibraryArgs& args) {
  const auto* command = std::getenv("SSH_ORIGINAL_COMMAND");  // NOLINT(concurrency-mt-unsafe): one thread
  if (command == nullptr) return usage_error(context, invalid("this command is started by the SSH server; use ssh HOST COMMAND"));
  const auto code = std::string_view(command) == "sftp"
                        ? serve_sftp(args.library, 0, 1)
                        : run_session_command(args.library, command, {std::cin, context.out, context.err});
  context.out << std::flush;
  return static_cast<Exit>(code);
}

Result<Exit> print_log(Context& context, const LibraryArgs& args) {
  if (const auto library = read_library(args.library); !library) return library.error();
  std::ifstream log(fs::path(args.library) / "log.ndjson");
  if (log.peek() != std::ifstream::traits_type::eof()) context.out << log.rdbuf();
  return Exit::done;
}

std::string share(Micros part, Micros all) {
  return all > 0 ? fmt::format("{:.2f}", static_cast<double>(part) / static_cast<double>(all)) : "";
}

std::string time_text(Micros time) { return human_seconds(static_cast<double>(time) / second_us); }

Result<Exit> report(Context& context, const LibraryArgs& args) {
  MOLE_TRY(const auto library, read_library(args.library));
  MOLE_TRY(const auto events, read_log(args.library));
  const auto r = report_of(library, events);
  Table table({"drive", right("mounts"), right("files"), right("mounting"), right("removing"), right("seeking"), right("reading"),
               right("others")});
  for (const auto& d : r.drives)
    table.row({std::to_string(d.drive), human_count(d.mounts), human_count(d.files), time_text(d.mounting), time_text(d.removing),
               time_text(d.seeking), time_text(d.reading), time_text(d.others)});
  const auto text = fmt::format(
      "{} of {} read ({}); {} failed, {}\n{} of {}; at most {} in use at once\n{}"
      "time used    {}\nleast time   {} ({} on the busiest tape, {}); ratio {}\n",
      human_count(r.files), human_number(r.requests, "requested file", "requested files"),
      human_bytes(static_cast<double>(r.bytes)), human_count(r.failed), human_number(r.read_errors, "read error", "read errors"),
      human_number(r.mounts, "mount", "mounts"), human_number(r.tapes, "tape", "tapes"),
      human_number(r.most_drives, "drive", "drives"), table.text(context.out_style), time_text(r.to - r.from), time_text(r.least),
      time_text(r.busiest_tape), r.busiest.empty() ? "none" : r.busiest, share(r.to - r.from, r.least));
  print(context, r, text);
  return Exit::done;
}

void add_duration(CLI::App& command, const char* name, Micros& value, const char* about) {
  command
      .add_option_function<std::string>(
          name, [&value](const std::string& text) { value = *parse_duration(text); }, about)
      ->type_name("DURATION")
      ->default_str(format_duration(value))
      ->check(parsed_by(parse_duration));
}

void add_size(CLI::App& command, const char* name, std::uint64_t& value, const char* about) {
  command
      .add_option_function<std::string>(
          name, [&value](const std::string& text) { value = *parse_size(text); }, about)
      ->type_name("SIZE")
      ->default_str(format_size(value))
      ->check(parsed_by(parse_size));
}

void add_create(Shell& shell, CLI::App& group) {
  const auto [command, args] = shell.add(group, "create", "Assign the files of a folder to simulated tapes", create);
  auto& settings = args->settings;
  command->add_option("folder", args->folder, "folder with the files")->required()->type_name("FOLDER");
  command->add_option("library", args->library, "folder of the library, which is created")->required()->type_name("LIBRARY");
  const auto count = [&command = *command](const char* name, std::uint64_t& value, std::uint64_t min, std::uint64_t max,
                                           const char* about) {
    command.add_option(name, value, about)->capture_default_str()->check(CLI::Range(min, max));
  };
  count("--tapes", args->spec.tapes, 1, 9999, "number of tapes per copy");
  count("--copies", args->spec.copies, 1, 4, "copies of each file, on different tapes");
  command->add_option("--layout", args->layout, "how files, in the order of their names, were written to the tapes")
      ->check(CLI::IsMember(all_names<TapeLayout>()))
      ->capture_default_str();
  command->add_option("--root", args->root, "path of the folder in the library")->capture_default_str();
  command->add_option("--start", args->start, "simulated time at the beginning")
      ->capture_default_str()
      ->check(parsed_by(parse_time, "TIME"));
  count("--drives", settings.drives, 1, 64, "number of drives");
  add_duration(*command, "--move", settings.move, "the robot carries a tape");
  add_duration(*command, "--load", settings.load, "a drive loads a tape");
  add_duration(*command, "--unload", settings.unload, "a drive ejects a tape");
  add_duration(*command, "--rewind", settings.rewind, "rewinding from the end of a tape");
  add_duration(*command, "--locate", settings.locate, "shortest change of position");
  add_duration(*command, "--traverse", settings.traverse, "additional time to cross the whole tape");
  add_size(*command, "--read-rate", settings.read_rate, "bytes that a drive reads in a second");
  add_size(*command, "--capacity", settings.capacity, "of a tape");
  count("--scale", settings.scale, 1, 1'000'000'000, "a byte of a file counts as this many on tape");
  add_size(*command, "--disk", settings.disk, "disk for staged files");
  count("--pace", settings.pace, 0, 1'000'000,
        "simulated seconds in a second of real time; 0: time passes only while a client waits");
  add_duration(*command, "--poll", settings.poll,
               "without --pace: how often a waiting client looks; 0s: when a file has settled");
  count("--others", settings.others_per_hour, 0, 1000, "tapes that other users mount in an hour");
  add_duration(*command, "--others-hold", settings.others_hold, "how long they use a tape, on average");
  count("--read-errors", settings.read_errors_per_million, 0, 1'000'000, "reads that fail at random, per million");
  count("--read-attempts", settings.read_attempts, 1, 100, "failed reads after which a copy is damaged");
  count("--seed", settings.seed, 0, ~std::uint64_t{0}, "of the shuffled layout, other users and random errors");
  add_repeatable(*command, "--fault", settings.faults, "KIND:FILE[:TIMES]", parse_file_fault,
                 "stage: staging fails; read: copy 1 is damaged half way; hang, reset: the server stops answering, or ends the "
                 "connection, half way; shrink: the file is shorter than listed; change: the file is replaced while it is read "
                 "(repeatable)");
  add_repeatable(*command, "--drive-fails", settings.drive_faults, "DRIVE@DURATION", parse_drive_fault,
                 "a drive stops working this long after the start (repeatable)");
}

CLI::App& add_on_library(Shell& shell, CLI::App& group, const char* name, const char* about,
                         Result<Exit> (*run)(Context&, const LibraryArgs&)) {
  const auto [command, args] = shell.add(group, name, about, run);
  command->add_option("library", args->library, "folder of the library")->required()->type_name("LIBRARY");
  if (run == serve)
    command->add_option("--port", args->port, "port on the loopback interface; 0: a free one")->capture_default_str();
  return *command;
}

}  // namespace

void add_tape_library(Shell& shell, CLI::App& archive) {
  auto* group = archive.add_subcommand("tape-library", "Simulate a tape library behind SSH, to test staging")
                    ->require_subcommand(1)
                    ->fallthrough();
  add_create(shell, *group);
  add_on_library(shell, *group, "serve", "Serve the library over SSH on the loopback interface until ^C", serve);
  add_on_library(shell, *group, "log", "Print what robot and drives did, one JSON object per line", print_log);
  add_on_library(shell, *group, "report", "Print mounts, busy times and the least time for the same files", report);
  add_on_library(shell, *group, "session", "Run a command of an SSH client; started by the SSH server", session).group("");
}

}  // namespace mole::cli
