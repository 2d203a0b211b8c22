// mole plan: what run would do.
#include "cli/format/plan.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/pipeline_work.hpp"

namespace mole::cli {
namespace {

struct PlanArgs {
  PipelineArgs pipeline;
  RangeArgs range;
  std::string module;
  bool partial = false;
};

// Without a listing the plan would be of an empty archive: an embedded plan makes one first.
Result<> ensure_listing(Context& context, const coordinator::Submission& submission) {
  if (!context.options.coordinator.empty()) return {};
  const auto archives = archives_of(submission);
  if (!archives) return archives.error();
  {
    auto session = context.connect(context.options, Need::look);
    if (!session && session.error().code != Code::missing) return session.error();
    bool listed = static_cast<bool>(session);
    for (std::size_t i = 0; listed && i < archives->size(); ++i) {
      const auto files = (*session)->api().archive((*archives)[i], "ls");
      listed = files && !files->empty();
    }
    if (listed || (session && (*session)->outlives_us())) return {};
  }
  const Interrupt interrupt;
  auto session = context.connect(context.options, Need::work);
  if (!session) return session.error();
  for (const auto& archive : *archives)
    if (auto listed = index_archive(context, **session, submission, archive, interrupt); !listed) return listed;
  return {};
}

Result<Exit> plan(Context& context, const PlanArgs& args) {
  auto submission = submission_of(args.pipeline);
  if (!submission) return submission.error();
  submission->range = range_of(args.range);
  submission->module = args.module;
  submission->partial = args.partial;
  if (auto listed = ensure_listing(context, *submission); !listed) return listed.error();
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  const auto planned = (*session)->api().plan(*submission);
  if (!planned) return planned.error();
  if (context.options.json)
    print_json(context.out, *planned);
  else
    context.out << plan_text(*planned, context.out_style);
  return Exit::done;
}

}  // namespace

void add_plan(Shell& shell) {
  auto args = std::make_shared<PlanArgs>();
  auto* command = shell.add(shell.app, "plan", "What run would do: jobs reused and new, files, bytes, gaps", args, plan);
  add_pipeline_options(*command, args->pipeline);
  add_range_options(*command, args->range, Range::required, true);
  command->add_option("--module", args->module, "only this module and what it needs");
  command->add_flag("--partial", args->partial, "also blocks past the end of the archive");
}

}  // namespace mole::cli
