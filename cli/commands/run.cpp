// mole run: submit, work, wait, say where the results are.
#include "cli/commands/commands.hpp"
#include "cli/commands/pipeline_work.hpp"
#include "cli/commands/result_files.hpp"
#include "cli/format/document.hpp"
#include "cli/format/human.hpp"
#include "cli/format/plan.hpp"
#include "cli/format/request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mole::cli {
namespace {

using nlohmann::json;

struct RunArgs {
  PipelineArgs pipeline;
  RangeArgs range;
  std::string module, progress;
  bool partial = false;
};

std::string bare(const std::string& module) { return module.substr(module.find('/') + 1); }

// What the summary suggests to look at: a module and a column of it; no column: nothing to draw.
struct Worthwhile {
  std::string module, column;
};

// Bytes or flows, else the first number. A module with a column of names has a row for each name: its columns are no lines.
std::string column_to_plot(const json& outputs) {
  std::string number;
  for (const auto& output : outputs) {
    const auto type = text_of(output, "type"), unit = text_of(output, "unit");
    if (type == "text") return "";
    if (type == "time" || type == "bool") continue;
    if (unit == "B" || unit == "flow") return text_of(output, "name");
    if (number.empty()) number = text_of(output, "name");
  }
  return number;
}

// Of the modules that ran the one asked for, or the first with a column to plot, in the manifest's order.
Worthwhile worthwhile(const json& validated, const json& ran, const std::string& asked) {
  Worthwhile found{asked.empty() ? bare(text_of(ran.front())) : asked, ""};
  for (const auto& m : field(validated, "modules")) {
    const auto name = bare(text_of(m, "module"));
    const bool has_run = std::any_of(ran.begin(), ran.end(), [&](const auto& r) { return bare(text_of(r)) == name; });
    if (!has_run || (!asked.empty() && name != asked)) continue;
    if (auto column = column_to_plot(field(m, "outputs")); !column.empty()) return {name, std::move(column)};
  }
  return found;
}

// Options that lead the next command to the same coordinator.
std::string whereabouts(const Options& options) {
  if (!options.coordinator.empty()) return " --coordinator " + options.coordinator;
  return options.state == Options{}.state ? "" : " --state " + options.state.string();
}

void print_next(Context& context, Session& session, const coordinator::Submission& submission, const json& accepted,
                const json& validated, const json& request) {
  const auto where = whereabouts(context.options);
  if (const auto& failures = field(request, "failures"); failures.is_array() && !failures.empty()) {
    context.out << "next      mole explain " << text_of(failures.front(), "job") << where << '\n';
    return;
  }
  const auto& modules = field(accepted, "modules");
  if (!modules.is_array() || modules.empty()) return;
  auto [module, column] = worthwhile(validated, modules, submission.module);
  if (const auto full = full_module_name(session.api(), module); !full && full.error().code == Code::invalid)
    module = text_of(request, "pipeline") + "/" + module;  // another pipeline has one of that name
  context.out << "next      mole results " << module << where << '\n';
  if (!column.empty()) context.out << fmt::format("          mole plot {0} {1} -o {1}.svg{2}\n", module, column, where);
  if (exit_of_request(request) == Exit::incomplete)
    context.out << "          mole archive gaps " << submission.manifest_name << where << '\n';
}

void print_summary(Context& context, const Session& session, const json& planned, const json& request) {
  context.out << request_text(request, context.out_style);
  const auto& jobs = field(planned, "jobs");
  if (count_of(jobs, "reused") > 0)
    context.out << fmt::format("          {} of them reused from earlier runs\n", human_count(count_of(jobs, "reused")));
  context.out << missing_tables_text(planned);
  if (!session.folder().empty())
    context.out << "tables    " << (session.folder() / "tables" / text_of(request, "pipeline")).string() << '\n';
}

Error waiting(const json& request) {
  const auto& waits = field(request, "waits");
  if (waits.is_array() && !waits.empty()) return transient(text_of(waits.front()));
  return transient(
      "the end of the range lies past what the archive holds; run again when the files are there, or give --partial");
}

Result<Exit> run(Context& context, const RunArgs& args) {
  auto submission = submission_of(args.pipeline);
  if (!submission) return submission.error();
  submission->range = range_of(args.range);
  submission->module = args.module;
  submission->partial = args.partial;
  submission->client_id = fresh_client_id();
  submission->priority = 1;  // before what an earlier run left behind: its jobs are shared, its progress would not be ours

  const Interrupt interrupt;
  auto session = context.connect(context.options, Need::work);
  if (!session) return session.error();
  auto& api = (*session)->api();
  const auto validated = api.validate(*submission);
  if (!validated) return validated.error();
  const auto archives = archives_of(*submission);
  if (!archives) return archives.error();
  for (const auto& archive : *archives)
    if (auto listed = index_archive(context, **session, *submission, archive, interrupt); !listed) return listed.error();
  const auto planned = api.plan(*submission);
  if (!planned) return planned.error();
  const auto accepted = api.submit(*submission);
  if (!accepted) return accepted.error();
  const auto request =
      wait_for(context, **session, text_of(*accepted, "id"), args.progress, interrupt, !(*session)->outlives_us());
  if (!request) return request.error();

  const auto exit = exit_of_request(*request);
  if (context.options.json) {
    print_json(context.out, *request);
  } else {
    print_summary(context, **session, *planned, *request);
    print_next(context, **session, *submission, *accepted, *validated, *request);
  }
  context.err << failures_text(*request, context.err_style);
  if (exit != Exit::try_later) return exit;
  print_error(context, waiting(*request));
  // Nobody would serve it once we are gone, and the same command makes it anew.
  if (!(*session)->outlives_us())
    if (const auto gone = api.cancel(text_of(*accepted, "id")); !gone) print_error(context, gone.error());
  return exit;
}

}  // namespace

void add_run(Shell& shell) {
  auto args = std::make_shared<RunArgs>();
  auto* command = shell.add(shell.app, "run", "Compute a pipeline over a range of time, here and now", args, run);
  add_pipeline_options(*command, args->pipeline);
  add_range_options(*command, args->range, Range::required, true);
  command->add_option("--module", args->module, "only this module and what it needs");
  command->add_flag("--partial", args->partial, "also compute blocks past the end of the archive, with what there is");
  add_progress_option(*command, args->progress);
}

}  // namespace mole::cli
