// mole archive: lists and verifies cold stores, shows their gaps, and simulates archives.
#include "cli/commands/commands.hpp"
#include "cli/commands/pipeline_work.hpp"
#include "cli/format/human.hpp"
#include "cli/format/plan.hpp"
#include "cli/format/request.hpp"
#include "cli/format/table.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <functional>

namespace mole::cli {
namespace {

using nlohmann::json;

struct TaskArgs {
  PipelineArgs pipeline;
  std::string archive, progress;
};
struct ShowArgs {
  std::string archive;
};

// The arguments of the visitor of for_each_archive.
struct ArchiveWork {
  Session& session;
  coordinator::Submission& submission;
  const std::string& archive;
  const Interrupt& interrupt;
};

// Lists the chosen archives of a manifest again and calls `visit` after each.
Result<> for_each_archive(Context& context, const TaskArgs& args, const std::function<Result<>(const ArchiveWork&)>& visit) {
  auto submission = submission_of(args.pipeline);
  if (!submission) return submission.error();
  const auto archives = archives_of(*submission, args.archive);
  if (!archives) return archives.error();
  const Interrupt interrupt;
  auto session = context.connect(context.options, Need::work);
  if (!session) return session.error();
  for (const auto& archive : *archives) {
    if (auto done = index_archive(context, **session, *submission, archive, interrupt); !done) return done;
    if (auto done = visit({**session, *submission, archive, interrupt}); !done) return done;
  }
  return {};
}

Result<Exit> index(Context& context, const TaskArgs& args) {
  auto listed = json::array();
  const auto done = for_each_archive(context, args, [&](const ArchiveWork& work) -> Result<> {
    const auto files = work.session.api().archive_files(work.archive);
    if (!files) return files.error();
    std::uint64_t bytes = 0;
    for (const auto& file : *files) bytes += file.size;
    listed.push_back({{"archive", work.archive}, {"files", files->size()}, {"bytes", bytes}});
    if (!context.options.json)
      context.out << fmt::format("{}: {}, {}\n", work.archive, human_number(files->size(), "file", "files"),
                                 human_bytes(static_cast<double>(bytes)));
    return {};
  });
  if (!done) return done.error();
  if (context.options.json) print_json(context.out, listed);
  return Exit::done;
}

Result<Exit> verify(Context& context, const TaskArgs& args) {
  auto all = json::object();
  auto worst = Exit::done;
  const auto verified = for_each_archive(context, args, [&](const ArchiveWork& work) -> Result<> {
    work.submission.client_id = new_client_id();
    auto& api = work.session.api();
    const auto request = api.archive_task(work.submission, work.archive, coordinator::RequestKind::verify);
    if (!request) return request.error();
    const auto done = wait_for(context, work.session, request->id, args.progress, work.interrupt);
    if (!done) return done.error();
    context.err << failures_text(*done, context.err_style);
    const auto gaps = api.archive_gaps(work.archive);
    if (!gaps) return gaps.error();
    all[work.archive] = *gaps;
    if (!context.options.json)
      context.out << context.out_style.paint(Paint::bold, work.archive) << '\n' << gaps_text(*gaps, context.out_style);
    if (exit_of_request(*done) == Exit::failed)
      worst = Exit::failed;
    else if (!(gaps->missing.empty() && gaps->damaged.empty()) && worst == Exit::done)
      worst = Exit::incomplete;
    return {};
  });
  if (!verified) return verified.error();
  if (context.options.json) print_json(context.out, all.size() == 1 ? all.front() : all);
  return worst;
}

// Returns the name itself if it is "pipeline/archive", else all archives of the manifest with this path.
Result<std::vector<std::string>> named_archives(const std::string& name) {
  if (name.find('/') != std::string::npos && !std::filesystem::exists(name)) return std::vector{name};
  const auto submission = submission_of(PipelineArgs{name, {}});
  if (!submission) return submission.error();
  return archives_of(*submission, "");
}

std::string files_text(const std::vector<coordinator::ArchiveFile>& files, const Style& style) {
  Table table({{"file"},
               {"size", Align::right},
               {"router"},
               {"sequence", Align::right},
               {"from"},
               {"to"},
               {"state"},
               {"revision", Align::right}});
  for (const auto& f : files)
    table.row({printable(f.id), human_bytes(static_cast<double>(f.size)), printable(f.router), std::to_string(f.sequence),
               format_time(f.from), format_time(f.to), std::string(word_of(f.state)), std::to_string(f.revision)});
  return table.text(style);
}

template <class T>
Result<Exit> show(Context& context, const ShowArgs& args, Result<T> (coordinator::ClientApi::*fetch)(const std::string&),
                  std::string (*text)(const T&, const Style&)) {
  const auto archives = named_archives(args.archive);
  if (!archives) return archives.error();
  auto session = context.connect(context.options, Need::read);
  if (!session) return session.error();
  auto all = json::object();
  for (const auto& archive : *archives) {
    const auto document = ((*session)->api().*fetch)(archive);
    if (!document) return document.error();
    all[archive] = *document;
    if (context.options.json) continue;
    if (archives->size() > 1) context.out << context.out_style.paint(Paint::bold, archive) << '\n';
    context.out << text(*document, context.out_style);
  }
  if (context.options.json) print_json(context.out, all.size() == 1 ? all.front() : all);
  return Exit::done;
}

Result<Exit> ls(Context& context, const ShowArgs& args) {
  return show(context, args, &coordinator::ClientApi::archive_files, files_text);
}
Result<Exit> gaps(Context& context, const ShowArgs& args) {
  return show(context, args, &coordinator::ClientApi::archive_gaps, gaps_text);
}

void add_task(Shell& shell, CLI::App& family, const char* name, const char* about,
              Result<Exit> (*run)(Context&, const TaskArgs&)) {
  auto args = std::make_shared<TaskArgs>();
  auto* command = shell.add(family, name, about, args, run);
  add_pipeline_options(*command, args->pipeline);
  command->add_option("--archive", args->archive, "only this archive of the manifest");
  if (run == verify) add_progress_option(*command, args->progress);
}

void add_show(Shell& shell, CLI::App& family, const char* name, const char* about,
              Result<Exit> (*run)(Context&, const ShowArgs&)) {
  auto args = std::make_shared<ShowArgs>();
  shell.add(family, name, about, args, run)
      ->add_option("archive", args->archive, "pipeline/archive, or the path of a manifest for all its archives")
      ->required()
      ->type_name("ARCHIVE");
}

}  // namespace

void add_archive(Shell& shell) {
  auto* family = shell.app.add_subcommand("archive", "List, verify and simulate archives");
  family->require_subcommand(1)->fallthrough();
  add_task(shell, *family, "index", "List the archives of a pipeline again", index);
  add_show(shell, *family, "ls", "Show the files of the last listing", ls);
  add_show(shell, *family, "gaps", "Show missing files by sequence number and damaged files by byte range", gaps);
  add_task(shell, *family, "verify", "Read every file and report damage; exits 3 if files are missing or damaged", verify);
  add_simulate(shell, *family);
}

}  // namespace mole::cli
