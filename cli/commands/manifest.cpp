// mole manifest: checks a pipeline and draws its graph.
#include "cli/format/manifest.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/pipeline_work.hpp"
#include "coordinator/dag/describe.hpp"

namespace mole::cli {
namespace {

struct ManifestArgs {
  PipelineArgs pipeline;
};

Result<coordinator::PipelineDescription> validated(Context& context, const ManifestArgs& args) {
  const auto submission = submission_of(args.pipeline);
  if (!submission) return submission.error();
  return validate_submission(context, *submission);
}

Result<Exit> validate(Context& context, const ManifestArgs& args) {
  const auto graph = validated(context, args);
  if (!graph) return graph.error();
  print(context, *graph, manifest_text(*graph, context.out_style));
  return Exit::done;
}

Result<Exit> draw(Context& context, const ManifestArgs& args) {
  const auto graph = validated(context, args);
  if (!graph) return graph.error();
  print(context, *graph, coordinator::dag::to_dot(*graph));
  return Exit::done;
}

}  // namespace

void add_manifest(Shell& shell) {
  auto* family = shell.app.add_subcommand("manifest", "Check the manifest of a pipeline, draw its graph");
  family->require_subcommand(1)->fallthrough();
  const auto add = [&](const char* name, const char* about, Result<Exit> (*run)(Context&, const ManifestArgs&)) {
    auto args = std::make_shared<ManifestArgs>();
    add_pipeline_options(*shell.add(*family, name, about, args, run), args->pipeline);
  };
  add("validate", "Check keys, plugins, types and units; show modules and their columns", validate);
  add("graph", "Print the graph of modules for Graphviz: mole manifest graph P | dot -Tsvg", draw);
}

}  // namespace mole::cli
