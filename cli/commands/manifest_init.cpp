// mole manifest init: proposes a manifest for a folder of flow files.
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/export/target.hpp"
#include "cli/init/proposal.hpp"
#include "coordinator/manifest/time_zone.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

Result<std::string> parse_zone(std::string_view text) {
  if (auto zone = coordinator::manifest::TimeZone::load(std::string(text)); !zone) return zone.error();
  return std::string(text);
}

Result<Exit> init(Context& context, const InitArgs& args) {
  std::error_code error;
  if (!args.out.empty() && std::filesystem::exists(args.out, error))
    return invalid(args.out + " exists; choose another file with -o, or remove it");
  MOLE_TRY(const auto proposal, propose_manifest(context, args));
  for (const auto& note : proposal.notes) context.err << "note: " << note << '\n';
  if (args.out.empty()) {
    print(context,
          {{"manifest", proposal.manifest}, {"from", format_time(proposal.span.from)}, {"to", format_time(proposal.span.to)}},
          proposal.manifest);
    return Exit::done;
  }
  MOLE_TRY(auto target, Target::open(args.out));
  if (auto written = target->write(proposal.manifest); !written) return written.error();
  if (auto finished = target->finish(); !finished) return finished.error();
  print(
      context, {{"file", args.out}, {"from", format_time(proposal.span.from)}, {"to", format_time(proposal.span.to)}},
      fmt::format("{} is written; read its comments, then:\n  mole archive check {}\n  mole run {} --from {} --to {} --partial\n",
                  args.out, args.out, args.out, format_time(proposal.span.from), format_time(proposal.span.to)));
  return Exit::done;
}

}  // namespace

void add_manifest_init(Shell& shell, CLI::App& group) {
  const auto [command, args] =
      shell.add(group, "init", "Propose a manifest for a folder of flow files, from their names and the contents of some", init);
  command->add_option("folder", args->folder, "folder of the archive")->required()->type_name("FOLDER");
  command->add_option("-o,--output", args->out, "write the manifest to this new file instead of standard output")
      ->type_name("FILE");
  command
      ->add_option("--zone", args->zone, "time zone of times in names, such as Europe/Zurich; default: found from the contents")
      ->type_name("ZONE")
      ->check(parsed_by(parse_zone, "ZONE"));
  command->add_option("--sample", args->sample, "number of files whose contents are read")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  command->add_option("--decoder", args->decoder, "decoder plugin of the files; default: the content of each file decides")
      ->type_name("PLUGIN");
}

}  // namespace mole::cli
