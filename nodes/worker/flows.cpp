#include "nodes/worker/flow_decoders.hpp"
#include "nodes/worker/flow_output.hpp"
#include "nodes/worker/flow_selection.hpp"
#include "nodes/worker/flow_summary.hpp"
#include "nodes/worker/modes.hpp"
#include "nodes/worker/ordered_output.hpp"
#include "nodes/worker/tar_members.hpp"
#include "runtime/decode/content_source.hpp"
#include "runtime/decode/flow_reader.hpp"
#include "sdk/model/durable_file.hpp"
#include "sdk/model/flow_columns.hpp"
#include "sdk/model/program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <thread>

namespace mole::nodes {
namespace {

using namespace mole::runtime;

struct FlowsOptions {
  std::vector<std::filesystem::path> files;
  std::vector<int> columns;  // in output order
  Filter filter;
  FlowFormat format = FlowFormat::csv;
  TimeFormat times = TimeFormat::rfc3339;
  AddressFormat addresses = AddressFormat::text;
  unsigned threads = 1;
  std::vector<std::filesystem::path> plugins;  // searched before all other folders, in this order
  Bzip2Decoder decode = Bzip2Decoder::interleaved;
  std::uint64_t max_content = task::default_max_content;
  ExportTime export_time = ExportTime::header;  // of a report
  std::string decoder;                          // empty: the one that recognises the file
  nlohmann::json params;                        // of the decoder
};

constexpr std::size_t kept_output = std::size_t{256} << 20;    // for files whose turn has not come
constexpr std::uint64_t large_file = std::uint64_t{16} << 20;  // many bzip2 blocks

struct Threads {
  unsigned files;     // read at the same time
  unsigned per_file;  // for the decompression of one
};

// Small files are read in parallel. The flows of large files would have to be kept until their turn, so that only one is read
// ahead, and each is decompressed by all threads.
Threads threads_of(const FlowsOptions& options) {
  const bool printed =
      options.format == FlowFormat::csv || options.format == FlowFormat::ndjson || options.format == FlowFormat::frames;
  std::uint64_t bytes = 0;
  for (const auto& file : options.files) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    bytes += error ? 0 : size;
  }
  const auto count = static_cast<unsigned>(std::min<std::size_t>(options.files.size(), options.threads));
  if (printed && count > 2 && bytes / options.files.size() > large_file) return {2, options.threads};
  return {count, std::max(1U, options.threads / count)};
}

std::string flows_text(std::uint64_t count) { return fmt::format("{} {}", count, count == 1 ? "flow" : "flows"); }

std::string damage_text(const std::string& path, const task::FileReport& report) {
  auto text = fmt::format("mole flows: {} is {}: {} read\n", path, name_of(report.state), flows_text(report.flows));
  const auto add = [&](const char* what, const std::vector<task::ByteRange>& ranges) {
    for (const auto& r : ranges) text += fmt::format("  {} bytes {}-{}: {}\n", what, r.from, r.to, r.reason);
  };
  add("stored", report.lost_compressed);
  add("content", report.lost_content);
  return text;
}

// Reads the files and writes their flows. Its functions may be called from any thread, each file by one.
class FlowsRun {
 public:
  FlowsRun(const FlowsOptions& options, FoundDecoders found, int descriptor)
      : options_(options), threads_(threads_of(options)), found_(std::move(found)), output_(descriptor, kept_output) {
    if (options.format == FlowFormat::report)
      wanted_.set(MOLE_COLUMN_START).set(MOLE_COLUMN_END);
    else if (options.format == FlowFormat::summary)
      wanted_ = FlowSummarizer::columns();
    else if (options.format != FlowFormat::none)
      for (const int c : options.columns) wanted_.set(static_cast<std::size_t>(c));
    for (const int c : options.filter.columns()) wanted_.set(static_cast<std::size_t>(c));
  }

  // Returns the exit code.
  int run() {
    std::atomic<std::size_t> next = 0;
    const auto read_files = [&] {
      FlowDecoders decoders(found_);
      for (auto i = next++; i < options_.files.size() && read(i, decoders); i = next++) {
      }
    };
    {
      std::vector<std::jthread> helpers;
      for (unsigned i = 1; i < threads_.files; ++i) helpers.emplace_back(read_files);
      read_files();
    }
    if (const auto failure = output_.failure()) {
      std::fprintf(stderr, "mole flows: %s\n", failure->message.c_str());
      return 1;
    }
    if (options_.format == FlowFormat::none && files_ > 1)
      std::fprintf(stderr, "mole flows: %s\n", fmt::format("{} files: {}", files_.load(), counts_text(read_, selected_)).c_str());
    return failed_ ? 1 : damaged_ ? 3 : 0;
  }

 private:
  // The result of one file.
  struct Outcome {
    task::FileState state;
    std::string messages;
  };

  // Returns whether output can still be written.
  bool read(std::size_t i, FlowDecoders& decoders) {
    const auto& path = options_.files[i];
    const FlowSink sink = [&](std::string_view bytes) { return output_.write(i, bytes); };
    std::string messages;
    auto opened = open_flow_file(path, content_options());
    if (!opened)
      messages = ended(path.string(), opened.error(), sink);
    else if (opened->tar)
      messages = read_members(path, *opened->tar, decoders, sink);
    else
      messages = ended(path.string(), read_file(path.string(), std::move(*opened), decoders, sink), sink);
    output_.end(i, messages);
    return !output_.failure();
  }

  // Reads the files in a tar archive. Returns the messages.
  std::string read_members(const std::filesystem::path& path, TarMembers& tar, FlowDecoders& decoders, const FlowSink& sink) {
    std::string messages;
    for (bool intact = true; intact && !output_.failure();) {
      const auto member = tar.next();
      if (!member || !*member) return member ? messages : messages + ended(path.string(), member.error(), sink);
      const auto name = path.string() + "/" + (*member)->name;
      auto content = tar.open(content_options());
      intact = content || content.error().code == Code::exhausted;  // otherwise it ends here
      if (!content) {
        messages += ended(name, content.error(), sink);
        continue;
      }
      const std::string compression((*content)->compression());
      messages += ended(name, read_file(name, {std::move(*content), compression, {}}, decoders, sink), sink);
    }
    return messages;
  }

  // Keeps what the exit code says of a file, and returns its messages.
  std::string ended(const std::string& name, Result<Outcome> outcome, const FlowSink& sink) {
    ++files_;
    if (!outcome && options_.format == FlowFormat::summary) {
      FlowSummary summary;
      summary.file = name;
      summary.error = outcome.error().message;
      static_cast<void>(sink(json_text(summary) + "\n"));  // see failure()
    }
    if (!outcome || outcome->state == task::FileState::unreadable)
      failed_ = true;
    else if (outcome->state != task::FileState::sound)
      damaged_ = true;
    return outcome ? outcome->messages : "mole flows: " + outcome.error().message + "\n";
  }

  // The limit of memory decides which windows can be read, so it does not depend on the number of threads.
  ContentOptions content_options() const {
    return {.threads = threads_.per_file, .decode = options_.decode, .max_content = options_.max_content};
  }

  Result<Outcome> read_file(const std::string& path, FlowFile opened, FlowDecoders& decoders, const FlowSink& sink) {
    task::File file;
    file.id = path;
    MOLE_TRY(auto choice, decoders.choose(std::move(opened.content)));
    const auto made = make_reader(std::move(choice), file, wanted_, 0);
    FlowReader& reader = *made;
    switch (options_.format) {
      case FlowFormat::report: {
        reader.measure_delays();
        if (options_.export_time == ExportTime::flow_end) reader.export_at_flow_ends();
        MOLE_TRY(const auto report, read_flows(reader, [](const FlowBatch&) { return Result<>(); }));
        if (auto done = sink(json_text(report) + "\n"); !done) return done.error();
        return Outcome{report.state, {}};
      }
      case FlowFormat::summary: {
        reader.measure_delays();
        Descriptions descriptions(max_described);
        reader.describe(descriptions);
        FlowSummarizer sums;
        const auto add = [&](const FlowBatch& batch) { return sums.add(batch), Result<>(); };
        MOLE_TRY(const auto report, read_flows(reader, add));
        auto summary = std::move(sums).summary(report, descriptions);
        summary.file = path;
        summary.compression = opened.compression;
        if (auto done = sink(json_text(summary) + "\n"); !done) return done.error();
        // The summary describes damage; stderr explains the exit code of a file without any flows.
        return report.state == task::FileState::unreadable ? outcome_of(path, report) : Outcome{report.state, {}};
      }
      case FlowFormat::none: {
        std::uint64_t selected = 0;
        const auto count = [&](const FlowBatch& batch) { return selected += batch.rows, Result<>(); };
        MOLE_TRY(const auto report, read_flows(reader, count));
        auto outcome = outcome_of(path, report);
        outcome.messages += fmt::format("mole flows: {}: {}\n", path, counts_text(report.flows, selected));
        read_ += report.flows;
        selected_ += selected;
        return outcome;
      }
      case FlowFormat::frames: {
        const auto write = [&](const FlowBatch& batch) -> Result<> {
          MOLE_TRY(const auto frame, flow_frame(options_.columns, options_.addresses, batch));
          return sink(frame);
        };
        MOLE_TRY(const auto report, read_flows(reader, write));
        return outcome_of(path, report);
      }
      case FlowFormat::csv:
      case FlowFormat::ndjson:
        break;
    }
    FlowPrinter printer(sink, options_.format, options_.times, options_.columns);
    MOLE_TRY(const auto report, read_flows(reader, [&](const FlowBatch& batch) { return printer.print(batch); }));
    if (auto done = printer.flush(); !done) return done.error();
    return outcome_of(path, report);
  }

  // Passes the selected flows to `use`.
  Result<task::FileReport> read_flows(FlowReader& reader, const std::function<Result<>(const FlowBatch&)>& use) const {
    FlowSelection selection(options_.filter);
    FlowBatch batch;
    for (;;) {
      MOLE_TRY(auto more, reader.next(batch));
      if (!more) return reader.report();
      selection.apply(batch);
      if (batch.rows == 0) continue;
      if (auto used = use(batch); !used) return used.error();
    }
  }

  std::string counts_text(std::uint64_t read, std::uint64_t selected) const {
    return options_.filter.any() ? flows_text(read) : fmt::format("{} of {} pass the filter", selected, flows_text(read));
  }

  static Outcome outcome_of(const std::string& path, const task::FileReport& report) {
    return {report.state, report.state == task::FileState::sound ? std::string() : damage_text(path, report)};
  }

  const FlowsOptions& options_;
  const Threads threads_;
  const FoundDecoders found_;
  OrderedOutput output_;
  ColumnSet wanted_;
  std::atomic<bool> failed_ = false, damaged_ = false;
  std::atomic<std::uint64_t> files_ = 0, read_ = 0, selected_ = 0;  // read_, selected_: flows, for FlowFormat::none
};

Error too_many_elements() {
  return invalid("more than " + std::to_string(max_columns - MOLE_COLUMN_COUNT) +
                 " information elements in --columns and --filter; name fewer");
}

// Parses "src_addr,bytes", names or aliases; "*" means every flow column that is not named before it. invalid: lists the known
// names.
Result<std::vector<int>> parse_flow_columns(std::string_view text) {
  std::vector<int> columns;
  const auto is_named = [&](int column) { return std::ranges::find(columns, column) != columns.end(); };
  bool all = false;  // "*" was named
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    const auto name = text.substr(at, comma - at);
    at = comma + 1;
    if (name == "*") {
      for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
        if (!is_named(c)) columns.push_back(c);
      all = true;
      continue;
    }
    const int column = flow_column_named(name);
    if (column < 0) {
      std::string names;
      for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) names += (c ? ", " : "") + std::string(flow_column_name(c));
      return invalid("'" + std::string(name) + "' is neither a flow column nor an information element; choose from " + names +
                     ", or name an element of the IANA registry or CERT's list" + nearest_columns(name));
    }
    if (column >= max_columns) return too_many_elements();
    if (!all || !is_named(column)) columns.push_back(column);
  }
  return columns;
}

int print_flows(const FlowsOptions& options) {
  const bool framed = options.format == FlowFormat::frames;
  const auto write = [](const Result<std::string>& bytes) {
    auto done = bytes ? write_all(STDOUT_FILENO, *bytes, "flows") : Result<>(bytes.error());
    if (!done) std::fprintf(stderr, "mole flows: %s\n", done.error().message.c_str());
    return static_cast<bool>(done);
  };
  auto found = find_flow_decoders(options.plugins, options.decoder, options.params);
  if (!found) return std::fprintf(stderr, "mole flows: %s\n", found.error().message.c_str()), 1;
  // An empty frame describes the columns.
  if (!write(framed ? flow_frame(options.columns, options.addresses, {}) : header_of(options.format, options.columns))) return 1;
  const int exit_code = FlowsRun(options, std::move(*found), STDOUT_FILENO).run();
  return !framed || write(last_frame()) ? exit_code : 1;
}

// Reads the names in a file, each ended by a zero byte.
Result<std::vector<std::filesystem::path>> names_in_file(const std::filesystem::path& path) {
  MOLE_TRY(const auto text, read_file(path, std::uint64_t{1} << 30));
  std::vector<std::filesystem::path> names;
  for (std::size_t at = 0; at < text.size(); at += names.back().native().size() + 1) names.emplace_back(text.c_str() + at);
  return names;
}

}  // namespace

int print_flows(int argc, char** argv) {
  CLI::App app("Prints the flows of files", "mole-worker --flows");
  FlowsOptions options;
  std::string columns = "start,end,src_addr,src_port,dst_addr,dst_port,protocol,tcp_flags,packets,bytes", filter, params = "{}";
  std::filesystem::path list;
  const std::map<std::string, FlowFormat> formats{{"csv", FlowFormat::csv},       {"ndjson", FlowFormat::ndjson},
                                                  {"frames", FlowFormat::frames}, {"none", FlowFormat::none},
                                                  {"report", FlowFormat::report}, {"summary", FlowFormat::summary}};
  const std::map<std::string, TimeFormat> times{{"rfc3339", TimeFormat::rfc3339}, {"epoch_ms", TimeFormat::epoch_ms}};
  const std::map<std::string, ExportTime> export_times{{"header", ExportTime::header}, {"flow_end", ExportTime::flow_end}};
  const std::map<std::string, AddressFormat> addresses{{"text", AddressFormat::text}, {"bytes", AddressFormat::bytes}};
  const std::map<std::string, Bzip2Decoder> decoders{{"libbzip2", Bzip2Decoder::libbzip2},
                                                     {"interleaved", Bzip2Decoder::interleaved}};
  auto* const files = app.add_option("files", options.files, "files of an archive");
  app.add_option("--files-from", list, "a file with their names, each ended by a zero byte")->excludes(files);
  app.add_option("--columns", columns, "comma-separated names of columns; * for all flow columns");
  app.add_option("--filter", filter, "only flows that pass this filter");
  app.add_option("--format", options.format, "format of the output")->transform(CLI::CheckedTransformer(formats));
  app.add_option("--time-format", options.times, "format of times in csv and ndjson")->transform(CLI::CheckedTransformer(times));
  app.add_option("--address-format", options.addresses, "format of addresses in frames")
      ->transform(CLI::CheckedTransformer(addresses));
  app.add_option("--threads", options.threads, "number of threads")->check(CLI::Range(1, 4096));
  app.add_option("--plugins", options.plugins, "folder of plugins that is searched first; repeatable")->allow_extra_args(false);
  app.add_option("--decode", options.decode, "decoder of bzip2 blocks")->transform(CLI::CheckedTransformer(decoders));
  app.add_option("--max-content", options.max_content, "bytes of the decompressed content of a file");
  app.add_option("--export-time", options.export_time, "what a report uses as the export times of flows")
      ->transform(CLI::CheckedTransformer(export_times));
  app.add_option("--decoder", options.decoder, "name of the decoder plugin");
  app.add_option("--decoder-params", params, "JSON object of its parameters");
  int exit_code = 0;
  if (!parse(app, argc, argv, exit_code)) return exit_code;
  const auto wrong = [](const Error& error) { return std::fprintf(stderr, "mole flows: %s\n", error.message.c_str()), 2; };
  options.params = nlohmann::json::parse(params, nullptr, false);
  if (options.params.is_discarded()) return wrong(invalid("--decoder-params is not JSON"));
  auto parsed = parse_flow_columns(columns);
  if (!parsed) return wrong(parsed.error());
  options.columns = std::move(*parsed);
  auto selection = flow_filter(filter);
  if (!selection) return wrong(selection.error());
  options.filter = std::move(*selection);
  if (std::ranges::any_of(options.filter.columns(), [](int column) { return column >= max_columns; }))
    return wrong(too_many_elements());
  if (!list.empty()) {
    auto names = names_in_file(list);
    if (!names) return wrong(names.error());
    options.files = std::move(*names);
  }
  if (options.files.empty()) return wrong(invalid("no files are given"));
  return print_flows(options);
}

}  // namespace mole::nodes
