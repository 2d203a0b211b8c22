// mole explain: why a job ran, is reused or waits.
#include "cli/format/explain.hpp"
#include "cli/commands/commands.hpp"
#include "sdk/model/time.hpp"

namespace mole::cli {
namespace {

struct ExplainArgs {
  std::string job;
};

Result<Exit> explain(Context& context, const ExplainArgs& args) {
  auto session = context.connect(context.options, Need::look);
  if (!session) return session.error();
  const auto explained = (*session)->api().explain(args.job);
  if (!explained) return explained.error();
  if (context.options.json)
    print_json(context.out, *explained);
  else
    context.out << explain_text(*explained, context.out_style);
  return Exit::done;
}

}  // namespace

void add_explain(Shell& shell) {
  auto args = std::make_shared<ExplainArgs>();
  auto* command =
      shell.add(shell.app, "explain", "Why a job ran (which part of its key changed), or why it waits", args, explain);
  command->add_option("job", args->job, "pipeline/module@block, as border-traffic/mean@2007-09-22T18:00:00Z")
      ->required()
      ->type_name("JOB")
      ->check(CLI::Validator(
          [](std::string& text) {
            const auto at = text.rfind('@');
            const bool job = at != std::string::npos && text.find('/') < at && parse_time(text.substr(at + 1));
            return job ? std::string()
                       : "'" + text + "' is no job: write PIPELINE/MODULE@TIME, as border-traffic/mean@2007-09-22T18:00:00Z";
          },
          ""));
}

}  // namespace mole::cli
