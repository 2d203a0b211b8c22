// mole manifest: check a pipeline, draw it.
#include "cli/format/manifest.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/pipeline_work.hpp"
#include "coordinator/dag/graph.hpp"

namespace mole::cli {
namespace {

struct ManifestArgs {
  PipelineArgs pipeline;
};

Result<nlohmann::json> validated(Context& context, const ManifestArgs& args) {
  const auto submission = submission_of(args.pipeline);
  if (!submission) return submission.error();
  return validate_submission(context, *submission);
}

Result<Exit> validate(Context& context, const ManifestArgs& args) {
  const auto graph = validated(context, args);
  if (!graph) return graph.error();
  if (context.options.json)
    print_json(context.out, *graph);
  else
    context.out << manifest_text(*graph, context.out_style);
  return Exit::done;
}

Result<Exit> draw(Context& context, const ManifestArgs& args) {
  const auto graph = validated(context, args);
  if (!graph) return graph.error();
  if (context.options.json)
    print_json(context.out, *graph);
  else
    context.out << coordinator::dag::to_dot(*graph);
  return Exit::done;
}

}  // namespace

void add_manifest(Shell& shell) {
  auto* family = shell.app.add_subcommand("manifest", "Check a pipeline's manifest, draw its graph");
  family->require_subcommand(1)->fallthrough();
  const auto add = [&](const char* name, const char* about, Result<Exit> (*run)(Context&, const ManifestArgs&)) {
    auto args = std::make_shared<ManifestArgs>();
    add_pipeline_options(*shell.add(*family, name, about, args, run), args->pipeline);
  };
  add("validate", "Check keys, plugins, types and units; show modules and their columns", validate);
  add("graph", "The graph of modules in Graphviz's language: mole manifest graph P | dot -Tsvg", draw);
}

}  // namespace mole::cli
