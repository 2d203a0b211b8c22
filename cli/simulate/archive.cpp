#include "cli/simulate/archive.hpp"

#include "cli/simulate/event.hpp"
#include "cli/simulate/routes.hpp"
#include "cli/simulate/truth.hpp"
#include "runtime/decode/bzip2_writer.hpp"
#include "sdk/model/durable_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace mole::cli {
namespace {

constexpr std::size_t cut_bytes = 700;  // as much as "cut" leaves out: never a whole number of records
constexpr std::size_t flipped_bytes = 16;
constexpr std::uint64_t most_flows_per_hour = 20'000'000;
constexpr int block_level = 1;  // blocks of 100 kB: damage costs a part of a small file, not all of it

Error wrong(std::string cause) { return invalid(std::move(cause)); }

Result<> check_wish(const SimulationSpec& spec, const HourOfRouter& file, std::string_view option) {
  const bool known = std::find(spec.routers.begin(), spec.routers.end(), file.router) != spec.routers.end();
  if (known && file.hour >= spec.range.from && file.hour < spec.range.to) return {};
  return wrong(fmt::format("{} {}@{} names a file that is not simulated: choose one of --routers and an hour of [{}, {})", option,
                           file.router, format_time(file.hour), format_time(spec.range.from), format_time(spec.range.to)));
}

Result<> check_event(const SimulationSpec& spec, const EventWish& event) {
  const bool known = !event.router || std::find(spec.routers.begin(), spec.routers.end(), *event.router) != spec.routers.end();
  if (!known) return wrong(fmt::format("--event {} names a router that is not simulated", event_text(event)));
  if (event.span.from < spec.range.from || event.span.to > spec.range.to)
    return wrong(fmt::format("--event {} is not inside [{}, {}): move it or simulate more", event_text(event),
                             format_time(spec.range.from), format_time(spec.range.to)));
  if (event.kind != EventKind::outage && spec.flows_per_hour * event.per_million / 1'000'000 > most_flows_per_hour)
    return wrong(fmt::format("--event {} adds more than {} flows an hour: choose a smaller share", event_text(event),
                             most_flows_per_hour));
  return {};
}

Result<> check(const SimulationSpec& spec) {
  const auto routers = std::set(spec.routers.begin(), spec.routers.end());
  if (spec.range.empty()) return wrong("--from is not before --to: give a range of at least an hour");
  if (spec.range.from < 0 || spec.range.to > (std::int64_t{1} << 32) * second_us)
    return wrong("NetFlow v5 counts seconds from 1970 to 2106: choose a range inside");
  if (spec.range.to - spec.range.from > 3660 * day_us) return wrong("the range is longer than ten years: simulate it in parts");
  if (routers.empty()) return wrong("no router: give --routers 19991,19993");
  if (routers.size() != spec.routers.size()) return wrong("--routers names a router twice: name each once");
  if (routers.size() > 256) return wrong("more than 256 routers: simulate them in parts");
  if (spec.flows_per_hour < 1 || spec.flows_per_hour > most_flows_per_hour)
    return wrong(fmt::format("--flows-per-hour must be 1 to {}", most_flows_per_hour));
  if (spec.noise_per_million > 500'000) return wrong("--noise must be 0 to 0.5");
  if (spec.growth_per_million < -1'000'000 || spec.growth_per_million > 10'000'000) return wrong("--growth must be -1 to 10");
  if (spec.events.size() > 1000) return wrong("more than 1000 events: simulate them in parts");
  if (spec.late_per_million > 250'000)
    return wrong("--late-share must be 0 to 0.25: flows last at most the active timeout of 30 minutes");
  if (spec.loss_per_million > 1'000'000) return wrong("--loss must be 0 to 1");
  for (const auto& gap : spec.gaps)
    if (auto ok = check_wish(spec, gap, "--gap"); !ok) return ok;
  for (const auto& damage : spec.damages) {
    if (auto ok = check_wish(spec, damage.file, "--damage"); !ok) return ok;
    if (std::find(spec.gaps.begin(), spec.gaps.end(), damage.file) != spec.gaps.end())
      return wrong("a file is both in --gap and in --damage: a missing file cannot be damaged");
  }
  for (const auto& event : spec.events)
    if (auto ok = check_event(spec, event); !ok) return ok;
  return {};
}

// Refuses a folder in which another simulation lies: its files would be read as part of this one.
Result<> check_folder(const SimulationSpec& spec, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return missing(fmt::format("cannot make {}: {}; choose a folder you may write to", folder.string(), error.message()));
  if (const auto told = read_file(folder / "simulated.json")) {
    const auto truth = nlohmann::json::parse(*told, nullptr, false);
    if (truth.is_object() && truth.value("spec", nlohmann::json()) == spec_json(spec)) return {};
    return wrong(fmt::format("{} holds another simulated archive: remove it or choose another folder", folder.string()));
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".bz2")
      return wrong(fmt::format("{} holds an archive that was not simulated: choose another folder", folder.string()));
  return {};
}

struct Work {
  HourOfRouter file;
  std::size_t router_index = 0;
  std::uint32_t flow_sequence = 0;
};

std::vector<Work> work_of(const SimulationSpec& spec) {
  std::vector<Work> works;
  for (std::size_t r = 0; r < spec.routers.size(); ++r) {
    std::uint32_t sequence = 0;  // wraps, as an exporter's does
    for (auto hour = spec.range.from; hour < spec.range.to; hour += hour_us) {
      works.push_back({{spec.routers[r], hour}, r, sequence});
      sequence += static_cast<std::uint32_t>(flows_of_hour(spec, r, hour));
    }
  }
  return works;
}

// Spoils the content before, and the file after compression; returns what was done.
nlohmann::json spoil_content(std::string_view kind, std::string& content) {
  if (kind != "cut") return nullptr;
  const auto whole = content.size();
  content.resize(whole - std::min(whole, cut_bytes));
  return {{"kind", kind}, {"content", {content.size(), whole}}};
}

nlohmann::json spoil_file(std::string_view kind, std::string& file) {
  const auto whole = file.size();
  if (kind == "truncate") {
    file.resize(whole * 6 / 10);
    return {{"kind", kind}, {"compressed", {file.size(), whole}}};
  }
  const auto from = whole / 2, to = std::min(whole, from + flipped_bytes);
  for (auto i = from; i < to; ++i) file[i] = static_cast<char>(~file[i]);
  return {{"kind", kind}, {"compressed", {from, to}}};
}

Result<FileTruth> write_hour(const SimulationSpec& spec, const std::filesystem::path& folder, const Work& work) {
  FileTruth truth;
  truth.file = work.file;
  truth.exported = export_hour(spec, work.router_index, work.file.hour, work.flow_sequence);
  truth.missing = std::find(spec.gaps.begin(), spec.gaps.end(), work.file) != spec.gaps.end();
  auto content = std::move(truth.exported.content);
  truth.content_bytes = content.size();
  if (truth.missing) return truth;

  const auto damage = std::find_if(spec.damages.begin(), spec.damages.end(), [&](const auto& d) { return d.file == work.file; });
  if (damage != spec.damages.end()) truth.damage = spoil_content(damage->kind, content);
  auto packed = runtime::bzip2_compress(content, block_level);
  if (damage != spec.damages.end() && truth.damage.is_null()) truth.damage = spoil_file(damage->kind, packed);
  truth.compressed_bytes = packed.size();
  if (auto written = durable_write(folder / hour_file_name(spec, work.file), packed); !written) return written.error();
  return truth;
}

// One table a day, for flows that began the day before the first file too.
Result<> write_routes(const SimulationSpec& spec, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return missing(fmt::format("cannot make {}: {}", folder.string(), error.message()));
  for (auto day = floor_to(spec.range.from - active_timeout, day_us); day < spec.range.to; day += day_us)
    if (auto written = durable_write(folder / routing_table_name(day), routing_table(day)); !written) return written;
  return {};
}

}  // namespace

Result<HourOfRouter> parse_hour_of_router(std::string_view text) {
  const auto at = text.find('@');
  HourOfRouter file;
  const auto* end = text.data() + std::min(at, text.size());
  const auto [read, error] = std::from_chars(text.data(), end, file.router);
  if (at == std::string_view::npos || error != std::errc{} || read != end)
    return wrong(fmt::format("'{}' does not name an hour file: write ROUTER@TIME, as 19991@2007-09-22T20", text));
  const auto time = parse_time(text.substr(at + 1));
  if (!time) return time.error();
  file.hour = floor_to(*time, hour_us);
  return file;
}

Result<DamageWish> parse_damage(std::string_view text) {
  DamageWish wish{{}, "truncate"};
  for (const std::string_view kind : {"truncate", "flip", "cut"})
    if (text.ends_with(kind) && text.size() > kind.size() && text[text.size() - kind.size() - 1] == ':') {
      wish.kind = kind;
      text.remove_suffix(kind.size() + 1);
      break;
    }
  const auto file = parse_hour_of_router(text);
  if (!file) return wrong(file.error().message + "; a kind of damage after it is :truncate, :flip or :cut");
  wish.file = *file;
  return wish;
}

std::string hour_file_name(const SimulationSpec& spec, const HourOfRouter& file) {
  const auto sequence = spec.first_sequence + static_cast<std::uint64_t>((file.hour - spec.range.from) / hour_us);
  return fmt::format("{}_{:08}_{}.dat.bz2", file.router, sequence, file.hour / second_us);
}

Result<SimulatedArchive> simulate_archive(const SimulationSpec& spec, const std::filesystem::path& folder, unsigned threads,
                                          const std::function<void(std::size_t, std::size_t)>& progress) {
  if (auto ok = check(spec); !ok) return ok.error();
  if (auto ok = check_folder(spec, folder); !ok) return ok.error();

  const auto works = work_of(spec);
  std::vector<FileTruth> truths(works.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;  // guards failure and done
  std::optional<Error> failure;
  std::size_t done = 0;
  const auto worker = [&] {
    for (auto i = next++; i < works.size(); i = next++) {
      auto truth = write_hour(spec, folder, works[i]);
      const std::lock_guard lock(mutex);
      if (!truth) {
        failure = truth.error();
        next = works.size();
        return;
      }
      truths[i] = std::move(*truth);
      progress(++done, works.size());
    }
  };
  {
    std::vector<std::jthread> others(std::min<std::size_t>(std::max(1U, threads), works.size()) - 1);
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
