#include "cli/commands/arguments.hpp"

#include "sdk/model/durable_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <random>

namespace mole::cli {
namespace {

constexpr std::uint64_t manifest_limit = 4 << 20;

template <class Parse>
CLI::Validator validator_of(Parse parse, const char* name) {
  return CLI::Validator(
      [parse](std::string& text) {
        const auto value = parse(text);
        return value ? std::string() : value.error().message;
      },
      name);
}

}  // namespace

CLI::Validator time_validator() {
  return validator_of([](const std::string& t) { return parse_time(t); }, "TIME");
}
CLI::Validator duration_validator() {
  return validator_of([](const std::string& t) { return parse_duration(t); }, "DURATION");
}
CLI::Validator size_validator() {
  return validator_of([](const std::string& t) { return parse_size(t); }, "SIZE");
}

Result<std::uint64_t> parse_size(std::string_view whole) {
  const auto bad = [&] { return invalid(fmt::format("'{}' is not a size: write bytes, or 512MiB, 4G", whole)); };
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), n);
  if (error != std::errc{}) return bad();
  std::string_view unit(end, static_cast<std::size_t>(whole.data() + whole.size() - end));
  if (unit.empty() || unit == "B") return n;
  const auto power = std::string_view("KMGT").find(unit.front());
  unit.remove_prefix(1);
  const auto shift = 10 * (power + 1);
  if (power == std::string_view::npos || (!unit.empty() && unit != "B" && unit != "iB") || (n << shift) >> shift != n)
    return bad();
  return n << shift;
}

void add_range_options(CLI::App& command, RangeArgs& args, Range kind, bool positional) {
  command.add_option("--from", args.from, "first instant, inclusive: 2007-09-22, 2007-09-22T20, @1190487600")
      ->check(time_validator());
  command.add_option("--to", args.to, "last instant, exclusive")->check(time_validator());
  if (positional) {
    command.add_option("range", args.range, "the same in one word: FROM/TO or FROM/P7D")
        ->type_name("RANGE")
        ->check(CLI::Validator(
            [](std::string& text) {
              const auto r = parse_range(text);
              return r ? std::string() : r.error().message;
            },
            ""));
  }
  command.parse_complete_callback([&args, kind, positional] {
    const bool pair = !args.from.empty() && !args.to.empty();
    if (!args.range.empty() && (!args.from.empty() || !args.to.empty()))
      throw CLI::ValidationError("RANGE", "stands beside --from or --to: give one of both");
    if (kind == Range::required && args.range.empty() && !pair)
      throw CLI::RequiredError(positional ? "--from and --to, or RANGE (as 2007-09-22/P7D)" : "--from and --to");
    if (pair && range_of(args).empty()) throw CLI::ValidationError("--from", "is not before --to: ranges are half-open");
  });
}

TimeRange range_of(const RangeArgs& args) {
  if (!args.range.empty()) return *parse_range(args.range);
  TimeRange range{0, std::int64_t{73'000} * day_us};  // 1970 to 2169: no flow export is older, and blocks can be added safely
  if (!args.from.empty()) range.from = *parse_time(args.from);
  if (!args.to.empty()) range.to = *parse_time(args.to);
  return range;
}

void add_where_option(CLI::App& command, std::vector<std::string>& texts) {
  command
      .add_option("--where", texts,
                  "only rows with these values, as direction=in,protocol_class=tcp or flows_anomaly=true; a column named twice "
                  "may have either value (repeatable)")
      ->type_name("COLUMN=VALUE")
      ->delimiter(',')
      ->allow_extra_args(false);
}

void add_rate_option(CLI::App& command, bool& rate) {
  command.add_flag(
      "--rate", rate,
      "counts of bytes, packets and flows as bit/s, packet/s and flow/s: divided by the interval, or the window, they "
      "were counted over; other columns stay as they are");
}

void add_pipeline_options(CLI::App& command, PipelineArgs& args) {
  command.add_option("pipeline", args.manifest, "path of the pipeline's manifest (YAML)")->required()->type_name("PIPELINE");
  command.add_option("--set", args.overrides, "change one key of the manifest: modules.mean.window=1d (repeatable)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->check(CLI::Validator(
          [](std::string& text) {
            const auto equals = text.find('=');
            return equals == std::string::npos || equals == 0 ? "'" + text + "' is not KEY=VALUE" : std::string();
          },
          ""));
}

Result<coordinator::Submission> submission_of(const PipelineArgs& args) {
  auto text = read_file(args.manifest, manifest_limit);
  if (!text)
    return missing(fmt::format("cannot read the manifest {}: {}; give the path of a pipeline's YAML file", args.manifest,
                               text.error().message));
  coordinator::Submission submission;
  submission.manifest = std::move(*text);
  submission.manifest_name = args.manifest;
  std::error_code error;
  submission.base = std::filesystem::absolute(args.manifest, error).parent_path().lexically_normal().string();
  submission.overrides = args.overrides;
  return submission;
}

std::string fresh_client_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace mole::cli
