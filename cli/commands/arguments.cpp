#include "cli/commands/arguments.hpp"

#include "cli/export/selection.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/human.hpp"
#include "coordinator/dag/describe.hpp"
#include "coordinator/dag/resolve.hpp"
#include "coordinator/manifest/manifest.hpp"
#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/durable_file.hpp"
#include "sdk/model/enums.hpp"

#include <fmt/format.h>

#include <charconv>
#include <random>

namespace mole::cli {
namespace {

constexpr std::uint64_t max_manifest_bytes = 4 << 20;

Result<std::string> parse_override(std::string_view text) {
  const auto equals = text.find('=');
  if (equals != std::string::npos && equals != 0) return std::string(text);
  return invalid(fmt::format("'{}' is not an override; write KEY=VALUE, such as modules.mean.window=1d", text));
}

Result<std::vector<GroupFilter>> parse_filter(std::string_view text) { return parse_where({std::string(text)}); }

// Warns if the service has no active node: it accepts requests but cannot process them.
void warn_without_nodes(Context& context, coordinator::ClientApi& api) {
  const auto status = api.status();
  if (!status) return;
  for (const auto& node : status->nodes)
    if (node.state != coordinator::NodeState::silent) return;
  context.err << "mole: the coordinator has no nodes; work starts when a mole-node registers\n";
}

}  // namespace

void add_range_options(CLI::App& command, RangeArgs& args, Range kind, bool positional) {
  command.add_option("--from", args.from, "start of the range, inclusive: 2007-09-22, 2007-09-22T20, @1190487600")
      ->check(parsed_by(parse_time, "TIME"));
  command.add_option("--to", args.to, "end of the range, exclusive")->check(parsed_by(parse_time, "TIME"));
  if (positional)
    command.add_option("range", args.range, "the range in one argument: FROM/TO or FROM/P7D")
        ->type_name("RANGE")
        ->check(parsed_by(parse_range));
  command.parse_complete_callback([&args, kind, positional] {
    const bool pair = !args.from.empty() && !args.to.empty();
    if (!args.range.empty() && (!args.from.empty() || !args.to.empty()))
      throw CLI::ValidationError("RANGE", "cannot be combined with --from or --to");
    if (kind == Range::required && args.range.empty() && !pair)
      throw CLI::RequiredError(positional ? "--from and --to, or RANGE (such as 2007-09-22/P7D)" : "--from and --to");
    if (!range_of(args).empty()) return;
    if (pair) throw CLI::ValidationError("--from", "must be before --to, because ranges are half-open");
    throw CLI::ValidationError(args.from.empty() ? "--to" : "--from", "must be between 1970 and 2169; give both --from and --to");
  });
}

TimeRange range_of(const RangeArgs& args) {
  if (!args.range.empty()) return *parse_range(args.range);
  TimeRange range{0, std::int64_t{73'000} * day_us};  // 1970 to 2169, so that adding the length of a block cannot overflow
  if (!args.from.empty()) range.from = *parse_time(args.from);
  if (!args.to.empty()) range.to = *parse_time(args.to);
  return range;
}

void add_where_option(CLI::App& command, std::vector<std::string>& filters) {
  command
      .add_option(
          "--where", filters,
          "only rows with these values, such as direction=in,protocol_class=tcp or flows_anomaly=true, or with a smaller or "
          "larger number: 'coverage<1' (also <=, >, >=; counts, also with --rate); values of the same column are alternatives; a "
          "value with a "
          "comma needs quotes: \"router='zh,1'\" (repeatable)")
      ->type_name("COLUMN=VALUE")
      ->allow_extra_args(false)
      ->check(parsed_by(parse_filter));
}

void add_what_if_option(CLI::App& command, std::string& what_if) {
  command
      .add_option("--what-if", what_if,
                  "the results of this request (r17) instead of those of the manifest; last: of the latest request with --set")
      ->type_name("ID|last");
}

void add_rate_option(CLI::App& command, bool& rate) {
  command.add_flag(
      "--rate", rate,
      "show counts of bytes, packets and flows as bit/s, packet/s and flow/s, divided by the length of the interval or window; "
      "other columns are unchanged");
}

void add_pipeline_options(CLI::App& command, PipelineArgs& args) {
  command.add_option("pipeline", args.manifest, "path of the pipeline's manifest (YAML)")->required()->type_name("PIPELINE");
  add_repeatable(command, "--set", args.overrides, "KEY=VALUE", parse_override,
                 "change one key of the manifest, such as modules.mean.window=1d (repeatable)");
}

void add_work_options(CLI::App& command, WorkArgs& args) {
  add_pipeline_options(command, args.pipeline);
  add_range_options(command, args.range, Range::required, true);
  command.add_option("--module", args.module, "compute only this module and its inputs");
  command.add_flag("--partial", args.partial, "include blocks that extend past the end of the archive, using the data available");
}

Result<coordinator::Submission> submission_of(const PipelineArgs& args) {
  auto text = read_file(args.manifest, max_manifest_bytes);
  if (!text)
    return missing(fmt::format("cannot read the manifest {}: {}; give the path of a pipeline manifest (YAML)", args.manifest,
                               text.error().message));
  coordinator::Submission submission;
  submission.manifest = std::move(*text);
  submission.manifest_name = args.manifest;
  std::error_code error;
  submission.base = std::filesystem::absolute(args.manifest, error).parent_path().lexically_normal().string();
  submission.overrides = args.overrides;
  return submission;
}

Result<coordinator::Submission> submission_of(const WorkArgs& args) {
  auto submission = submission_of(args.pipeline);
  if (!submission) return submission;
  submission->range = range_of(args.range);
  submission->module = args.module;
  submission->partial = args.partial;
  submission->client_id = new_client_id();
  return submission;
}

std::string new_client_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

// ---- operations on pipelines

Result<coordinator::RequestStatus> wait_for(Context& context, Session& session, const std::string& id,
                                            const std::string& progress, const Interrupt& interrupt, bool cancel_on_interrupt) {
  if (!session.embedded()) warn_without_nodes(context, session.api());
  Progress bar(progress_kind(progress, context.err_is_terminal), context.err, context.err_style);
  auto watch = system_watch(interrupt);
  watch.check = [&session] { return session.check(); };
  auto done = watch_request(session.api(), id, bar, watch);
  bar.finish();
  if (done || done.error().code != Code::cancelled) return done;
  if (!cancel_on_interrupt && session.embedded())
    return Error{
        Code::cancelled,
        fmt::format("stopped; request {0} is resumed by the next command that works on this state; mole request cancel {0} "
                    "ends it",
                    id)};
  if (!cancel_on_interrupt)
    return Error{Code::cancelled, fmt::format("stopped watching; request {0} continues: follow it with mole request watch {0}, "
                                              "or cancel it with mole request cancel {0}",
                                              id)};
  if (const auto cancelled = session.api().cancel(id); !cancelled) print_error(context, cancelled.error());
  return Error{Code::cancelled, "stopped; finished work is kept; run the same command to resume"};
}

Result<Exit> with_session(Context& context, Need need, const Interrupt& interrupt,
                          const std::function<Result<Exit>(Session&)>& work) {
  constexpr auto longest_shutdown = std::chrono::seconds(15);  // it may stop its node first
  for (;;) {
    MOLE_TRY(auto session, context.connect(context.options, need));
    const auto other = session->other_run();
    if (other != 0)
      context.err << fmt::format(
          "note: process {} (mole) works on this state; its coordinator and node also serve this command\n", other);
    auto done = work(*session);
    if (done || done.error().code != Code::transient || interrupt.requested()) return done;
    if (!session->other_run_ended(longest_shutdown)) return done;
    context.err << fmt::format("note: process {} (mole) has ended; this command continues without it\n", other);
  }
}

std::string cache_text(const Session& session) {
  const auto cache = session.cache();
  if (!cache) return "";
  const auto size = [](std::uint64_t bytes) { return human_bytes(static_cast<double>(bytes)); };
  return fmt::format("cache     {}: {}{}\n", cache->folder.string(), size(cache->bytes),
                     cache->limit > 0 ? " of at most " + size(cache->limit) : "");
}

Result<std::vector<std::string>> archives_of(const coordinator::Submission& submission, const std::string& chosen) {
  MOLE_TRY(const auto manifest,
           coordinator::manifest::parse_manifest(submission.manifest, submission.manifest_name, submission.overrides));
  std::vector<std::string> names, known;
  for (const auto& archive : manifest.archives) {
    known.push_back(archive.name);
    if (chosen.empty() || archive.name == chosen) names.push_back(manifest.pipeline + "/" + archive.name);
  }
  if (names.empty() && !chosen.empty())
    return missing(fmt::format("{} has no archive {}{}", submission.manifest_name, chosen,
                               coordinator::manifest::suggestion(chosen, known)));
  return names;
}

Result<coordinator::PipelineDescription> validate_submission(Context& context, const coordinator::Submission& submission) {
  if (!context.options.coordinator.empty()) {
    MOLE_TRY(auto session, context.connect(context.options, Need::read));
    return session->api().validate(submission);
  }
  MOLE_TRY(const auto manifest,
           coordinator::manifest::parse_manifest(submission.manifest, submission.manifest_name, submission.overrides));
  MOLE_TRY(const auto folders, coordinator::dag::plugin_folders(manifest, submission.base, plugin_search_path(context.options)));
  MOLE_TRY(const auto resolved, coordinator::dag::resolve(manifest, PluginCatalogue::load(folders), submission.base));
  return coordinator::dag::describe(resolved.graph);
}

// Returns the options that select the same coordinator.
std::string coordinator_options(const Options& options) {
  if (!options.coordinator.empty()) return " --coordinator " + options.coordinator;
  return options.state == Options{}.state ? "" : " --state " + options.state.string();
}

namespace {

Result<> not_cancelled(const coordinator::RequestStatus& done, const std::string& archive) {
  if (done.state != coordinator::RequestState::cancelled) return {};
  return Error{Code::cancelled,
               fmt::format("request {} was cancelled before it had read {}; run the command again", done.id, archive)};
}

}  // namespace

Result<coordinator::RequestStatus> read_archive(Context& context, Session& session, coordinator::Submission submission,
                                                const std::string& archive, coordinator::RequestKind kind,
                                                const std::string& progress, const Interrupt& interrupt) {
  submission.client_id = new_client_id();
  MOLE_TRY(const auto request, session.api().archive_task(submission, archive, kind));
  MOLE_TRY(auto done, wait_for(context, session, request.id, progress, interrupt));
  if (auto read = not_cancelled(done, archive); !read) return read.error();
  context.err << failures_text(done, context.err_style);
  if (!done.reason.empty()) context.err << printable(done.reason) << '\n';
  return done;
}

Result<coordinator::RequestStatus> index_archive(Context& context, Session& session, const coordinator::Submission& submission,
                                                 const std::string& archive, const Interrupt& interrupt, bool internal) {
  auto listing = submission;
  listing.client_id = new_client_id();
  listing.internal = internal;
  MOLE_TRY(const auto request, session.api().archive_task(listing, archive, coordinator::RequestKind::index));
  const auto done = wait_for(context, session, request.id, "none", interrupt, true);
  if (!done) return done.error();
  if (auto read = not_cancelled(*done, archive); !read) return read.error();
  if (exit_of_request(*done) != Exit::failed) return *done;
  const bool failed = done->failures && !done->failures->empty();
  const auto code =
      failed ? task::code_of(from_name<task::FailureCode>(done->failures->front().code).value_or(task::FailureCode::internal))
             : Code::missing;
  return Error{code, fmt::format("cannot list archive {}: {}", archive, failed ? done->failures->front().message : done->reason)};
}

void add_progress_option(CLI::App& command, std::string& progress) {
  command.add_option("--progress", progress, "bar, plain or none; default: bar on a terminal, else plain lines")
      ->check(CLI::IsMember({"bar", "plain", "none"}));
}

}  // namespace mole::cli
