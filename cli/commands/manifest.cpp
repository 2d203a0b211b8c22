// mole manifest, mole plan: check a pipeline, draw its graph, and show what run would do.
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/format/documents.hpp"
#include "coordinator/dag/describe.hpp"
#include "nodes/process/cache_limit.hpp"

#include <algorithm>

namespace mole::cli {
namespace {

Result<coordinator::PipelineDescription> validated(Context& context, const PipelineArgs& args) {
  MOLE_TRY(const auto submission, submission_of(args));
  return validate_submission(context, submission);
}

Result<Exit> validate(Context& context, const PipelineArgs& args) {
  MOLE_TRY(const auto graph, validated(context, args));
  print(context, graph, manifest_text(graph, context.out_style));
  return Exit::done;
}

Result<Exit> draw(Context& context, const PipelineArgs& args) {
  MOLE_TRY(const auto graph, validated(context, args));
  print(context, graph, coordinator::dag::to_dot(graph));
  return Exit::done;
}

// Lists the archives of an embedded coordinator if they have no listing yet: without one, a plan has no files.
Result<> ensure_listing(Context& context, const coordinator::Submission& submission) {
  if (!context.options.coordinator.empty()) return {};
  MOLE_TRY(const auto archives, archives_of(submission));
  {
    auto session = context.connect(context.options, Need::read);
    if (!session && session.error().code != Code::missing) return session.error();
    const auto is_listed = [&](const std::string& archive) {
      const auto files = (*session)->api().archive_files(archive, {});
      return files && !files->empty();
    };
    if (session && (!(*session)->embedded() || std::all_of(archives.begin(), archives.end(), is_listed))) return {};
  }
  const Interrupt interrupt;
  MOLE_TRY(auto session, context.connect(context.options, Need::work));
  for (const auto& archive : archives)
    if (auto listed = index_archive(context, *session, submission, archive, interrupt); !listed) return listed.error();
  return {};
}

struct PlanArgs : WorkArgs {
  std::uint64_t drives = 0, nodes = 0;
};

Result<Exit> plan(Context& context, const PlanArgs& args) {
  MOLE_TRY(auto submission, submission_of(args));
  submission.drives = args.drives;
  submission.nodes = args.nodes;
  const auto& options = context.options;
  if (options.coordinator.empty())
    submission.cache_bytes =
        options.cache_limit > 0 ? options.cache_limit : nodes::default_cache_limit(options.state / "node" / "cache");
  if (auto listed = ensure_listing(context, submission); !listed) return listed.error();
  return show(
      context, [&](coordinator::ClientApi& api) { return api.plan(submission); },
      [&](const auto& planned) { return plan_text(planned, context.out_style); });
}

}  // namespace

void add_plan(Shell& shell) {
  const auto [command, args] =
      shell.add(shell.app, "plan", "Show what run would do: reused and new jobs, files, bytes, gaps", plan);
  add_work_options(*command, *args);
  command->add_option("--drives", args->drives, "estimate with this number of tape drives")->check(CLI::Range(1, 64));
  command->add_option("--nodes", args->nodes, "estimate with this number of nodes")->check(CLI::Range(1, 1000));
}

void add_manifest(Shell& shell) {
  auto* group = shell.app.add_subcommand("manifest", "Propose a manifest, check it or draw its graph")
                    ->require_subcommand(1)
                    ->fallthrough();
  const auto add = [&](const char* name, const char* about, Result<Exit> (*run)(Context&, const PipelineArgs&)) {
    const auto [command, args] = shell.add(*group, name, about, run);
    add_pipeline_options(*command, *args);
  };
  add_manifest_init(shell, *group);
  add("validate", "Check keys, plugins, types and units; show modules and their columns", validate);
  add("graph", "Print the graph of modules for Graphviz: mole manifest graph P | dot -Tsvg", draw);
}

}  // namespace mole::cli
