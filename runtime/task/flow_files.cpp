#include "runtime/task/flow_files.hpp"

#include "runtime/decode/column_reader.hpp"
#include "runtime/decode/column_recorder.hpp"
#include "sdk/model/kept_columns.hpp"

#include <algorithm>
#include <charconv>

namespace mole::runtime {
namespace {

// Returns the number of a router: its name, if that is a number, otherwise a hash of the name.
std::uint32_t router_number(const std::string& name) {
  std::uint32_t number = 0;
  const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (status == std::errc{} && end == name.data() + name.size()) return number;
  const Digest digest = digest_of(name);
  __builtin_memcpy(&number, digest.bytes.data(), sizeof number);
  return number;
}

std::vector<int> numbers_of(ColumnSet wanted) {
  std::vector<int> columns;
  for (int c = 0; c < max_columns; ++c)
    if (wanted[static_cast<std::size_t>(c)]) columns.push_back(c);
  return columns;
}

}  // namespace

// Decodes a file and marks each step in the call record. decoder: null if none reads the file.
class FlowFiles::DecodedSource final : public FlowSource {
 public:
  DecodedSource(const DecoderModule* decoder, std::unique_ptr<FlowReader> reader)
      : decoder_(decoder), reader_(std::move(reader)) {}

  Result<bool> next(FlowBatch& batch) override {
    if (!decoder_) return reader_->next(batch);
    return decoder_->step(batches_++, [&] { return reader_->next(batch); });
  }
  bool may_be_misplaced() const override { return reader_->may_be_misplaced(); }
  task::FileReport report() const override { return reader_->report(); }
  const Evidence& evidence() const override { return reader_->evidence(); }
  ColumnPresence presence() const override { return reader_->presence(); }
  std::uint64_t flows() const override { return reader_->flows(); }
  std::uint64_t stored_bytes() const override { return reader_->stored_bytes(); }

 private:
  const DecoderModule* decoder_;
  std::unique_ptr<FlowReader> reader_;
  std::uint64_t batches_ = 0;
};

// Reads cached columns. If they are damaged, fetches the file and decodes the remaining flows from it.
class FlowFiles::CachedSource final : public FlowSource {
 public:
  CachedSource(FlowFiles& files, std::uint32_t number, ColumnSet wanted, std::unique_ptr<FlowSource> columns)
      : files_(files), number_(number), wanted_(wanted), source_(std::move(columns)) {}

  Result<bool> next(FlowBatch& batch) override {
    while (true) {
      auto more = source_->next(batch);
      if (!more) {
        if (!from_columns_ || more.error().code == Code::exhausted) return more;
        if (auto switched = switch_to_file(); !switched) return switched.error();
        continue;
      }
      if (*more && batch.first_record + batch.rows <= rows_returned_) continue;  // already returned from the columns
      if (*more && batch.first_record < rows_returned_) {
        const auto skip = static_cast<std::uint32_t>(rows_returned_ - batch.first_record);
        batch = batch.slice(skip, batch.rows - skip);
      }
      if (*more) rows_returned_ += batch.rows;
      return more;
    }
  }
  bool may_be_misplaced() const override { return source_->may_be_misplaced(); }
  task::FileReport report() const override {
    auto report = source_->report();
    report.id = files_.spec_.files[number_].id;
    if (from_columns_) report.source = task::FlowSource::columns;
    return report;
  }
  const Evidence& evidence() const override { return source_->evidence(); }
  ColumnPresence presence() const override { return source_->presence(); }
  std::uint64_t flows() const override { return rows_returned_; }
  std::uint64_t stored_bytes() const override { return source_->stored_bytes(); }

 private:
  Result<> switch_to_file() {
    from_columns_ = false;
    if (auto fetched = files_.fetch_file(number_); !fetched) return fetched;
    MOLE_TRY(source_, files_.decode(number_, wanted_));
    return {};
  }

  FlowFiles& files_;
  const std::uint32_t number_;
  const ColumnSet wanted_;
  std::unique_ptr<FlowSource> source_;
  bool from_columns_ = true;
  std::uint64_t rows_returned_ = 0;
};

FlowFiles::FlowFiles(const task::Spec& spec, TaskFiles& files, Decoders& decoders, const FlowFilesOptions& options)
    : spec_(spec), files_(files), decoders_(decoders), options_(options) {
  if (!options_.columns) return;
  for (const auto& file : spec_.files)
    column_names_.push_back(kept_columns_name(file, *spec_.archive, numbers_of(options_.wanted)));
}

// Removes columns that cannot be opened and acquires the whole set again, so that the space for it is still reserved at once. The
// second request leaves out the bad columns, because removing them may have failed.
Result<> FlowFiles::stage() {
  const auto columns = options_.columns ? std::optional(numbers_of(options_.wanted)) : std::nullopt;
  std::vector<std::uint32_t> whole;
  while (true) {
    MOLE_TRY(staged_, files_.acquire(columns, whole));
    if (staged_.size() != spec_.files.size()) return internal("the files of the task were not all acquired");
    bool usable = true;
    for (std::uint32_t number = 0; number < staged_.size(); ++number) {
      if (!staged_[number].columns) continue;
      const auto opened = open_columns(number, {});
      if (opened) continue;
      if (opened.error().code == Code::exhausted) return opened.error();
      usable = false;
      if (auto forgotten = files_.remove_columns(number); !forgotten) return forgotten;
      whole.push_back(number);
    }
    if (usable) return {};
    staged_.clear();
  }
}

Result<std::unique_ptr<FlowSource>> FlowFiles::open(std::uint32_t number, ColumnSet wanted) {
  if (!staged_[number].columns) return decode(number, wanted);
  auto columns = open_columns(number, wanted);
  if (columns) return std::unique_ptr<FlowSource>(std::make_unique<CachedSource>(*this, number, wanted, std::move(*columns)));
  if (columns.error().code == Code::exhausted) return columns;
  if (auto fetched = fetch_file(number); !fetched) return fetched.error();
  return decode(number, wanted);
}

Result<std::unique_ptr<FlowSource>> FlowFiles::open_columns(std::uint32_t number, ColumnSet wanted) {
  MOLE_TRY(auto file, files_.open(number));
  MOLE_TRY(auto reader, ColumnFileReader::open(std::move(file), column_names_[number],
                                               {wanted, router_number(spec_.files[number].router), options_.threads}));
  return std::unique_ptr<FlowSource>(std::move(reader));
}

Result<> FlowFiles::fetch_file(std::uint32_t number) {
  MOLE_TRY(staged_[number], files_.replace_columns(number));
  // Flows of the file may have been returned already, so the task fails; the next attempt finds neither file nor columns and
  // reports the file as missing.
  if (const auto& error = staged_[number].error)
    return transient("the cached columns of " + spec_.files[number].id +
                     " are damaged and the file cannot be fetched: " + error->message);
  return {};
}

Result<std::unique_ptr<FlowSource>> FlowFiles::decode(std::uint32_t number, ColumnSet wanted) {
  const auto& file = spec_.files[number];
  const auto& archive = *spec_.archive;
  const ContentOptions options{
      .threads = options_.threads, .decode = archive.decode, .max_content = archive.max_content, .progress = [this] {
        decoders_.progress();
      }};
  auto bytes = files_.open(number);
  auto content = bytes ? open_content(std::move(*bytes), options) : Result<std::unique_ptr<ContentSource>>(bytes.error());
  if (!content) return transient("staged file " + file.id + " cannot be opened: " + content.error().message);
  MOLE_TRY(auto choice, decoders_.choose(std::move(*content)));
  std::unique_ptr<ColumnsOutput> output;
  if (options_.columns)
    if (auto begun = files_.begin_columns(number); begun) output = std::move(*begun);
  ColumnSet decoded = output ? wanted | column_file::stored_columns(options_.wanted) : wanted;
  if (options_.delays) decoded.set(MOLE_COLUMN_START).set(MOLE_COLUMN_END);
  const bool at_flow_ends = archive.export_time == ExportTime::flow_end;
  if (at_flow_ends) decoded.set(MOLE_COLUMN_END);
  const auto* decoder = choice.decoder;
  auto reader = make_reader(std::move(choice), file, decoded, router_number(file.router));
  if (at_flow_ends) reader->export_at_flow_ends();
  if (options_.delays) reader->measure_delays(file.covers.from - archive.lateness);
  std::unique_ptr<FlowSource> source = std::make_unique<DecodedSource>(decoder, std::move(reader));
  if (!output) return source;
  return record(number, wanted, std::move(source), std::move(output));
}

Result<> FlowFiles::check_copy(const task::FileReport& report, std::uint32_t number) {
  if (!is_faulty(report.state) || staged_[number].columns) return {};
  MOLE_TRY(const auto intact, files_.is_intact(number));
  if (intact) return {};
  return transient("the copy of " + report.id + " in the node's cache was damaged while it was read; it is fetched again");
}

std::unique_ptr<FlowSource> FlowFiles::record(std::uint32_t number, ColumnSet wanted, std::unique_ptr<FlowSource> source,
                                              std::unique_ptr<ColumnsOutput> output) {
  const std::shared_ptr<ColumnsOutput> shared = std::move(output);  // shared by the two functions below
  const auto sink = [shared](std::string_view bytes) { return shared->append(bytes); };
  const auto publish = [this, number, shared](const task::FileReport& report) {
    // If the staged copy itself is damaged, a later fetch may return a sound one, so its columns must not be cached.
    if (report.state != task::FileState::sound)
      if (const auto intact = files_.is_intact(number); !intact || !*intact) return;
    if (auto published = shared->publish(); published) staged_[number] = std::move(*published);
  };
  RecordingOptions options{column_names_[number], column_file::stored_columns(options_.wanted), sink,
                           max_column_bytes(spec_.files[number].size), options_.threads};
  return std::make_unique<ColumnRecorder>(std::move(source), wanted, std::move(options), publish);
}

}  // namespace mole::runtime
