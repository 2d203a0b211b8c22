// mole archive: what lies in a cold store, what is missing from it; and making one that is simulated.
#include "cli/commands/commands.hpp"
#include "cli/commands/pipeline_work.hpp"
#include "cli/format/document.hpp"
#include "cli/format/human.hpp"
#include "cli/format/plan.hpp"
#include "cli/format/request.hpp"
#include "cli/format/table.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace mole::cli {
namespace {

using nlohmann::json;

struct TaskArgs {
  PipelineArgs pipeline;
  std::string archive, progress;
};
struct LookArgs {
  std::string archive;
};

Result<Exit> index(Context& context, const TaskArgs& args) {
  const auto submission = submission_of(args.pipeline);
  if (!submission) return submission.error();
  const auto archives = archives_of(*submission, args.archive);
  if (!archives) return archives.error();
  const Interrupt interrupt;
  auto session = context.connect(context.options, Need::work);
  if (!session) return session.error();
  auto listed = json::array();
  for (const auto& archive : *archives) {
    if (auto done = index_archive(context, **session, *submission, archive, interrupt); !done) return done.error();
    const auto files = (*session)->api().archive(archive, "ls");
    if (!files) return files.error();
    std::uint64_t bytes = 0;
    for (const auto& file : *files) bytes += count_of(file, "size");
    listed.push_back({{"archive", archive}, {"files", files->size()}, {"bytes", bytes}});
    if (!context.options.json)
      context.out << fmt::format("{}: {}, {}\n", archive, human_number(files->size(), "file", "files"),
                                 human_bytes(static_cast<double>(bytes)));
  }
  if (context.options.json) print_json(context.out, listed);
  return Exit::done;
}

Result<Exit> verify(Context& context, const TaskArgs& args) {
  auto submission = submission_of(args.pipeline);
  if (!submission) return submission.error();
  const auto archives = archives_of(*submission, args.archive);
  if (!archives) return archives.error();
  const Interrupt interrupt;
  auto session = context.connect(context.options, Need::work);
  if (!session) return session.error();
  auto all = json::object();
  auto worst = Exit::done;
  for (const auto& archive : *archives) {
    if (auto done = index_archive(context, **session, *submission, archive, interrupt); !done) return done.error();
    submission->client_id = fresh_client_id();
    const auto request = (*session)->api().archive_task(*submission, archive, "verify");
    if (!request) return request.error();
    const auto done = wait_for(context, **session, text_of(*request, "id"), args.progress, interrupt);
    if (!done) return done.error();
    context.err << failures_text(*done, context.err_style);
    const auto gaps = (*session)->api().archive(archive, "gaps");
    if (!gaps) return gaps.error();
    all[archive] = *gaps;
    if (!context.options.json)
      context.out << context.out_style.paint(Paint::bold, archive) << '\n' << gaps_text(*gaps, context.out_style);
    const bool whole = field(*gaps, "missing").empty() && field(*gaps, "damaged").empty();
    if (exit_of_request(*done) == Exit::failed)
      worst = Exit::failed;
    else if (!whole && worst == Exit::done)
      worst = Exit::incomplete;
  }
  if (context.options.json) print_json(context.out, all.size() == 1 ? all.front() : all);
  return worst;
}

// "pipeline/archive" as it is, or all archives of a manifest.
Result<std::vector<std::string>> archives_meant(const std::string& word) {
  if (word.find('/') != std::string::npos && !std::filesystem::exists(word)) return std::vector{word};
  const auto submission = submission_of({word, {}});
  if (!submission) return submission.error();
  return archives_of(*submission, "");
}

std::string files_text(const json& files, const Style& style) {
  Table table({{"file"},
               {"size", Align::right},
               {"router"},
               {"sequence", Align::right},
               {"from"},
               {"to"},
               {"state"},
               {"revision", Align::right}});
  for (const auto& f : files)
    table.row({text_of(f, "id"), human_bytes(number_of(f, "size")), text_of(f, "router"), text_of(f, "sequence"),
               text_of(f, "from"), text_of(f, "to"), text_of(f, "state"), text_of(f, "revision")});
  return table.text(style);
}

Result<Exit> look(Context& context, const LookArgs& args, const char* what, std::string (*text)(const json&, const Style&)) {
  const auto archives = archives_meant(args.archive);
  if (!archives) return archives.error();
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  auto all = json::object();
  for (const auto& archive : *archives) {
    const auto document = (*session)->api().archive(archive, what);
    if (!document) return document.error();
    all[archive] = *document;
    if (context.options.json) continue;
    if (archives->size() > 1) context.out << context.out_style.paint(Paint::bold, archive) << '\n';
    context.out << text(*document, context.out_style);
  }
  if (context.options.json) print_json(context.out, all.size() == 1 ? all.front() : all);
  return Exit::done;
}

Result<Exit> ls(Context& context, const LookArgs& args) { return look(context, args, "ls", files_text); }
Result<Exit> gaps(Context& context, const LookArgs& args) { return look(context, args, "gaps", gaps_text); }

void add_task(Shell& shell, CLI::App& family, const char* name, const char* about,
              Result<Exit> (*run)(Context&, const TaskArgs&)) {
  auto args = std::make_shared<TaskArgs>();
  auto* command = shell.add(family, name, about, args, run);
  add_pipeline_options(*command, args->pipeline);
  command->add_option("--archive", args->archive, "only this archive of the manifest");
  if (run == verify) add_progress_option(*command, args->progress);
}

void add_look(Shell& shell, CLI::App& family, const char* name, const char* about,
              Result<Exit> (*run)(Context&, const LookArgs&)) {
  auto args = std::make_shared<LookArgs>();
  shell.add(family, name, about, args, run)
      ->add_option("archive", args->archive, "pipeline/archive, or the path of a manifest for all of its archives")
      ->required()
      ->type_name("ARCHIVE");
}

}  // namespace

void add_archive(Shell& shell) {
  auto* family = shell.app.add_subcommand("archive", "Cold stores: list, look, verify, simulate");
  family->require_subcommand(1)->fallthrough();
  add_task(shell, *family, "index", "List the archives of a pipeline anew", index);
  add_look(shell, *family, "ls", "The files of the last listing", ls);
  add_look(shell, *family, "gaps", "Missing files by number, damaged files by byte range", gaps);
  add_task(shell, *family, "verify", "Read every file and report damage; exits 3 if anything is missing or damaged", verify);
  add_simulate(shell, *family);
}

}  // namespace mole::cli
