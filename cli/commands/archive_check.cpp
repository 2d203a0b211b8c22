// mole archive check: lists an archive, reads a sample of its files or all of them, and reports what was found on one page.
#include "cli/check/page.hpp"
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"

#include <algorithm>
#include <optional>

namespace mole::cli {
namespace {

struct CheckArgs {
  PipelineArgs pipeline;
  std::string archive, progress;
  bool all_contents = false;
  std::optional<std::uint64_t> sample;
};

constexpr std::uint64_t default_sample = 24;
constexpr std::uint64_t small_archive = std::uint64_t{1} << 30;  // bytes; read completely unless --sample is given

// Lists one archive, reads its contents and evaluates both.
Result<ArchiveCheck> check_one(Context& context, const CheckArgs& args, Session& session, coordinator::Submission work,
                               const std::string& name, const coordinator::manifest::Archive& declared,
                               const Interrupt& interrupt, Exit& exit) {
  if (auto listed = index_archive(context, session, work, name, interrupt); !listed) return listed.error();
  MOLE_TRY(const auto listed_files, session.api().archive_files(name, {}));
  std::uint64_t bytes = 0;
  for (const auto& file : listed_files) bytes += file.size;
  const bool all = args.all_contents || (!args.sample && bytes <= small_archive);
  work.sample = args.sample.value_or(default_sample);
  const auto kind = all ? coordinator::RequestKind::verify : coordinator::RequestKind::profile;
  MOLE_TRY(const auto done, read_archive(context, session, work, name, kind, args.progress, interrupt));
  if (exit_of_request(done) == Exit::failed) exit = Exit::failed;
  MOLE_TRY(const auto files, session.api().archive_files(name, {}));
  MOLE_TRY(auto gaps, session.api().archive_gaps(name));
  // A name of the future is a finding of its own.
  std::erase_if(gaps.missing, [](const auto& gap) { return gap.cause == coordinator::GapCause::future; });
  auto check = check_archive(name, declared, files, gaps, done);
  if (check.has_problem() && exit == Exit::done) exit = Exit::incomplete;
  return check;
}

Result<Exit> check(Context& context, const CheckArgs& args) {
  MOLE_TRY(const auto submission, submission_of(args.pipeline));
  MOLE_TRY(const auto manifest,
           coordinator::manifest::parse_manifest(submission.manifest, submission.manifest_name, submission.overrides));
  MOLE_TRY(const auto names, archives_of(submission, args.archive));
  const Interrupt interrupt;
  MOLE_TRY(auto session, context.connect(context.options, Need::work));
  auto exit = Exit::done;
  auto all = nlohmann::json::object();
  for (const auto& declared : manifest.archives) {
    const auto name = manifest.pipeline + "/" + declared.name;
    if (std::ranges::find(names, name) == names.end()) continue;
    MOLE_TRY(const auto checked, check_one(context, args, *session, submission, name, declared, interrupt, exit));
    if (!context.options.json) context.out << (all.empty() ? "" : "\n") << check_text(checked, declared, context.out_style);
    all[name] = checked;
  }
  if (context.options.json) print_json(context.out, all.size() == 1 ? all.front() : all);
  return exit;
}

}  // namespace

void add_archive_check(Shell& shell, CLI::App& group) {
  const auto [command, args] = shell.add(group, "check",
                                         "Check names, sizes and contents of an archive and print one page with lines for the "
                                         "manifest; exits 3 if something was found",
                                         check);
  add_pipeline_options(*command, args->pipeline);
  command->add_option("archive,--archive", args->archive, "only this archive of the manifest")->type_name("ARCHIVE");
  auto* all = command->add_flag("--all-contents", args->all_contents,
                                "read all files instead of a sample; the default for an archive of at most 1 GiB");
  command
      ->add_option(
          "--sample", args->sample,
          "read the files of this many times of the archive, spread evenly: one file per router and time; sizes and names "
          "of all files are checked (default: 24)")
      ->check(CLI::Range(1, 1'000'000))
      ->excludes(all);
  add_progress_option(*command, args->progress);
}

}  // namespace mole::cli
