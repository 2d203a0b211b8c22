// mole archive: lists and verifies cold stores, shows their gaps, and simulates archives.
#include "cli/simulate/archive.hpp"
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"
#include "cli/progress/watch.hpp"
#include "cli/simulate/event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <thread>

namespace mole::cli {
namespace {

using nlohmann::json;

struct TaskArgs {
  PipelineArgs pipeline;
  std::string archive, progress;
};
struct ShowArgs {
  std::string archive, time;  // time: of `locate`
};

// Refreshes the listing of each chosen archive of a manifest, then calls visit(session, submission, archive, interrupt, listed).
// `internal`: the listing only prepares what `visit` does.
template <class Visit>
Result<> for_each_archive(Context& context, const TaskArgs& args, bool internal, Visit visit) {
  MOLE_TRY(auto submission, submission_of(args.pipeline));
  MOLE_TRY(const auto archives, archives_of(submission, args.archive));
  const Interrupt interrupt;
  MOLE_TRY(auto session, context.connect(context.options, Need::work));
  for (const auto& archive : archives) {
    MOLE_TRY(const auto listed, index_archive(context, *session, submission, archive, interrupt, internal));
    if (auto done = visit(*session, submission, archive, interrupt, listed); !done) return done;
  }
  return {};
}

bool has_refused(const coordinator::ArchiveGaps& gaps) {
  return std::ranges::any_of(gaps.conflicts, &coordinator::FileConflict::refused);
}

// Files of the future are not missing yet.
bool lacks_files(const coordinator::ArchiveGaps& gaps) {
  return std::ranges::any_of(gaps.missing, [](const auto& gap) { return gap.cause != coordinator::GapCause::future; });
}

Result<Exit> index(Context& context, const TaskArgs& args) {
  auto listed = json::array();
  auto exit = Exit::done;
  const auto done =
      for_each_archive(context, args, false, [&](auto& session, auto&, auto& archive, auto&, auto& request) -> Result<> {
        const auto files = request.files.total, bytes = request.bytes.total;
        MOLE_TRY(const auto gaps, session.api().archive_gaps(archive));
        listed.push_back({{"archive", archive},
                          {"files", files},
                          {"bytes", bytes},
                          {"conflicts", gaps.conflicts},
                          {"passed_over", gaps.passed_over}});
        if (!context.options.json)
          context.out << fmt::format("{}: {}, {}\n", archive, human_number(files, "file", "files"),
                                     human_bytes(static_cast<double>(bytes)))
                      << names_text(gaps, context.out_style);
        if (has_refused(gaps)) exit = Exit::incomplete;
        return {};
      });
  if (!done) return done.error();
  if (context.options.json) print_json(context.out, listed);
  return exit;
}

Result<Exit> verify(Context& context, const TaskArgs& args) {
  auto all = json::object();
  auto worst = Exit::done;
  const auto verified =
      for_each_archive(context, args, true, [&](auto& session, auto& work, auto& archive, auto& interrupt, auto&) -> Result<> {
        MOLE_TRY(const auto done,
                 read_archive(context, session, work, archive, coordinator::RequestKind::verify, args.progress, interrupt));
        const auto gaps = session.api().archive_gaps(archive);
        if (!gaps) return gaps.error();
        all[archive] = *gaps;
        if (!context.options.json)
          context.out << context.out_style.paint(Paint::bold, archive) << '\n' << gaps_text(*gaps, context.out_style);
        if (exit_of_request(done) == Exit::failed)
          worst = Exit::failed;
        else if ((lacks_files(*gaps) || !gaps->damaged.empty() || has_refused(*gaps)) && worst == Exit::done)
          worst = Exit::incomplete;
        return {};
      });
  if (!verified) return verified.error();
  if (context.options.json) print_json(context.out, all.size() == 1 ? all.front() : all);
  return worst;
}

Result<Exit> profile(Context& context, const TaskArgs& args) {
  auto all = json::object();
  auto worst = Exit::done;
  const auto profiled =
      for_each_archive(context, args, true, [&](auto& session, auto& work, auto& archive, auto& interrupt, auto&) -> Result<> {
        MOLE_TRY(const auto done,
                 read_archive(context, session, work, archive, coordinator::RequestKind::profile, args.progress, interrupt));
        if (exit_of_request(done) == Exit::failed) worst = Exit::failed;
        const auto flows = std::accumulate(done.delays.start.begin(), done.delays.start.end(), std::uint64_t{0});
        if (flows == 0)
          return missing("no sound file of " + archive + " has flows; mole archive gaps lists damaged and misplaced files");
        all[archive] = {{"files", done.files.total},
                        {"flows", flows},
                        {"start", distribution_of(done.delays.start)},
                        {"end", distribution_of(done.delays.end)}};
        if (!context.options.json)
          context.out << fmt::format("# {}: {} in {}\n", archive, human_number(flows, "flow", "flows"),
                                     human_number(done.files.total, "file", "files"))
                      << export_delay_text({distribution_of(done.delays.start), distribution_of(done.delays.end)});
        return {};
      });
  if (!profiled) return profiled.error();
  if (context.options.json) print_json(context.out, all.size() == 1 ? all.front() : all);
  return worst;
}

// Returns `name` itself if it has the form "pipeline/archive", otherwise all archives of the manifest at this path.
Result<std::vector<std::string>> named_archives(const std::string& name) {
  std::error_code error;
  if (name.find('/') != std::string::npos && !std::filesystem::exists(name, error)) return std::vector{name};
  MOLE_TRY(const auto submission, submission_of(PipelineArgs{name, {}}));
  return archives_of(submission, "");
}

std::string files_text(const std::vector<coordinator::ArchiveFile>& files, const Style& style) {
  const bool on_media = std::ranges::any_of(files, [](const auto& f) { return !f.medium.empty(); });
  std::vector<Heading> columns = {"file", right("size"), "router", right("sequence"), "from", "to", "state", right("revision")};
  if (on_media) columns.insert(columns.end(), {"tape", right("position")});
  Table table(columns);
  for (const auto& f : files) {
    std::vector<std::string> row = {printable(f.id),
                                    human_bytes(static_cast<double>(f.size)),
                                    printable(f.router),
                                    std::to_string(f.sequence),
                                    format_time(f.from),
                                    format_time(f.to),
                                    std::string(name_of(f.state)),
                                    std::to_string(f.revision)};
    if (on_media) row.insert(row.end(), {printable(f.medium), std::to_string(f.position)});
    table.row(row);
  }
  return table.text(style);
}

Result<std::vector<coordinator::ArchiveFile>> all_files(coordinator::ClientApi& api, const std::string& archive,
                                                        const ShowArgs&) {
  return api.archive_files(archive, {});
}

Result<std::vector<coordinator::ArchiveFile>> files_at(coordinator::ClientApi& api, const std::string& archive,
                                                       const ShowArgs& args) {
  MOLE_TRY(const auto time, parse_time(args.time));
  MOLE_TRY(auto files, api.archive_files(archive, {time, time + 1}));
  if (files.empty())
    return missing(archive + " has no file for " + format_time(time) + "; mole archive gaps " + archive +
                   " lists missing files with their cause");
  return files;
}

Result<coordinator::ArchiveGaps> all_gaps(coordinator::ClientApi& api, const std::string& archive, const ShowArgs&) {
  return api.archive_gaps(archive);
}

template <auto fetch, auto text>
Result<Exit> show(Context& context, const ShowArgs& args) {
  MOLE_TRY(const auto archives, named_archives(args.archive));
  MOLE_TRY(auto session, context.connect(context.options, Need::read));
  auto all = json::object();
  std::vector<Error> missing_in;  // one of several archives may have nothing to show
  for (const auto& archive : archives) {
    const auto document = fetch(session->api(), archive, args);
    if (!document && document.error().code != Code::missing) return document.error();
    if (!document) {
      missing_in.push_back(document.error());
      continue;
    }
    all[archive] = *document;
    if (context.options.json) continue;
    if (archives.size() > 1) context.out << context.out_style.paint(Paint::bold, archive) << '\n';
    context.out << text(*document, context.out_style);
  }
  if (all.empty() && !missing_in.empty()) return missing_in.front();
  for (const auto& error : missing_in) context.err << "note: " << printable(error.message) << '\n';
  if (context.options.json) print_json(context.out, all.size() == 1 ? all.front() : all);
  return Exit::done;
}

void add_task(Shell& shell, CLI::App& group, const char* name, const char* about,
              Result<Exit> (*run)(Context&, const TaskArgs&)) {
  const auto [command, args] = shell.add(group, name, about, run);
  add_pipeline_options(*command, args->pipeline);
  command->add_option("--archive", args->archive, "only this archive of the manifest");
  if (run != index) add_progress_option(*command, args->progress);
}

ShowArgs* add_show(Shell& shell, CLI::App& group, const char* name, const char* about,
                   Result<Exit> (*run)(Context&, const ShowArgs&)) {
  const auto [command, args] = shell.add(group, name, about, run);
  command->add_option("archive", args->archive, "pipeline/archive, or the path of a manifest for all its archives")
      ->required()
      ->type_name("ARCHIVE");
  return args;
}

void add_locate(Shell& shell, CLI::App& group) {
  const auto args =
      add_show(shell, group, "locate", "Show the files that cover a time, and for files on tape the tape and position",
               show<files_at, files_text>);
  group.get_subcommand("locate")
      ->add_option("time", args->time, "a time, such as 2007-09-22T18:30:00Z")
      ->required()
      ->type_name("TIME")
      ->check(parsed_by(parse_time, "TIME"));
}

struct SimulateArgs {
  std::string out;
  RangeArgs range;
  SimulationSpec spec;
  std::string format = "v5", compression = name_of(SimulationSpec{}.compression);
  double late_share = 0.05, loss = 0, noise = 0.05, growth = 0, ipv6 = 0;
};

std::uint64_t per_million(double share) { return static_cast<std::uint64_t>(std::llround(share * 1e6)); }

// Both formats' names of compressions, each once.
std::vector<std::string> compression_names() {
  auto names = all_names<runtime::Compression>();
  for (const auto& name : all_names<NfcapdCompression>())
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  return names;
}

template <class E>
Result<E> compression_of(const SimulateArgs& args) {
  if (const auto compression = from_name<E>(args.compression)) return *compression;
  return invalid(fmt::format("files of the format {} are not compressed with {}; choose {}", args.format, args.compression,
                             fmt::join(all_names<E>(), ", ")));
}

Result<SimulationSpec> spec_of(const SimulateArgs& args) {
  auto spec = args.spec;
  spec.format = from_name<SimulatedFormat>(args.format).value_or(SimulatedFormat::v5);
  const auto range = range_of(args.range);
  spec.range = {floor_to(range.from, hour_us), ceil_to(range.to, hour_us)};
  spec.late_per_million = per_million(args.late_share);
  spec.loss_per_million = per_million(args.loss);
  spec.ipv6_per_million = per_million(args.ipv6);
  spec.noise_per_million = per_million(args.noise);
  spec.growth_per_million = std::llround(args.growth * 1e6);
  spec.compression = runtime::Compression::none;
  if (spec.format == SimulatedFormat::nfcapd) {
    MOLE_TRY(spec.block_compression, compression_of<NfcapdCompression>(args));
  } else {
    MOLE_TRY(spec.compression, compression_of<runtime::Compression>(args));
  }
  return spec;
}

Result<Exit> simulate(Context& context, const SimulateArgs& args) {
  const auto spec = spec_of(args);
  if (!spec) return usage_error(context, spec.error());
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  const auto done = simulate_archive(
      *spec, args.out, context.options.threads ? context.options.threads : cores, [&](std::size_t n, std::size_t all) {
        if (!context.err_is_terminal) return;
        context.err << "\r\033[K" << progress_bar(static_cast<double>(n) / static_cast<double>(all), 30, context.err_style)
                    << fmt::format("  files {}/{}", n, all) << (n == all ? "\r\033[K" : "") << std::flush;
      });
  if (!done) {
    if (done.error().code != Code::invalid) return done.error();
    return usage_error(context, done.error());
  }
  if (context.options.json) {
    print_json(context.out, {{"folder", args.out},
                             {"files", done->files},
                             {"missing", done->missing},
                             {"damaged", done->damaged},
                             {"flows", done->flows},
                             {"bytes", done->compressed_bytes}});
  } else {
    context.out << fmt::format(
        "{}: {} ({} missing, {} damaged), {}, {}; the ground truth is in {}\n", args.out,
        human_number(done->files, "file", "files"), done->missing, done->damaged, human_number(done->flows, "flow", "flows"),
        human_bytes(static_cast<double>(done->compressed_bytes)), (std::filesystem::path(args.out) / "simulated.json").string());
  }
  return Exit::done;
}

void add_simulate(Shell& shell, CLI::App& group) {
  const auto [command, args] =
      shell.add(group, "simulate", "Write a simulated archive of hourly files and its ground truth", simulate);
  command->add_option("out", args->out, "output folder")->required()->type_name("OUT");
  add_range_options(*command, args->range, Range::required, false);
  command->add_option("--seed", args->spec.seed, "the same seed gives the same bytes")->capture_default_str();
  command->add_option("--routers", args->spec.routers, "router numbers, comma-separated")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->required();
  command->add_option("--flows-per-hour", args->spec.flows_per_hour, "number of flows per router in an average hour of a weekday")
      ->capture_default_str();
  add_repeatable(*command, "--gap", args->spec.gaps, "ROUTER@TIME", parse_hour_of_router,
                 "omit this router's file for this hour and skip its sequence number (repeatable)");
  add_repeatable(*command, "--damage", args->spec.damages, "ROUTER@TIME[:truncate|flip|cut]", parse_damage,
                 "damage a file: truncate it, flip bytes, or cut the content inside a datagram (repeatable)");
  add_repeatable(
      *command, "--event", args->spec.events, "KIND@TIME/LENGTH[:SHARE][@ROUTER]", parse_event,
      "simulate a scan, portscan or crowd (adds this share of --flows-per-hour) or an outage (removes the flows of this "
      "share of the outside ASes) (repeatable)");
  const auto add_share = [&command = *command](const char* name, double& value, double min, double max, const char* about) {
    const auto is_number = [](const std::string& text) {  // CLI::Range accepts nan
      return std::isnan(std::strtod(text.c_str(), nullptr)) ? "Value " + text + " is not a number" : std::string();
    };
    command.add_option(name, value, about)->capture_default_str()->check(CLI::Range(min, max))->check(is_number);
  };
  add_share("--noise", args->noise, 0, 0.5, "standard deviation of the rate about its daily and weekly profile");
  add_share("--growth", args->growth, -1, 10, "growth of the rate per year, as a share of the rate at --from");
  add_share("--late-share", args->late_share, 0, 0.25, "share of flows that begin before their file's hour");
  command
      ->add_option("--format", args->format,
                   "format of the files; nfcapd: a tree of nfdump's files; pcap: v9 in a packet capture")
      ->check(CLI::IsMember(all_names<SimulatedFormat>()))
      ->capture_default_str();
  add_share("--ipv6", args->ipv6, 0, 1, "share of the conversations that are IPv6; not with --format v5");
  add_share("--loss", args->loss, 0, 1, "share of datagrams lost between router and collector");
  command
      ->add_option_function<std::string>(
          "--sampling",
          [args = args](const std::string& text) {
            const auto sampling = *parse_sampling(text);
            args->spec.sampling = sampling.rate;
            args->spec.sampling_in = sampling.in;
          },
          "sampling rate that the exports state, in options or in every record (v5: in the header); the counters are those of "
          "unsampled traffic")
      ->type_name("RATE[:options|record]")
      ->check(parsed_by(parse_sampling, "RATE[:options|record]"));
  command->add_option("--first-sequence", args->spec.first_sequence, "sequence number of the first file")->capture_default_str();
  command
      ->add_option("--compress", args->compression,
                   "compression of the files, which also determines the ending of their names; with nfcapd, of their blocks")
      ->capture_default_str()
      ->check(CLI::IsMember(compression_names()));
}

}  // namespace

void add_archive(Shell& shell) {
  auto* group = shell.app.add_subcommand("archive", "List, check and simulate archives")->require_subcommand(1)->fallthrough();
  add_task(shell, *group, "index", "Refresh the file listings of a pipeline's archives", index);
  add_show(shell, *group, "ls", "Show the files of the last listing", show<all_files, files_text>);
  add_show(shell, *group, "gaps", "Show missing files by sequence number and cause, and damaged files by byte range",
           show<all_gaps, gaps_text>);
  add_locate(shell, *group);
  add_task(shell, *group, "verify", "Read every file and report damage; exits 3 if files are missing or damaged", verify);
  add_task(shell, *group, "profile", "Measure how long after a flow its record is exported; prints lines for the manifest",
           profile);
  add_archive_check(shell, *group);
  add_simulate(shell, *group);
  add_tape_library(shell, *group);
}

}  // namespace mole::cli
