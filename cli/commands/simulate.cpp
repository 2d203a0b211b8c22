// mole archive simulate: writes an archive with known ground truth.
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/format/human.hpp"
#include "cli/progress/progress.hpp"
#include "cli/simulate/archive.hpp"
#include "cli/simulate/event.hpp"

#include <fmt/format.h>

#include <cmath>
#include <thread>

namespace mole::cli {
namespace {

struct SimulateArgs {
  std::string out;
  RangeArgs range;
  SimulationSpec spec;
  double late_share = 0.25, loss = 0, noise = 0.05, growth = 0;
};

std::uint64_t per_million(double share) { return static_cast<std::uint64_t>(std::llround(share * 1e6)); }

SimulationSpec spec_of(const SimulateArgs& args) {
  auto spec = args.spec;
  const auto range = range_of(args.range);
  spec.range = {floor_to(range.from, hour_us), ceil_to(range.to, hour_us)};
  spec.late_per_million = per_million(args.late_share);
  spec.loss_per_million = per_million(args.loss);
  spec.noise_per_million = per_million(args.noise);
  spec.growth_per_million = std::llround(args.growth * 1e6);
  return spec;
}

Result<Exit> simulate(Context& context, const SimulateArgs& args) {
  const auto spec = spec_of(args);
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  const auto done = simulate_archive(
      spec, args.out, context.options.threads ? context.options.threads : cores, [&](std::size_t n, std::size_t all) {
        if (!context.err_is_terminal) return;
        context.err << "\r\033[K" << progress_bar(static_cast<double>(n) / static_cast<double>(all), 30, context.err_style)
                    << fmt::format("  files {}/{}", n, all) << (n == all ? "\r\033[K" : "") << std::flush;
      });
  if (!done) {
    if (done.error().code != Code::invalid) return done.error();
    print_error(context, done.error());
    return Exit::usage;
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

}  // namespace

void add_simulate(Shell& shell, CLI::App& family) {
  const auto [command, args] =
      shell.add(family, "simulate", "Write an archive of NetFlow v5 hour files and its ground truth", simulate);
  command->add_option("out", args->out, "output folder")->required()->type_name("OUT");
  add_range_options(*command, args->range, Range::required, false);
  command->add_option("--seed", args->spec.seed, "the same seed gives the same bytes")->capture_default_str();
  command->add_option("--routers", args->spec.routers, "router numbers, comma-separated")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->required();
  command->add_option("--flows-per-hour", args->spec.flows_per_hour, "per router, in an average hour of a weekday")
      ->capture_default_str();
  add_repeatable(*command, "--gap", args->spec.gaps, "ROUTER@TIME", parse_hour_of_router,
                 "omit this router's file of this hour, but use its sequence number (repeatable)");
  add_repeatable(*command, "--damage", args->spec.damages, "ROUTER@TIME[:truncate|flip|cut]", parse_damage,
                 "damage a file: truncate it, flip bytes, or cut the content inside a datagram (repeatable)");
  add_repeatable(*command, "--event", args->spec.events, "KIND@TIME/LENGTH[:SHARE][@ROUTER]", parse_event,
                 "plant a scan, portscan or crowd (adds this share of --flows-per-hour) or an outage (removes this share of the "
                 "flows) (repeatable)");
  const auto add_share = [&command = *command](const char* name, double& value, double min, double max, const char* about) {
    command.add_option(name, value, about)->capture_default_str()->check(CLI::Range(min, max));
  };
  add_share("--noise", args->noise, 0, 0.5, "standard deviation of the rate about its daily and weekly profile");
  add_share("--growth", args->growth, -1, 10, "of the rate per year, as a share of the rate at --from");
  add_share("--late-share", args->late_share, 0, 0.25, "share of flows that begin before their file's hour");
  add_share("--loss", args->loss, 0, 1, "share of datagrams lost between router and collector");
  command->add_option("--first-sequence", args->spec.first_sequence, "sequence number of the first hour file")
      ->capture_default_str();
}

}  // namespace mole::cli
