#include "runtime/seal/seal.hpp"

#include "runtime/metric/state_file.hpp"
#include "runtime/seal/parquet.hpp"
#include "runtime/seal/result_schema.hpp"
#include "sdk/model/durable_file.hpp"
#include "sdk/model/enums.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <numeric>
#include <set>

namespace mole::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t spec_limit = std::uint64_t{1} << 28;
constexpr std::size_t max_message = 16384;
constexpr std::size_t max_lineage = std::size_t{2} << 20;  // half of the size limit of a message

std::string text_of(const nlohmann::json& j) { return j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

// The coordinator checks the fields it shows (coordinator/requests/lineage_shape.hpp). Here only type and size are checked.
Result<> check_lineage(const nlohmann::json& lineage) {
  if (lineage.is_null()) return {};
  if (!lineage.is_object()) return corrupt("its lineage is not a JSON object");
  const auto size = text_of(lineage).size();
  if (size > max_lineage) return corrupt(fmt::format("its lineage has {} bytes; use shorter blocks", size));
  return {};
}

// Errors of the node, not of the worker's output.
bool is_node_error(const Error& error) { return error.code == Code::transient || error.code == Code::internal; }

// Not durable: an attempt does not survive a restart of the machine. Files become durable when they leave its folder.
Result<> move_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return transient("renaming to " + to.string() + " failed: " + error.message());
  return {};
}

// Seals one attempt; the report grows frame by frame.
class Sealer {
 public:
  Sealer(fs::path attempt, task::Spec spec, const SealLimits& limits)
      : attempt_(std::move(attempt)), spec_(std::move(spec)), limits_(limits), frames_of_step_(spec_.steps.size()) {
    report_.task = spec_.id;
    for (const auto& file : spec_.files) files_.insert(file.id);
    for (std::uint32_t i = 0; i < spec_.steps.size(); ++i) {
      report_.steps.emplace_back().step = i;
    }
  }

  Result<task::Report> run() {
    if (auto done = prepare_out(); !done) return done.error();
    auto reader = HandoverReader::open(attempt_ / "handover", limits_.handover);
    std::string problem = reader ? "" : reader.error().message;
    if (reader) {
      if (auto done = seal_frames(*reader); !done) return done.error();
      problem = reader->problem();
    }
    fail_repeated();
    if (!problem.empty()) mark_incomplete(problem);
    for (auto& step : report_.steps)
      if (step.outcome == task::Outcome::not_run && step.message.empty()) step.message = "the worker ended before this step";
    block_readers();
    const auto tmp = out() / ".tmp.report.json";
    if (auto done = write_file(tmp, text_of(report_)); !done) return done.error();
    if (auto done = move_file(tmp, out() / "report.json"); !done) return done.error();
    return std::move(report_);
  }

 private:
  fs::path out() const { return attempt_ / "out"; }

  // Creates the folder and removes the report of an earlier run.
  Result<> prepare_out() {
    std::error_code error;
    fs::remove(out() / "report.json", error);
    fs::create_directories(out(), error);
    if (error) return transient("creating " + out().string() + " failed: " + error.message());
    return {};
  }

  // Reads all frames; each thread takes the next frame and seals it if it is a step.
  Result<> seal_frames(HandoverReader& reader) {
    std::vector<std::future<Result<>>> others;
    for (std::size_t i = 1; i < std::min<std::size_t>(limits_.threads, spec_.steps.size()); ++i)
      others.push_back(std::async(std::launch::async, [&] { return seal_some_frames(reader); }));
    auto all = seal_some_frames(reader);
    for (auto& other : others)
      if (auto some = other.get(); !some) all = some;
    return all;
  }

  Result<> seal_some_frames(HandoverReader& reader) {
    std::optional<Parquet> parquet;  // of this thread
    std::unique_lock lock(mutex_);
    while (auto frame = reader.next()) {
      auto* step = std::get_if<HandoverStep>(&*frame);
      if (!step) {
        record(std::move(*frame));
      } else if (step->outcome.step < spec_.steps.size()) {  // others are not in the spec
        const auto index = step->outcome.step;
        if (frames_of_step_[index]++ > 0) continue;
        lock.unlock();
        auto sealed = seal_step(index, std::move(*step), parquet);
        lock.lock();
        if (!sealed && is_node_error(sealed.error())) return sealed.error();
        if (sealed)
          report_.steps[index] = std::move(*sealed);
        else
          fail(report_.steps[index], sealed.error());
      }
    }
    return {};
  }

  void record(HandoverFrame frame) {
    if (auto* file = std::get_if<task::FileReport>(&frame)) {
      if (files_.contains(file->id)) report_.files.push_back(std::move(*file));
    } else if (auto* entries = std::get_if<std::vector<task::IndexEntry>>(&frame)) {
      if (spec_.kind == task::Kind::index) std::move(entries->begin(), entries->end(), std::back_inserter(report_.index));
    } else if (auto* totals = std::get_if<task::Report>(&frame)) {
      report_.code = totals->code;
      report_.message = std::move(totals->message);
      report_.bytes_read = totals->bytes_read;
      report_.flows = totals->flows;
      report_.seconds = totals->seconds;
      report_.fetched = std::move(totals->fetched);
      std::erase_if(report_.fetched, [&](const task::FetchReport& fetched) { return !files_.contains(fetched.id); });
      for (auto* ids : {&totals->unstaged, &totals->bad_copies})
        std::erase_if(*ids, [&](const std::string& id) { return !files_.contains(id); });
      report_.unstaged = std::move(totals->unstaged);
      report_.bad_copies = std::move(totals->bad_copies);
      if (spec_.kind != task::Kind::index) return;
      report_.passed_over = std::move(totals->passed_over);
      report_.listing = totals->listing;
      report_.listing_before = totals->listing_before;
      report_.removed = std::move(totals->removed);
    }
  }

  // Steps are valid on their own, but a list of files must be complete.
  void mark_incomplete(const std::string& problem) {
    report_.message = problem;
    for (auto& step : report_.steps)
      if (step.outcome == task::Outcome::not_run) step.message = problem;
    if (!spec_.steps.empty()) return;
    report_.code = task::FailureCode::transient;
    report_.index.clear();
    report_.removed.clear();
    report_.listing = report_.listing_before = {};
  }

  void fail_repeated() {
    for (std::uint32_t i = 0; i < frames_of_step_.size(); ++i)
      if (frames_of_step_[i] > 1)
        fail(report_.steps[i], corrupt(about(i) + "it is in the handover twice; its rows and state are discarded"));
  }

  std::string about(std::uint32_t index) const {
    const auto& step = spec_.steps[index];
    return fmt::format("module {}/{} (plugin {} {}): ", step.pipeline, step.module, step.plugin.name, step.plugin.version);
  }

  static void fail(task::StepReport& report, const Error& error) {
    const auto index = report.step;
    report = {};
    report.step = index;
    report.outcome = task::Outcome::failed;
    report.code = task::failure_code(error.code);
    report.message = error.message;
  }

  Result<task::StepReport> seal_step(std::uint32_t index, HandoverStep handed, std::optional<Parquet>& parquet) {
    const auto& step = spec_.steps[index];
    task::StepReport report;
    report.step = index;
    report.outcome = handed.outcome.outcome;
    report.code = handed.outcome.code;
    report.message = handed.outcome.message.substr(0, max_message);
    if (auto good = check_lineage(handed.outcome.lineage); !good) return corrupt(about(index) + good.error().message);
    report.lineage = std::move(handed.outcome.lineage);
    report.flows_counted = handed.outcome.flows_counted;
    report.flows_late = handed.outcome.flows_late;
    if (report.outcome != task::Outcome::done) return report;
    if (handed.outcome.coverage >= 0 && handed.outcome.coverage <= 1)
      report.coverage = report.coverage_min = handed.outcome.coverage;

    if (step.make_result) {
      if (!handed.rows) return corrupt(about(index) + "it has no rows; its plugin must declare the output of finish");
      if (auto done = seal_rows(index, *handed.rows, parquet, report); !done) return done.error();
    }
    if (step.make_state) {
      if (!handed.state_file) return corrupt(about(index) + "it has no state");
      if (auto done = seal_state(index, *handed.state_file, report); !done) return done.error();
    }
    return report;
  }

  Result<> seal_rows(std::uint32_t index, const std::string& bytes, std::optional<Parquet>& parquet, task::StepReport& report) {
    const auto& step = spec_.steps[index];
    MOLE_TRY(auto table, prefixed(about(index), decode_rows(bytes, limits_.rows)));
    MOLE_TRY(const auto schema, prefixed(about(index), result_schema(step)));
    if (auto good = check_rows(table, schema, step, spec_.block); !good)
      return corrupt(about(index) + good.error().message + "; its rows are discarded");

    if (!parquet) {
      MOLE_TRY(auto opened, open_parquet());
      parquet.emplace(std::move(opened));
    }
    const auto name = fmt::format("step{}.parquet", index);
    const auto tmp = out() / (".tmp." + name);
    if (auto done = parquet->write(table, tmp, {step.plugin.name, step.plugin.version, step.by}); !done)
      return node_error(done.error());
    if (auto done = move_file(tmp, out() / name); !done) return done;
    if (auto done = record_blob(out() / name, report.rows_blob, report.rows_bytes); !done) return done;
    set_coverage(table, step.interval, report);
    return {};
  }

  void set_coverage(const RowTable& table, Micros interval, task::StepReport& report) const {
    report.rows = table.rows();
    const auto& coverage = std::get<std::vector<double>>(table.find("coverage")->values);
    if (coverage.empty()) return;  // no member of an open dimension occurred: keep the worker's value
    report.coverage = std::accumulate(coverage.begin(), coverage.end(), 0.0) / static_cast<double>(coverage.size());
    report.coverage_min = *std::min_element(coverage.begin(), coverage.end());
    report.incomplete = incomplete_ranges(table, interval, spec_.block);
  }

  Result<> seal_state(std::uint32_t index, const std::string& name, task::StepReport& report) {
    const auto sealed = out() / fmt::format("step{}.state", index);
    auto path = attempt_ / name;
    std::error_code error;                        // the worker chose the name: it may be too long or a loop of symbolic links
    if (!fs::exists(path, error)) path = sealed;  // sealed by an earlier run that did not write its report
    if (auto good = check_state(index, path); !good) return prefixed(about(index), good);
    if (auto done = move_file(path, sealed); !done) return done;
    return record_blob(sealed, report.state_blob, report.state_bytes);
  }

  // Checks that the path is a regular file inside the attempt folder, not reached by a symbolic link and without another name by
  // which it could be changed later, with the expected states.
  Result<> check_state(std::uint32_t index, const fs::path& path) const {
    std::error_code error;
    const auto real = fs::canonical(path, error);
    const auto home = fs::canonical(attempt_, error);
    const auto status = fs::symlink_status(path, error);
    if (!fs::is_regular_file(status)) return corrupt("its state file is missing or not a regular file");
    if (real.lexically_relative(home).native().starts_with("..")) return corrupt("its state file is outside the attempt folder");
    if (fs::hard_link_count(path, error) != 1) return corrupt("its state file has more than one name");

    const auto& step = spec_.steps[index];
    MOLE_TRY(const auto descriptor, descriptor_of(step));
    const auto revision = static_cast<std::uint32_t>(descriptor.state_revision);
    const StateHeader expected{
        step.plugin.name, step.plugin.version, revision, descriptor.state_shape, step.fingerprint, step.state_key, {},
        spec_.block,      step.interval,       step.by};
    auto reader = StateFileReader::open(path, expected);
    if (!reader) return corrupt(reader.error().message);
    for (;;) {
      auto entry = reader->next();
      if (!entry) return corrupt(entry.error().message);
      if (!*entry) return {};
      const auto start = (*entry)->interval_start;  // a checkpoint is at the end of the block
      if (start < spec_.block.from || start > spec_.block.to || floor_to(start, step.interval) != start)
        return corrupt(fmt::format("its state file has a state at {}, which is not the start of an interval", start));
    }
  }

  // Failures to write are errors of the node, whatever their code.
  static Error node_error(const Error& error) { return {Code::transient, error.message}; }

  static Result<> record_blob(const fs::path& path, Digest& blob, std::uint64_t& bytes) {
    auto digest = digest_of_file(path);
    if (!digest) return node_error(digest.error());
    std::error_code error;
    blob = *digest;
    bytes = fs::file_size(path, error);
    if (error) return transient("reading " + path.string() + " failed: " + error.message());
    return {};
  }

  // Blocks the steps that read rows of a step that is not done.
  void block_readers() {
    for (std::size_t i = 0; i < report_.steps.size(); ++i) {
      auto& report = report_.steps[i];
      if (report.outcome != task::Outcome::done) continue;
      for (const auto& input : spec_.steps[i].inputs) {
        if (!input.step || *input.step >= i || report_.steps[*input.step].outcome == task::Outcome::done) continue;
        const auto& upstream = spec_.steps[*input.step];
        fail(report, {Code::corrupt, fmt::format("its input {}/{} failed", upstream.pipeline, upstream.module)});
        report.outcome = task::Outcome::blocked;
        report.code = task::FailureCode::none;
        break;
      }
    }
  }

  Result<Parquet> open_parquet() {
    const std::lock_guard lock(opening_);
    if (!parquet_) {
      auto opened = Parquet::open({out()});  // not scratch/, in which plugins may have left files or links with any names
      if (!opened) return opened;
      parquet_.emplace(std::move(*opened));
    }
    return parquet_->connect();
  }

  fs::path attempt_;
  task::Spec spec_;
  SealLimits limits_;
  std::set<std::string> files_;
  std::mutex mutex_;  // guards the reader, frames_of_step_ and report_
  std::vector<unsigned> frames_of_step_;
  task::Report report_;
  std::mutex opening_;
  std::optional<Parquet> parquet_;  // opened for the first step with rows
};

}  // namespace

Result<task::Report> seal(const fs::path& attempt, const SealLimits& limits) {
  MOLE_TRY(const auto text, read_file(attempt / "spec.json", spec_limit));
  MOLE_TRY(auto spec, task::parse_spec(text));
  return Sealer(attempt, std::move(spec), limits).run();
}

Result<> unseal(const fs::path& attempt, const RowLimits& limits) {
  const auto folder = attempt / "rows";
  std::error_code error;
  std::optional<Parquet> parquet;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".parquet") continue;
    auto rows = entry.path();
    rows.replace_extension(".rows");
    if (fs::exists(rows)) continue;
    if (!parquet) {
      MOLE_TRY(auto opened, Parquet::open({attempt / "scratch"}));
      parquet.emplace(std::move(opened));
    }
    MOLE_TRY(auto table, parquet->read(entry.path(), {}, limits));
    const auto tmp = folder / (".tmp." + rows.filename().string());
    if (auto done = write_rows(tmp, table, limits); !done) return done;
    if (auto done = move_file(tmp, rows); !done) return done;
  }
  if (error && fs::exists(folder)) return transient("listing " + folder.string() + " failed: " + error.message());
  return {};
}

}  // namespace mole::runtime
