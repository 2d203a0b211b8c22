#include "coordinator/requests/request.hpp"

#include <charconv>

namespace mole::coordinator::requests {
namespace {

using nlohmann::json;

// The stored fields of a request, except its ranges.
template <class R>
void visit_fields(R& r, auto f) {
  f("kind", r.kind), f("pipeline", r.pipeline), f("module", r.module), f("archive", r.archive), f("partial", r.partial),
      f("priority", r.priority), f("client_id", r.client_id), f("overrides", r.overrides), f("overridden", r.overridden),
      f("revision", r.revision), f("submitted", r.submitted), f("finished", r.finished), f("state", r.state),
      f("reason", r.reason), f("code", r.code), f("counts", r.jobs), f("coverage", r.coverage),
      f("coverage_plain", r.coverage_without_windows), f("coverage_windowed", r.coverage_with_windows), f("failures", r.given_up),
      f("waits", r.waits), f("notes", r.notes), f("files", r.files), f("bytes", r.bytes), f("delays", r.delays),
      f("changed", r.changed), f("manifest", r.manifest), f("internal", r.internal), f("sample", r.sample),
      f("shared_files", r.shared_files), f("damaged_files", r.damaged_files), f("formats", r.formats);
}

template <class T>
constexpr T none = std::is_same_v<T, double> ? -1 : 0;  // stored in place of an absent value

struct Writer {
  json& row;

  void operator()(const char* name, const auto& value) const { row[name] = value; }
  template <class T>
  void operator()(const char* name, const std::optional<T>& value) const {
    row[name] = value.value_or(none<T>);
  }
};

// An unknown name, or a document of a different version, leaves the default value.
struct Reader {
  const json& row;

  template <class T>
  static void read(const json& stored, T& value) {
    if constexpr (Named<T>) {
      value = from_name<T>(stored.get<std::string>()).value_or(value);
    } else if constexpr (Document<T>) {
      if (auto document = read_document<T>(stored)) value = std::move(*document);
    } else {
      stored.get_to(value);
    }
  }
  void operator()(const char* name, auto& value) const {
    if (const auto stored = row.find(name); stored != row.end()) read(*stored, value);
  }
  void operator()(const char* name, std::vector<JobFailure>& value) const {
    for (const auto& failure : row.at(name)) read(failure, value.emplace_back());
  }
  template <class T>
  void operator()(const char* name, std::optional<T>& value) const {
    if (const auto stored = row.at(name).get<T>(); stored != none<T>) value = stored;
  }
};

}  // namespace

Result<std::uint64_t> request_number(const std::string& id) {
  std::uint64_t number = 0;
  const auto* end = id.data() + id.size();
  if (id.size() < 2 || id[0] != 'r' || std::from_chars(id.data() + 1, end, number).ptr != end)
    return missing("there is no request \"" + id.substr(0, 60) + "\"; ids look like r17 (see mole request list)");
  return number;
}

std::string title_of(const Request& request) {
  std::string out = name_of(request.kind);
  out += " of " + (request.archive.empty() ? request.pipeline : request.archive);
  if (!request.module.empty()) out += "/" + request.module;
  const auto asked = request.asked();
  if (request.kind == RequestKind::run) out += ", " + format_time(asked.from) + " .. " + format_time(asked.to);
  for (const auto& override : request.overrides) out += ", " + override;
  return out + ", priority " + std::to_string(request.priority);
}

json to_row(const Request& request) {
  json row = {{"range", request.range()}, {"asked", request.asked()}};
  visit_fields(request, Writer{row});
  return row;
}

Request request_from_row(std::uint64_t number, const json& row) {
  Request request;
  request.number = number;
  request.id = request_id(number);
  row.at("range").at(0).get_to(request.from);
  row.at("range").at(1).get_to(request.to);
  row.at("asked").at(0).get_to(request.asked_from);
  row.at("asked").at(1).get_to(request.asked_to);
  visit_fields(request, Reader{row});
  return request;
}

RequestStatus describe(const Request& request, const JobCounts& jobs, bool with_failures) {
  auto out = static_cast<const RequestStatus&>(request);
  out.jobs = jobs;
  if (with_failures) out.failures = request.given_up;
  return out;
}

}  // namespace mole::coordinator::requests
