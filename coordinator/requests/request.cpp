#include "coordinator/requests/request.hpp"

#include <charconv>

namespace mole::coordinator::requests {
namespace {

using nlohmann::json;

// Reads a document whose fields may be missing in rows of older versions.
template <class Document>
Document stored(const json& row) {
  json whole = Document{};
  if (row.is_object()) whole.update(row);
  auto document = read_document<Document>(whole);
  return document ? std::move(*document) : Document{};
}

// A row of a newer version may hold an unknown word.
template <class Enum>
Enum enum_from(const json& row, Enum otherwise) {
  return from_name<Enum>(row.get<std::string>()).value_or(otherwise);
}

// Rows contain -1 for "none".
json number_or_none(const std::optional<double>& value) { return value.value_or(-1); }
std::optional<double> optional_from(double value) { return value < 0 ? std::nullopt : std::optional(value); }

}  // namespace

Result<std::uint64_t> request_number(const std::string& id) {
  std::uint64_t number = 0;
  const auto* end = id.data() + id.size();
  if (id.size() < 2 || id[0] != 'r' || std::from_chars(id.data() + 1, end, number).ptr != end)
    return missing("there is no request \"" + id.substr(0, 60) + "\"; ids look like r17, mole request list shows them");
  return number;
}

json to_row(const Request& r) {
  return {{"kind", name_of(r.kind)},
          {"pipeline", r.pipeline},
          {"module", r.module},
          {"archive", r.archive},
          {"range", r.range},
          {"partial", r.partial},
          {"priority", r.priority},
          {"client_id", r.client_id},
          {"overrides", r.overrides},
          {"revision", r.revision},
          {"submitted", r.submitted},
          {"finished", r.finished},
          {"state", name_of(r.state)},
          {"reason", r.reason},
          {"code", r.code},
          {"counts", r.counts},
          {"coverage", number_or_none(r.coverage)},
          {"coverage_plain", number_or_none(r.coverage_plain)},
          {"coverage_windowed", number_or_none(r.coverage_windowed)},
          {"failures", r.failures},
          {"waits", r.waits},
          {"files", r.files},
          {"bytes", r.bytes}};
}

Request request_from_row(std::uint64_t number, const json& row) {
  Request r;
  r.number = number;
  r.kind = enum_from(row.at("kind"), RequestKind::run);
  row.at("pipeline").get_to(r.pipeline);
  row.at("module").get_to(r.module);
  row.at("archive").get_to(r.archive);
  r.range = row.at("range").get<TimeRange>();
  row.at("partial").get_to(r.partial);
  row.at("priority").get_to(r.priority);
  row.at("client_id").get_to(r.client_id);
  r.overrides = row.value("overrides", std::vector<std::string>{});
  r.revision = row.at("revision").get<Digest>();
  row.at("submitted").get_to(r.submitted);
  row.at("finished").get_to(r.finished);
  r.state = enum_from(row.at("state"), RequestState::accepted);
  row.at("reason").get_to(r.reason);
  r.code = row.value("code", "");
  r.counts = stored<JobCounts>(row.at("counts"));
  r.coverage = optional_from(row.at("coverage").get<double>());
  r.coverage_plain = optional_from(row.value("coverage_plain", -1.0));
  r.coverage_windowed = optional_from(row.value("coverage_windowed", -1.0));
  for (const auto& failure : row.at("failures")) r.failures.push_back(stored<JobFailure>(failure));
  row.at("waits").get_to(r.waits);
  r.files = stored<FileProgress>(row.at("files"));
  r.bytes = stored<ByteProgress>(row.at("bytes"));
  return r;
}

RequestStatus describe(const Request& r, const JobCounts& counts, bool with_failures) {
  RequestStatus out;
  out.id = r.id();
  out.kind = r.kind;
  out.pipeline = r.pipeline;
  out.module = r.module;
  out.archive = r.archive;
  out.from = r.range.from;
  out.to = r.range.to;
  out.state = r.state;
  out.reason = r.reason;
  out.code = r.code;
  out.priority = r.priority;
  out.partial = r.partial;
  out.submitted = r.submitted;
  if (r.finished) out.finished = r.finished;
  out.jobs = counts;
  out.files = r.files;
  out.bytes = r.bytes;
  out.coverage = r.coverage;
  out.coverage_without_windows = r.coverage_plain;
  out.coverage_with_windows = r.coverage_windowed;
  out.overrides = r.overrides;
  out.waits = r.waits;
  if (with_failures) out.failures = r.failures;
  return out;
}

}  // namespace mole::coordinator::requests
