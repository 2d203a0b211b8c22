#include "sdk/model/task.hpp"

#include <algorithm>

namespace mole::task {

using nlohmann::json;

namespace {

template <class T>
Result<T> parse(std::string_view text, const char* what) {
  try {
    return json::parse(text).get<T>();
  } catch (const json::exception& e) {
    return corrupt(std::string("this is not a ") + what + ": " + e.what());
  }
}

std::string text_of(const json& params) { return params.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string title_of(const Spec& spec) {
  std::string jobs;
  for (const auto& step : spec.steps) jobs += ", " + step.pipeline + "/" + step.module + "@" + format_time(spec.block.from);
  if (spec.steps.empty())
    jobs = std::string(", ") + name_of(spec.kind) + " of " + (spec.archive ? spec.archive->name : "") +
           (spec.kind == Kind::verify ? "@" + format_time(spec.block.from) : "");
  return "task " + spec.id + (spec.request.empty() ? "" : " for " + spec.request) + jobs;
}

void Archive::set_candidates(const std::vector<PluginUse>& candidates) {
  decoder = candidates.size() == 1 ? candidates.front() : PluginUse();
  decoders = candidates.size() == 1 ? std::vector<PluginUse>() : candidates;
}

std::string cache_name_of(const Archive& archive) {
  return archive.name + "\n" + archive.downloader.name + "\n" + text_of(archive.downloader.params);
}

Digest column_name_of(const File& file, const Archive& archive, std::uint64_t further) {
  Hasher hasher;
  const auto add = [&](const auto&... fields) { (hasher.field(fields), ...); };
  add("mole columns 6", further, cache_name_of(archive), file.id, file.size, file.revision, file.version, file.covers.from,
      file.covers.to);
  for (const auto& decoder : archive.candidates()) add(decoder.name, decoder.version, decoder.library, text_of(decoder.params));
  add(archive.max_content);
  if (archive.export_time != ExportTime::header) add(name_of(archive.export_time));
  return hasher.finish();
}

bool has_failed(const Report& report) {
  return report.code != FailureCode::none ||
         std::ranges::find(report.steps, Outcome::failed, &StepReport::outcome) != report.steps.end();
}

std::string summary_of(const Report& report) {
  std::map<Outcome, std::size_t> outcomes;
  for (const auto& step : report.steps) ++outcomes[step.outcome];
  std::string out;
  for (const auto& [outcome, n] : outcomes) out += (out.empty() ? "" : ", ") + std::to_string(n) + " " + name_of(outcome);
  if (out.empty()) out = report.code == FailureCode::none ? "done" : "failed";
  const auto failed = std::ranges::find(report.steps, Outcome::failed, &StepReport::outcome);
  if (report.code != FailureCode::none) return out + ": " + name_of(report.code) + ": " + report.message;
  return failed == report.steps.end() ? out : out + ": " + name_of(failed->code) + ": " + failed->message;
}

std::string in_one_line(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

Result<Spec> parse_spec(std::string_view text) {
  auto spec = parse<Spec>(text, "task specification");
  if (!spec || !spec->archive) return spec;
  const auto& delay = spec->archive->export_delay;
  for (const auto* points : {&delay.start, &delay.end})
    if (const auto problem = problem_of(*points); !problem.empty())
      return corrupt("task specification: the export delays " + problem + "; update the coordinator");
  return spec;
}
Result<Report> parse_report(std::string_view text) { return parse<Report>(text, "task report"); }

}  // namespace mole::task
