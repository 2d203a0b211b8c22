// mole request: submits, shows and cancels durable requests.
#include "cli/commands/commands.hpp"
#include "cli/commands/pipeline_work.hpp"
#include "cli/format/human.hpp"
#include "cli/format/texts.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

struct SubmitArgs {
  WorkArgs work;
  std::string progress, id;
  bool wait = false;
  std::int32_t priority = 0;
};
struct ListArgs {};
struct IdArgs {
  std::string id, progress;
};

Exit print_request(Context& context, const coordinator::RequestStatus& request) {
  print(context, request, request_text(request, context.out_style));
  context.err << failures_text(request, context.err_style);
  return exit_of_request(request);
}

Result<Exit> submit(Context& context, const SubmitArgs& args) {
  auto submission = submission_of(args.work);
  if (!submission) return submission.error();
  submission->priority = args.priority;
  if (!args.id.empty()) submission->client_id = args.id;
  const Interrupt interrupt;
  auto session = context.connect(context.options, args.wait ? Need::work : Need::store);
  if (!session) return session.error();
  const auto accepted = (*session)->api().submit(*submission);
  if (!accepted) return accepted.error();
  if (args.wait) {
    const auto done = wait_for(context, **session, accepted->id, args.progress, interrupt);
    if (!done) return done.error();
    return print_request(context, *done);
  }
  print(context, *accepted,
        fmt::format("request {}{}\n", printable(accepted->id), accepted->created ? "" : " (already submitted)"));
  if ((*session)->embedded())
    context.err << "mole: the request is stored, but nothing works on it yet; start mole-coordinator on this state, or use "
                   "request submit --wait\n";
  return Exit::done;
}

Result<Exit> list(Context& context, const ListArgs&) {
  return show(
      context, [](coordinator::ClientApi& api) { return api.requests(); },
      [&](const auto& requests) { return requests_text(requests, context.out_style); });
}

Result<Exit> show_one(Context& context, const IdArgs& args) {
  auto session = context.connect(context.options, Need::read);
  if (!session) return session.error();
  const auto request = (*session)->api().request(args.id);
  if (!request) return request.error();
  print_request(context, *request);
  return Exit::done;  // whatever the state of the request
}

Result<Exit> watch(Context& context, const IdArgs& args) {
  const Interrupt interrupt;
  auto session = context.connect(context.options, Need::read);
  if (!session) return session.error();
  const auto request = (*session)->api().request(args.id);
  if (!request) return request.error();
  if (!is_settled(*request) && (*session)->embedded())
    return transient("no coordinator serves this state; start mole-coordinator on it, or run the pipeline with mole run");
  const auto done = wait_for(context, **session, args.id, args.progress, interrupt);
  if (!done) return done.error();
  return print_request(context, *done);
}

Result<Exit> cancel(Context& context, const IdArgs& args) {
  return show(
      context, [&](coordinator::ClientApi& api) { return api.cancel(args.id); },
      [&](const auto&) { return fmt::format("request {} cancelled; its finished results are kept\n", args.id); });
}

}  // namespace

void add_request(Shell& shell) {
  auto* family = shell.app.add_subcommand("request", "Submit, show and cancel requests")->require_subcommand(1)->fallthrough();
  const auto [command, submit_args] = shell.add(*family, "submit", "Store a request for the nodes of the coordinator", submit);
  add_work_options(*command, submit_args->work);
  command->add_option("--priority", submit_args->priority, "higher values run first (default 0)");
  command->add_option("--id", submit_args->id, "makes the submission idempotent: the same id returns the first request");
  command->add_flag("--wait", submit_args->wait, "wait until the request ends; exit codes are those of run");
  add_progress_option(*command, submit_args->progress);

  shell.add(*family, "list", "List all requests", list);
  const auto add = [&](const char* name, const char* about, Result<Exit> (*run)(Context&, const IdArgs&)) {
    const auto added = shell.add(*family, name, about, run);
    added.first->add_option("request", added.second->id, "id of the request")->required()->type_name("REQUEST");
    return added;
  };
  add("show", "Show a request: jobs, coverage, failures", show_one);
  const auto [watch_command, args] = add("watch", "Follow a request until it ends; exit codes are those of run", watch);
  add_progress_option(*watch_command, args->progress);
  add("cancel", "Cancel a request; finished results are kept", cancel);
}

}  // namespace mole::cli
