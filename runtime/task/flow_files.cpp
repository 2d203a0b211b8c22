#include "runtime/task/flow_files.hpp"

#include "runtime/decode/column_reader.hpp"
#include "runtime/decode/column_recorder.hpp"
#include "runtime/decode/flow_reader.hpp"

#include <charconv>

namespace mole::runtime {
namespace {

// A name that is a number is that number; any other gets one that depends on nothing but the name.
std::uint32_t router_number(const std::string& name) {
  std::uint32_t number = 0;
  const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (status == std::errc{} && end == name.data() + name.size()) return number;
  const Digest digest = digest_of(name);
  __builtin_memcpy(&number, digest.bytes.data(), sizeof number);
  return number;
}

std::string text_of(const nlohmann::json& params) {
  return params.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// By where the files come from, too: pipelines may use one name for different archives.
std::string name_of(const task::Archive& archive) {
  return archive.name + "\n" + archive.downloader.name + "\n" + text_of(archive.downloader.params);
}

// Everything that the flows of a file and what is reported of it depend on, from the index: nothing needs to be fetched to know
// it.
Digest columns_name(const task::File& file, const std::string& archive, const task::PluginUse& decoder) {
  return Hasher()
      .field("mole columns 1")
      .field(archive)
      .field(file.id)
      .field(file.size)
      .field(file.revision)
      .field(file.version)
      .field(file.covers.from)
      .field(file.covers.to)
      .field(decoder.name)
      .field(decoder.version)
      .field(decoder.library)
      .field(text_of(decoder.params))
      .finish();
}

// Columns that take more than this are worth less than the room: they are given up.
std::uint64_t most_column_bytes(const task::File& file) { return file.size + file.size / 2 + (std::uint64_t{64} << 10); }

bool still_whole(const Staged& staged) {
  const auto digest = digest_of_file(staged.path);
  return digest && *digest == staged.digest;
}

// The rows of a batch from row `skip` on.
void cut_front(FlowBatch& batch, std::uint32_t skip) {
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
    if (void*& column = batch.columns[static_cast<std::size_t>(c)])
      column = static_cast<std::byte*>(column) + skip * column_width(c, batch.address_family);
  batch.rows -= skip;
  batch.first_record += skip;
}

}  // namespace

// Decoding, each step of it marked in the call record.
class FlowFiles::Decoded final : public FlowSource {
 public:
  Decoded(const DecoderModule& decoder, std::unique_ptr<FlowReader> reader) : decoder_(decoder), reader_(std::move(reader)) {}

  Result<bool> next(FlowBatch& batch) override {
    return decoder_.step(batches_++, [&] { return reader_->next(batch); });
  }
  task::FileReport report() const override { return reader_->report(); }
  const Evidence& evidence() const override { return reader_->evidence(); }
  std::uint64_t flows() const override { return reader_->flows(); }
  std::uint64_t stored_bytes() const override { return reader_->stored_bytes(); }

 private:
  const DecoderModule& decoder_;
  std::unique_ptr<FlowReader> reader_;
  std::uint64_t batches_ = 0;
};

// Columns, or what becomes of them: when they turn out to be damaged the archive's file is decoded from there on.
class FlowFiles::Kept final : public FlowSource {
 public:
  Kept(FlowFiles& files, std::uint32_t number, ColumnSet wanted, std::unique_ptr<FlowSource> columns)
      : files_(files), number_(number), wanted_(wanted), source_(std::move(columns)) {}

  Result<bool> next(FlowBatch& batch) override {
    while (true) {
      auto more = source_->next(batch);
      if (!more) {
        if (!from_columns_ || more.error().code == Code::exhausted) return more;
        if (auto instead = decode_instead(); !instead) return instead.error();
        continue;
      }
      if (*more && batch.first_record + batch.rows <= given_) continue;  // given before, from columns
      if (*more && batch.first_record < given_) cut_front(batch, static_cast<std::uint32_t>(given_ - batch.first_record));
      if (*more) given_ += batch.rows;
      return more;
    }
  }
  task::FileReport report() const override {
    auto report = source_->report();
    report.id = files_.spec_.files[number_].id;
    if (from_columns_) report.source = "columns";
    return report;
  }
  const Evidence& evidence() const override { return source_->evidence(); }
  std::uint64_t flows() const override { return given_; }
  std::uint64_t stored_bytes() const override { return source_->stored_bytes(); }

 private:
  Result<> decode_instead() {
    from_columns_ = false;
    if (auto fetched = files_.fetch_instead(number_); !fetched) return fetched;
    auto decoded = files_.decode(number_, wanted_);
    if (!decoded) return decoded.error();
    source_ = std::move(*decoded);
    return {};
  }

  FlowFiles& files_;
  const std::uint32_t number_;
  const ColumnSet wanted_;
  std::unique_ptr<FlowSource> source_;
  bool from_columns_ = true;
  std::uint64_t given_ = 0;
};

FlowFiles::FlowFiles(const task::Spec& spec, Cache& cache, const DecoderModule& decoder, Fetch fetch,
                     const FlowFilesOptions& options)
    : spec_(spec),
      cache_(cache),
      decoder_(decoder),
      fetch_(std::move(fetch)),
      options_(options),
      archive_(name_of(*spec.archive)) {
  if (!options_.columns) return;
  for (const auto& file : spec_.files) columns_names_.push_back(columns_name(file, archive_, spec_.archive->decoder));
}

// Columns that can be seen to be unusable are taken out and the whole set is acquired anew, so that room for it is still
// reserved at once. They are not asked for again: perhaps they cannot be removed.
Result<> FlowFiles::stage() {
  auto asked = columns_names_;
  while (true) {
    auto acquired = cache_.acquire(spec_.files, archive_, fetch_, asked);
    if (!acquired) return acquired.error();
    staged_ = std::move(*acquired);
    bool usable = true;
    for (std::uint32_t number = 0; number < staged_.size(); ++number) {
      if (!staged_[number].columns) continue;
      const auto opened = open_columns(number, {});
      if (opened) continue;
      if (opened.error().code == Code::exhausted) return opened.error();
      usable = false;
      if (auto forgotten = cache_.forget_columns(columns_names_[number]); !forgotten) return forgotten;
      asked[number] = {};
    }
    if (usable) return {};
    staged_.clear();
  }
}

Result<std::unique_ptr<FlowSource>> FlowFiles::open(std::uint32_t number, ColumnSet wanted) {
  if (!staged_[number].columns) return decode(number, wanted);
  auto columns = open_columns(number, wanted);
  if (columns) return std::unique_ptr<FlowSource>(std::make_unique<Kept>(*this, number, wanted, std::move(*columns)));
  if (columns.error().code == Code::exhausted) return columns;
  if (auto fetched = fetch_instead(number); !fetched) return fetched.error();
  return decode(number, wanted);
}

Result<std::unique_ptr<FlowSource>> FlowFiles::open_columns(std::uint32_t number, ColumnSet wanted) const {
  auto reader = ColumnFileReader::open(staged_[number].path, columns_names_[number],
                                       {wanted, router_number(spec_.files[number].router), options_.threads});
  if (!reader) return reader.error();
  return std::unique_ptr<FlowSource>(std::move(*reader));
}

Result<> FlowFiles::fetch_instead(std::uint32_t number) {
  if (auto forgotten = cache_.forget_columns(columns_names_[number]); !forgotten) return forgotten;
  auto acquired = cache_.acquire(std::span(&spec_.files[number], 1), archive_, fetch_);
  if (!acquired) return acquired.error();
  staged_[number] = std::move(acquired->front());
  // Flows of it may have been given already; the next attempt finds neither file nor columns, and says so.
  if (const auto& error = staged_[number].error)
    return transient("the columns kept of " + spec_.files[number].id +
                     " are damaged, and the file cannot be had: " + error->message);
  return {};
}

Result<std::unique_ptr<FlowSource>> FlowFiles::decode(std::uint32_t number, ColumnSet wanted) {
  const auto& file = spec_.files[number];
  ContentOptions content_options;
  content_options.threads = options_.threads;
  if (spec_.archive) content_options.decode = bzip2_decoder_named(spec_.archive->decode).value_or(content_options.decode);
  auto content = open_content(staged_[number].path, content_options);
  if (!content) return transient("staged file " + file.id + " cannot be opened: " + content.error().message);
  std::optional<ColumnsPart> part;
  if (options_.columns)
    if (auto begun = cache_.begin_columns(columns_names_[number], most_column_bytes(file)); begun && *begun)
      part.emplace(std::move(**begun));
  const ColumnSet decoded = part ? wanted | column_file::kept_columns() : wanted;
  auto reader = std::make_unique<FlowReader>(file, std::move(*content), decoder_.vtable(), decoder_.module(), decoded,
                                             router_number(file.router));
  std::unique_ptr<FlowSource> source = std::make_unique<Decoded>(decoder_, std::move(reader));
  if (!part) return source;
  return recording(number, wanted, std::move(source), std::move(*part));
}

std::unique_ptr<FlowSource> FlowFiles::recording(std::uint32_t number, ColumnSet wanted, std::unique_ptr<FlowSource> source,
                                                 ColumnsPart part) {
  const auto shared = std::make_shared<ColumnsPart>(std::move(part));  // by the two functions below
  RecordingOptions options;
  options.identity = columns_names_[number];
  options.limit = most_column_bytes(spec_.files[number]);
  options.threads = options_.threads;
  options.sink = [shared](std::string_view bytes) { return shared->append(bytes); };
  const auto publish = [this, number, shared](const task::FileReport& report) {
    // Damage may be of the copy in the cache, which a later fetch would heal: that is not for keeping.
    if (report.state != "sound" && !still_whole(staged_[number])) return;
    auto published = std::move(*shared).publish(spec_.files[number], staged_[number].digest);
    if (!published) return;
    // The file itself is needed no more, and makes room for the columns of the next one.
    Cache::release_first(staged_[number]);
    staged_[number] = std::move(*published);
  };
  return std::make_unique<ColumnRecorder>(std::move(source), wanted, std::move(options), publish);
}

}  // namespace mole::runtime
