// mole explain: shows why a job ran, is reused or waits.
#include "cli/format/explain.hpp"
#include "cli/commands/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "sdk/model/time.hpp"

#include <fmt/format.h>

namespace mole::cli {
namespace {

struct ExplainArgs {
  std::string job;
};

Result<Exit> explain(Context& context, const ExplainArgs& args) {
  return show(
      context, [&](coordinator::ClientApi& api) { return api.explain(args.job); },
      [&](const auto& explained) { return explain_text(explained, context.out_style); });
}

Result<std::string> parse_job(std::string_view text) {
  const auto at = text.rfind('@');
  if (at != std::string::npos && text.find('/') < at && parse_time(text.substr(at + 1))) return std::string(text);
  return invalid(
      fmt::format("'{}' is not a job: write PIPELINE/MODULE@TIME, such as border-traffic/mean@2007-09-22T18:00:00Z", text));
}

}  // namespace

void add_explain(Shell& shell) {
  auto args = std::make_shared<ExplainArgs>();
  auto* command =
      shell.add(shell.app, "explain", "Why a job ran (which part of its key changed), or why it waits", args, explain);
  command->add_option("job", args->job, "pipeline/module@block, such as border-traffic/mean@2007-09-22T18:00:00Z")
      ->required()
      ->type_name("JOB")
      ->check(parsed_by(parse_job));
}

}  // namespace mole::cli
