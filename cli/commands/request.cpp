// mole request: work as a durable thing.
#include "cli/format/request.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/pipeline_work.hpp"
#include "cli/format/document.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

struct SubmitArgs {
  PipelineArgs pipeline;
  RangeArgs range;
  std::string module, progress, id;
  bool partial = false, wait = false;
  std::int32_t priority = 0;
};
struct ListArgs {};
struct IdArgs {
  std::string id, progress;
};

Exit show(Context& context, const nlohmann::json& request) {
  if (context.options.json)
    print_json(context.out, request);
  else
    context.out << request_text(request, context.out_style);
  context.err << failures_text(request, context.err_style);
  return exit_of_request(request);
}

Result<Exit> submit(Context& context, const SubmitArgs& args) {
  auto submission = submission_of(args.pipeline);
  if (!submission) return submission.error();
  submission->range = range_of(args.range);
  submission->module = args.module;
  submission->partial = args.partial;
  submission->priority = args.priority;
  submission->client_id = args.id.empty() ? fresh_client_id() : args.id;
  const Interrupt interrupt;
  auto session = context.connect(context.options, args.wait ? Need::work : Need::store);
  if (!session) return session.error();
  const auto accepted = (*session)->api().submit(*submission);
  if (!accepted) return accepted.error();
  const auto id = text_of(*accepted, "id");
  if (args.wait) {
    const auto done = wait_for(context, **session, id, args.progress, interrupt);
    if (!done) return done.error();
    return show(context, *done);
  }
  if (context.options.json)
    print_json(context.out, *accepted);
  else
    context.out << fmt::format("request {}{}\n", id, truth_of(*accepted, "created") ? "" : " (was there already)");
  if (!(*session)->outlives_us())
    context.err << "mole: the request is stored; it is worked on when mole-coordinator serves this state, or by "
                   "request submit --wait\n";
  return Exit::done;
}

Result<Exit> list(Context& context, const ListArgs&) {
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  const auto requests = (*session)->api().requests();
  if (!requests) return requests.error();
  if (context.options.json)
    print_json(context.out, *requests);
  else
    context.out << requests_text(*requests, context.out_style);
  return Exit::done;
}

Result<Exit> show_one(Context& context, const IdArgs& args) {
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  const auto request = (*session)->api().request(args.id);
  if (!request) return request.error();
  show(context, *request);
  return Exit::done;  // showing succeeded, whatever is shown
}

Result<Exit> watch(Context& context, const IdArgs& args) {
  const Interrupt interrupt;
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  const auto request = (*session)->api().request(args.id);
  if (!request) return request.error();
  if (!at_rest(*request) && !(*session)->outlives_us())
    return transient("nobody works on this state: start mole-coordinator on it, or run the pipeline with mole run");
  const auto done = wait_for(context, **session, args.id, args.progress, interrupt);
  if (!done) return done.error();
  return show(context, *done);
}

Result<Exit> cancel(Context& context, const IdArgs& args) {
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  const auto cancelled = (*session)->api().cancel(args.id);
  if (!cancelled) return cancelled.error();
  if (context.options.json)
    print_json(context.out, *cancelled);
  else
    context.out << fmt::format("request {} cancelled; what it computed is kept\n", args.id);
  return Exit::done;
}

}  // namespace

void add_request(Shell& shell) {
  auto* family = shell.app.add_subcommand("request", "Work as a durable thing: submit, look, cancel");
  family->require_subcommand(1)->fallthrough();

  auto submit_args = std::make_shared<SubmitArgs>();
  auto* command =
      shell.add(*family, "submit", "Store a request; it is worked on by the nodes of the coordinator", submit_args, submit);
  add_pipeline_options(*command, submit_args->pipeline);
  add_range_options(*command, submit_args->range, Range::required, true);
  command->add_option("--module", submit_args->module, "only this module and what it needs");
  command->add_flag("--partial", submit_args->partial, "also compute blocks past the end of the archive, with what there is");
  command->add_option("--priority", submit_args->priority, "higher goes first (default 0)");
  command->add_option("--id", submit_args->id,
                      "guards against submitting twice: the same key again answers with the first request");
  command->add_flag("--wait", submit_args->wait, "wait for the end and exit as run does");
  add_progress_option(*command, submit_args->progress);

  shell.add(*family, "list", "All requests", std::make_shared<ListArgs>(), list);
  const auto add = [&](const char* name, const char* about, Result<Exit> (*run)(Context&, const IdArgs&)) {
    auto args = std::make_shared<IdArgs>();
    auto* sub = shell.add(*family, name, about, args, run);
    sub->add_option("request", args->id, "its id")->required()->type_name("REQUEST");
    return std::pair(sub, args);
  };
  add("show", "One request: jobs, coverage, what failed", show_one);
  const auto [watching, args] = add("watch", "Follow a request to its end and exit as run does", watch);
  add_progress_option(*watching, args->progress);
  add("cancel", "Withdraw a request; results computed so far are kept", cancel);
}

}  // namespace mole::cli
