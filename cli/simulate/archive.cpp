#include "cli/simulate/archive.hpp"

#include "cli/simulate/event.hpp"
#include "cli/simulate/exporter.hpp"
#include "cli/simulate/network.hpp"
#include "runtime/decode/compressor.hpp"
#include "sdk/model/durable_file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace mole::cli {
namespace {

using nlohmann::json;

constexpr std::size_t cut_bytes = 700;  // removed by DamageKind::cut; not a whole number of records
constexpr std::size_t flipped_bytes = 16;
constexpr std::size_t max_content = 4'000'000'000;  // bytes of a file; libbzip2 and zlib count in 32 bits

std::uint64_t sequence_of(const SimulationSpec& spec, const HourOfRouter& file) {
  return spec.first_sequence + static_cast<std::uint64_t>((file.hour - spec.range.from) / hour_us);
}

// Returns the file name of one hour: "19991_00000003_1190494800.dat.bz2", or "19991/2007/09/22/nfcapd.200709222100".
std::string hour_file_name(const SimulationSpec& spec, const HourOfRouter& file) {
  if (spec.format == SimulatedFormat::nfcapd) {
    const auto time = format_time(file.hour);  // 2007-09-22T21:00:00Z
    const auto part = [&](std::size_t at, std::size_t size) { return std::string_view(time).substr(at, size); };
    const auto year = part(0, 4), month = part(5, 2), day = part(8, 2), hour = part(11, 2);
    return fmt::format("{}/{}/{}/{}/nfcapd.{}{}{}{}00", file.router, year, month, day, year, month, day, hour);
  }
  return fmt::format("{}_{:08}_{}.dat{}", file.router, sequence_of(spec, file), file.hour / second_us,
                     runtime::ending_of(spec.compression));
}

// ---- simulated.json, the ground truth, for checking decoders and metrics (docs/formats/simulated.md)

struct FileTruth {
  HourOfRouter file;
  bool missing = false;   // the sequence number is used, but the file is not written
  ExportedHour exported;  // without `content`, which is in the file
  std::uint64_t content_bytes = 0, compressed_bytes = 0;
  json damage;  // null, or {"kind", "compressed": [from, to]} or {"kind", "content": [from, to]}
};

json totals_json(const Volume& t) { return {{"flows", t.flows}, {"packets", t.packets}, {"bytes", t.bytes}}; }

std::string hour_name(const HourOfRouter& f) { return fmt::format("{}@{}", f.router, format_time(f.hour)); }

json file_json(const SimulationSpec& spec, const FileTruth& f) {
  const auto& truth = f.exported.truth;
  return {{"file", hour_file_name(spec, f.file)},
          {"router", f.file.router},
          {"sequence", sequence_of(spec, f.file)},
          {"from", format_time(f.file.hour)},
          {"to", format_time(f.file.hour + hour_us)},
          {"missing", f.missing},
          {"flows", truth.received.flows},
          {"packets", truth.received.packets},
          {"bytes", truth.received.bytes},
          {"datagrams", f.exported.datagrams},
          {"datagrams_lost", f.exported.datagrams_lost},
          {"flows_lost", truth.measured.flows - truth.received.flows},
          {"content_bytes", f.content_bytes},
          {"compressed_bytes", f.compressed_bytes},
          {"damage", f.damage}};
}

json address_json(std::uint32_t address) { return address == 0 ? json(nullptr) : json(dotted(address)); }

json event_json(const SimulationSpec& spec, std::size_t index, const std::vector<FileTruth>& files) {
  const auto& event = spec.events[index];
  const auto parties = parties_of(spec, index);
  std::map<std::string, std::uint64_t> flows;
  for (const auto& file : files)
    if (!event.router || *event.router == file.file.router)
      flows[std::to_string(file.file.router)] += file.exported.by_event[index];
  return {{"kind", name_of(event.kind)},
          {"from", format_time(event.span.from)},
          {"to", format_time(event.span.to)},
          {"share", static_cast<double>(event.per_million) / 1e6},
          {"flows", flows},
          {"source", address_json(parties.source)},
          {"destination", address_json(parties.destination)},
          {"port", parties.port ? json(parties.port) : json(nullptr)}};
}

std::string array_text(const std::vector<json>& rows) {
  std::string text = "[";
  for (std::size_t i = 0; i < rows.size(); ++i) text += (i ? ",\n  " : "\n  ") + rows[i].dump();
  return text + "\n]";
}

json spec_json(const SimulationSpec& spec) {
  json gaps = json::array(), damages = json::array(), events = json::array();
  for (const auto& event : spec.events) events.push_back(event_text(event));
  for (const auto& gap : spec.gaps) gaps.push_back(hour_name(gap));
  for (const auto& damage : spec.damages) damages.push_back(fmt::format("{}:{}", hour_name(damage.file), name_of(damage.kind)));
  json out = {{"seed", spec.seed},
              {"from", format_time(spec.range.from)},
              {"to", format_time(spec.range.to)},
              {"routers", spec.routers},
              {"flows_per_hour", spec.flows_per_hour},
              {"late_per_million", spec.late_per_million},
              {"loss_per_million", spec.loss_per_million},
              {"noise_per_million", spec.noise_per_million},
              {"growth_per_million", spec.growth_per_million},
              {"first_sequence", spec.first_sequence},
              {"format", name_of(spec.format)},
              {"ipv6_per_million", spec.ipv6_per_million},
              {"compress", spec.format == SimulatedFormat::nfcapd ? name_of(spec.block_compression) : name_of(spec.compression)},
              {"gaps", gaps},
              {"damages", damages},
              {"events", events}};
  if (spec.sampling > 0) out["sampling"] = {{"rate", spec.sampling}, {"in", name_of(spec.sampling_in)}};
  return out;
}

std::string truth_text(const SimulationSpec& spec, const std::vector<FileTruth>& files) {
  std::vector<json> file_rows, interval_rows;
  std::map<std::pair<std::uint32_t, Micros>, Truth> intervals;
  for (const auto& file : files) {
    file_rows.push_back(file_json(spec, file));
    for (auto [from, truth] : file.exported.by_interval) {
      if (file.missing) truth.received = {};
      intervals[{file.file.router, from}].merge(truth);
    }
  }
  for (const auto& [key, truth] : intervals)
    interval_rows.push_back({{"router", key.first},
                             {"from", format_time(key.second)},
                             {"to", format_time(key.second + truth_interval)},
                             {"measured", totals_json(truth.measured)},
                             {"received", totals_json(truth.received)}});
  std::vector<json> event_rows;
  for (std::size_t i = 0; i < spec.events.size(); ++i) event_rows.push_back(event_json(spec, i, files));
  return fmt::format("{{\"schema\": 1,\n\"spec\": {},\n\"events\": {},\n\"files\": {},\n\"intervals\": {}}}\n",
                     spec_json(spec).dump(), array_text(event_rows), array_text(file_rows), array_text(interval_rows));
}

// ---- files

bool is_nfcapd_file(const std::filesystem::path& file) { return file.stem() == "nfcapd"; }

// Whether a file's name ends like those of simulated files.
bool is_flow_file(const std::filesystem::path& file) {
  const auto ending = file.extension().string();
  const auto& known = name_table<runtime::Compression>.names;
  return ending == ".dat" || (!ending.empty() && std::any_of(known.begin(), known.end(), [&](const auto& c) {
           return runtime::ending_of(c.value) == ending;
         }));
}

// Creates the folders. Refuses a folder that contains a different archive, because its files would be read as part of this one.
Result<> prepare_folders(const SimulationSpec& spec, const std::filesystem::path& folder, const std::filesystem::path& routes) {
  std::error_code error;
  if (const auto existing = read_file(folder / "simulated.json")) {
    const auto truth = json::parse(*existing, nullptr, false);
    if (!truth.is_object() || truth.value("spec", json()) != spec_json(spec))
      return invalid(fmt::format("{} contains a different archive; remove it or choose a different folder", folder.string()));
  } else {
    constexpr auto options = std::filesystem::directory_options::skip_permission_denied;
    // Only nfcapd files are in folders below; other compressed files there are not read as part of the archive.
    for (std::filesystem::recursive_directory_iterator at(folder, options, error), end; !error && at != end; at.increment(error))
      if (is_nfcapd_file(at->path()) || (at.depth() == 0 && is_flow_file(at->path())))
        return invalid(fmt::format("{} contains an archive that was not simulated; choose a different folder", folder.string()));
  }
  std::filesystem::create_directories(routes, error);
  if (error) return missing(fmt::format("cannot create {}: {}; choose a writable folder", routes.string(), error.message()));
  return {};
}

struct HourTask {
  HourOfRouter file;
  std::size_t router_index = 0;
  std::uint32_t flow_sequence = 0;
};

std::vector<HourTask> hour_tasks(const SimulationSpec& spec) {
  std::vector<HourTask> tasks;
  for (std::size_t r = 0; r < spec.routers.size(); ++r) {
    std::uint32_t sequence = 0;  // wraps, as in an exporter
    for (auto hour = spec.range.from; hour < spec.range.to; hour += hour_us) {
      tasks.push_back({{spec.routers[r], hour}, r, sequence});
      sequence += static_cast<std::uint32_t>(flows_of_hour(spec, r, hour));
    }
  }
  return tasks;
}

// Damages the compressed file and returns a description of the damage.
json damage_file(DamageKind kind, std::string& file) {
  const auto size = file.size();
  auto from = size / 2, to = std::min(size, from + flipped_bytes);
  if (kind == DamageKind::truncate) {
    file.resize(size * 6 / 10);
    from = file.size(), to = size;
  } else {
    for (auto i = from; i < to; ++i) file[i] = static_cast<char>(~file[i]);
  }
  return {{"kind", name_of(kind)}, {"compressed", {from, to}}};
}

Result<FileTruth> write_hour(const SimulationSpec& spec, const std::filesystem::path& folder, const HourTask& task) {
  FileTruth truth;
  truth.file = task.file;
  truth.exported = export_hour(spec, task.router_index, task.file.hour, task.flow_sequence);
  truth.missing = std::find(spec.gaps.begin(), spec.gaps.end(), task.file) != spec.gaps.end();
  auto content = std::move(truth.exported.content);
  truth.content_bytes = content.size();
  if (truth.missing) return truth;
  if (content.size() > max_content)
    return exhausted(fmt::format("{} would have {} bytes before compression; the limit is {}: choose a smaller --flows-per-hour",
                                 hour_file_name(spec, task.file), content.size(), max_content));

  const auto found = std::find_if(spec.damages.begin(), spec.damages.end(), [&](const auto& d) { return d.file == task.file; });
  const auto damage = found == spec.damages.end() ? std::nullopt : std::optional(found->kind);
  if (damage == DamageKind::cut) {
    const auto size = content.size();
    content.resize(size - std::min(size, cut_bytes));
    truth.damage = {{"kind", name_of(*damage)}, {"content", {content.size(), size}}};
  }
  auto compressed = runtime::compress(content, spec.compression);
  if (damage && damage != DamageKind::cut) truth.damage = damage_file(*damage, compressed);
  truth.compressed_bytes = compressed.size();
  const auto path = folder / hour_file_name(spec, task.file);
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);  // durable_write reports a failure
  if (auto written = durable_write(path, compressed); !written) return written.error();
  return truth;
}

// Writes one table per day, starting with the day before the range if flows of the first file can begin on it.
Result<> write_routes(const SimulationSpec& spec, const std::filesystem::path& folder) {
  for (auto day = floor_to(spec.range.from - active_timeout, day_us); day < spec.range.to; day += day_us)
    if (auto written = durable_write(folder / routing_table_name(day), routing_table(day)); !written) return written;
  return {};
}

}  // namespace

Result<SimulatedArchive> simulate_archive(const SimulationSpec& spec, const std::filesystem::path& folder, unsigned threads,
                                          const std::function<void(std::size_t, std::size_t)>& progress) {
  if (auto valid = check_spec(spec); !valid) return valid.error();
  if (auto ready = prepare_folders(spec, folder, folder / "routes"); !ready) return ready.error();

  const auto tasks = hour_tasks(spec);
  std::vector<FileTruth> truths(tasks.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;  // guards failure and done
  std::optional<Error> failure;
  std::size_t done = 0;
  const auto worker = [&] {
    for (auto i = next++; i < tasks.size(); i = next++) {
      auto truth = write_hour(spec, folder, tasks[i]);
      const std::lock_guard lock(mutex);
      if (!truth) {
        failure = truth.error();
        next = tasks.size();
        return;
      }
      truths[i] = std::move(*truth);
      progress(++done, tasks.size());
    }
  };
  {
    std::vector<std::jthread> others(std::min<std::size_t>(std::max(1U, threads), tasks.size()) - 1);
    for (auto& other : others) other = std::jthread(worker);
    worker();
  }
  if (failure) return *failure;

  if (auto written = write_routes(spec, folder / "routes"); !written) return written.error();
  if (auto written = durable_write(folder / "simulated.json", truth_text(spec, truths)); !written) return written.error();
  SimulatedArchive sum;
  for (const auto& truth : truths) {
    sum.missing += truth.missing;
    sum.files += !truth.missing;
    sum.damaged += !truth.damage.is_null();
    sum.flows += truth.exported.truth.measured.flows;
    sum.compressed_bytes += truth.compressed_bytes;
  }
  return sum;
}

}  // namespace mole::cli
