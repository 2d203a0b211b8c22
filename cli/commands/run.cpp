// mole run: submits a request, processes it, and prints a summary. mole request: submits, shows and cancels durable
// requests.
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/result_files.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mole::cli {
namespace {

using coordinator::RequestStatus;

struct RunArgs {
  WorkArgs work;
  std::string progress;
};

std::string without_pipeline(const std::string& module) { return module.substr(module.find('/') + 1); }

// Returns a column of bytes, else of flows, else the first numeric column. Modules with a text column have several rows per
// interval, so their columns cannot be drawn as lines.
std::string column_to_plot(const std::vector<coordinator::ColumnDescription>& outputs) {
  std::string bytes, flows, number;
  for (const auto& output : outputs) {
    if (output.type == "text") return "";
    if (output.type == "time" || output.type == "bool") continue;
    for (auto* column : {&bytes, &flows, &number})
      if (column->empty() && (column == &number || output.unit == (column == &bytes ? "B" : "flow"))) *column = output.name;
  }
  return !bytes.empty() ? bytes : !flows.empty() ? flows : number;
}

// The documents of a run; `request` is its final status.
struct FinishedRun {
  coordinator::PipelineDescription pipeline;
  coordinator::PlanReport plan;
  coordinator::Accepted accepted;
  RequestStatus request;
};

// Returns the module and column for the commands that the summary suggests: the requested module, or the first module of the run,
// in the order of the manifest, that has a column to plot. The column may be empty.
std::pair<std::string, std::string> suggestion(const FinishedRun& run, const std::string& requested) {
  const auto& modules = run.accepted.modules;
  for (const auto& m : run.pipeline.modules) {
    const bool has_run =
        std::any_of(modules.begin(), modules.end(), [&](const auto& name) { return without_pipeline(name) == m.module; });
    if (!has_run || (!requested.empty() && m.module != requested)) continue;
    if (auto column = column_to_plot(m.outputs); !column.empty()) return {printable(m.module), printable(column)};
  }
  return {requested.empty() ? printable(without_pipeline(modules.front())) : requested, ""};
}

void print_next(Context& context, Session& session, const coordinator::Submission& submission, const FinishedRun& run) {
  const auto& request = run.request;
  const auto options = coordinator_options(context.options);
  const auto what_if = request.overrides.empty() ? "" : " --what-if " + printable(request.id);
  if (request.failures && !request.failures->empty()) {
    context.out << "next      mole explain " << printable(request.failures->front().job) << what_if << options << '\n';
    return;
  }
  if (run.accepted.modules.empty()) return;
  auto [module, column] = suggestion(run, submission.module);
  if (const auto full = full_module_name(session.api(), module); !full && full.error().code == Code::invalid)
    module = printable(request.pipeline) + "/" + module;  // a different pipeline also has a module of that name
  context.out << "next      mole results " << module << what_if << options << '\n';
  if (!column.empty())
    context.out << fmt::format("          mole plot {0} {1} -o {1}.svg{2}{3}\n", module, column, what_if, options);
  if (exit_of_request(request) == Exit::incomplete)
    context.out << "          mole archive gaps " << submission.manifest_name << options << '\n';
}

void print_summary(Context& context, const Session& session, const coordinator::PlanReport& plan, const RequestStatus& request) {
  context.out << request_text(request, context.out_style);
  if (plan.jobs.reused > 0)
    context.out << fmt::format("reused    {} from earlier runs\n", human_number(plan.jobs.reused, "job", "jobs"));
  context.out << table_warnings_text(plan);
  if (session.folder().empty()) return;
  const auto folder = session.folder() /
                      (request.overrides.empty() ? "tables/" + printable(request.pipeline) : "requests/" + printable(request.id));
  if (std::error_code error; request.overrides.empty() || std::filesystem::is_directory(folder, error))
    context.out << "tables    " << folder.string() << '\n';
  context.out << cache_text(session);
}

Result<FinishedRun> submit_and_wait(Context& context, Session& session, const coordinator::Submission& submission,
                                    const std::string& progress, const Interrupt& interrupt) {
  auto& api = session.api();
  MOLE_TRY(auto pipeline, api.validate(submission));
  MOLE_TRY(const auto archives, archives_of(submission));
  for (const auto& archive : archives)
    if (auto listed = index_archive(context, session, submission, archive, interrupt); !listed) return listed.error();
  MOLE_TRY(auto plan, api.plan(submission));
  MOLE_TRY(auto accepted, api.submit(submission));
  MOLE_TRY(auto request,
           wait_for(context, session, accepted.id, progress, interrupt, session.embedded() || session.other_run() != 0));
  return FinishedRun{std::move(pipeline), std::move(plan), std::move(accepted), std::move(request)};
}

// Leaves out what `report` writes to stderr, so that no message appears twice.
RequestStatus without_messages_of_stderr(RequestStatus request, const coordinator::PlanReport& plan, Exit exit) {
  std::erase_if(request.notes, [&](const auto& note) { return std::ranges::find(plan.notes, note) != plan.notes.end(); });
  if (exit != Exit::try_later || request.waits.empty()) return request;
  if (request.reason == request.waits.front()) request.reason.clear();
  request.waits.erase(request.waits.begin());
  return request;
}

Result<Exit> report(Context& context, Session& session, const coordinator::Submission& submission, const FinishedRun& finished) {
  const auto& request = finished.request;
  const auto exit = exit_of_request(request);
  if (context.options.json) {
    print_json(context.out, request);
  } else {
    print_summary(context, session, finished.plan, without_messages_of_stderr(request, finished.plan, exit));
    print_next(context, session, submission, finished);
  }
  for (const auto& note : finished.plan.notes) context.err << "note: " << printable(note) << '\n';
  context.err << failures_text(request, context.err_style);
  if (exit != Exit::try_later) return exit;
  const auto waits = request.waits.empty()
                         ? "the range ends after the last file of the archive; run again when more files exist, or use --partial"
                         : request.waits.front();
  print_error(context, transient(waits));
  return exit;
}

Result<Exit> run(Context& context, const RunArgs& args) {
  MOLE_TRY(auto submission, submission_of(args.work));
  submission.priority = 1;  // before remaining jobs of earlier runs, so that the progress shown is that of this run
  const Interrupt interrupt;
  return with_session(context, Need::work, interrupt, [&](Session& session) -> Result<Exit> {
    MOLE_TRY(const auto finished, submit_and_wait(context, session, submission, args.progress, interrupt));
    return report(context, session, submission, finished);
  });
}

// ---- mole request

struct SubmitArgs {
  WorkArgs work;
  std::string progress, id;
  bool wait = false;
  std::int32_t priority = 0;
};
struct ListArgs {
  bool all = false;
};
struct IdArgs {
  std::string id, progress;
};

Exit print_request(Context& context, const coordinator::RequestStatus& request) {
  print(context, request, request_text(request, context.out_style));
  context.err << failures_text(request, context.err_style);
  return exit_of_request(request);
}

Result<Exit> submit(Context& context, const SubmitArgs& args) {
  MOLE_TRY(auto submission, submission_of(args.work));
  submission.priority = args.priority;
  if (!args.id.empty()) submission.client_id = args.id;
  const Interrupt interrupt;
  if (args.wait)
    return with_session(context, Need::work, interrupt, [&](Session& session) -> Result<Exit> {
      MOLE_TRY(const auto accepted, session.api().submit(submission));
      MOLE_TRY(const auto done, wait_for(context, session, accepted.id, args.progress, interrupt));
      return print_request(context, done);
    });
  MOLE_TRY(auto session, context.connect(context.options, Need::store));
  MOLE_TRY(const auto accepted, session->api().submit(submission));
  print(context, accepted, fmt::format("request {}{}\n", printable(accepted.id), accepted.created ? "" : " (already submitted)"));
  if (session->embedded())
    context.err
        << "mole: the request is stored, but no coordinator processes it yet; start mole-coordinator on this state, or use "
           "request submit --wait\n";
  if (session->other_run() != 0)
    context.err << fmt::format("note: process {} (mole) processes the request until it ends; the next mole run continues\n",
                               session->other_run());
  return Exit::done;
}

Result<Exit> list(Context& context, const ListArgs& args) {
  return show(
      context,
      [&](coordinator::ClientApi& api) {
        auto requests = api.requests();
        if (requests && !args.all) *requests = wanted_requests(std::move(*requests));
        return requests;
      },
      [&](const auto& requests) { return requests_text(requests, context.out_style); });
}

Result<Exit> show_one(Context& context, const IdArgs& args) {
  MOLE_TRY(auto session, context.connect(context.options, Need::read));
  MOLE_TRY(const auto request, session->api().request(args.id));
  print_request(context, request);
  return Exit::done;  // regardless of the state of the request
}

Result<Exit> watch(Context& context, const IdArgs& args) {
  const Interrupt interrupt;
  return with_session(context, Need::read, interrupt, [&](Session& session) -> Result<Exit> {
    MOLE_TRY(const auto request, session.api().request(args.id));
    if (!is_settled(request) && session.embedded())
      return transient("no coordinator serves this state; start mole-coordinator on it, or run the pipeline with mole run");
    MOLE_TRY(const auto done, wait_for(context, session, args.id, args.progress, interrupt));
    return print_request(context, done);
  });
}

Result<Exit> cancel(Context& context, const IdArgs& args) {
  return show(
      context, [&](coordinator::ClientApi& api) { return api.cancel(args.id); },
      [&](const coordinator::RequestStatus& request) {
        if (request.state != coordinator::RequestState::cancelled)
          return fmt::format("request {} has already ended: {}\n", args.id, name_of(request.state));
        return fmt::format("request {} cancelled; its finished results are kept\n", args.id);
      });
}

}  // namespace

void add_run(Shell& shell) {
  const auto [command, args] = shell.add(shell.app, "run", "Compute a pipeline over a time range", run);
  add_work_options(*command, args->work);
  add_progress_option(*command, args->progress);
}

void add_request(Shell& shell) {
  auto* group = shell.app.add_subcommand("request", "Submit, show and cancel requests")->require_subcommand(1)->fallthrough();
  const auto [command, submit_args] = shell.add(*group, "submit", "Submit a request to the nodes of the coordinator", submit);
  add_work_options(*command, submit_args->work);
  command->add_option("--priority", submit_args->priority, "higher values run first (default 0)");
  command->add_option("--id", submit_args->id, "idempotency key: a submission with the same id returns the first request");
  command->add_flag("--wait", submit_args->wait, "wait until the request ends; exit codes are those of run");
  add_progress_option(*command, submit_args->progress);

  const auto [list_command, list_args] = shell.add(*group, "list", "List the latest requests", list);
  list_command->add_flag("--all", list_args->all, "also those that commands submit to list an archive before they use it");
  const auto add = [&](const char* name, const char* about, Result<Exit> (*run)(Context&, const IdArgs&)) {
    const auto added = shell.add(*group, name, about, run);
    added.first->add_option("request", added.second->id, "id of the request")->required()->type_name("REQUEST");
    return added;
  };
  add("show", "Show a request: jobs, coverage, failures", show_one);
  const auto [watch_command, args] = add("watch", "Follow a request until it ends; exit codes are those of run", watch);
  add_progress_option(*watch_command, args->progress);
  add("cancel", "Cancel a request; finished results are kept", cancel);
}

}  // namespace mole::cli
