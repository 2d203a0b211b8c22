#include "nodes/worker/flow_output.hpp"
#include "nodes/worker/modes.hpp"
#include "runtime/decode/content_source.hpp"
#include "runtime/decode/flow_reader.hpp"
#include "runtime/host/stream_modules.hpp"
#include "sdk/descriptor/sidecar.hpp"
#include "sdk/model/flow_columns.hpp"
#include "sdk/model/program.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>

namespace mole::nodes {
namespace {

using namespace mole::runtime;

struct FlowsOptions {
  std::vector<std::filesystem::path> files;
  std::vector<int> columns;  // MOLE_COLUMN_*, in output order
  FlowFormat format = FlowFormat::csv;
  TimeFormat times = TimeFormat::rfc3339;
  unsigned threads = 1;
  std::vector<std::filesystem::path> plugins;  // searched before all other folders, in this order
  Bzip2Decoder decode = Bzip2Decoder::interleaved;
  std::uint64_t max_content = task::default_max_content;
  std::string decoder;  // empty: the one that recognises the file
};

// Opens each decoder once, when it is first needed.
class Decoders {
 public:
  explicit Decoders(const std::vector<std::filesystem::path>& folders)
      : catalogue_(PluginCatalogue::load(plugin_folders(folders))), record_(CallRecord::in_memory()) {}

  Result<const DecoderModule*> named(const std::string& name) {
    MOLE_TRY(auto found, catalogue_.find(PluginKind::decoder, name));
    return open(*found);
  }

  // Returns the first decoder, by name, that recognises the file, or the only installed one.
  Result<const DecoderModule*> for_file(const std::filesystem::path& path) {
    std::vector<const CataloguedPlugin*> all;
    for (const auto* plugin : catalogue_.all())
      if (plugin->descriptor.kind == PluginKind::decoder) all.push_back(plugin);
    if (all.empty())
      return missing("no decoder plugin is installed; set MOLE_PLUGIN_PATH or --plugins to a folder with decoders");
    MOLE_TRY(auto head, head_of(path));
    for (const auto* plugin : all) {
      auto decoder = open(*plugin);
      if (!decoder) return decoder;
      if ((*decoder)->vtable()->recognises(reinterpret_cast<const std::uint8_t*>(head.data()), head.size()) == 1) return decoder;
    }
    if (all.size() == 1 || head.empty()) return open(*all.front());  // the start may be damaged, or all of it
    return invalid(path.string() + ": no installed decoder recognises it; name one with --decoder");
  }

 private:
  static Result<std::string> head_of(const std::filesystem::path& path) {
    MOLE_TRY(auto content, open_content(path));
    std::string head;
    while (head.size() < 4096) {
      MOLE_TRY(auto chunk, content->next());
      if (!chunk || (chunk->gap && !head.empty())) break;
      const auto bytes = chunk->bytes;
      head.append(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 4096 - head.size()));
    }
    return head;
  }

  Result<const DecoderModule*> open(const CataloguedPlugin& plugin) {
    auto& opened = opened_[plugin.descriptor.name];
    if (!opened) {
      const PluginSet plugins({plugin.library.parent_path()}, *record_);
      task::PluginUse use{plugin.descriptor.name, plugin.descriptor.version, plugin.sidecar.digest, plugin.sidecar.text,
                          nlohmann::json::object()};
      MOLE_TRY(auto module, DecoderModule::open(plugins, use));
      opened = std::move(module);
    }
    return opened.get();
  }

  PluginCatalogue catalogue_;
  std::unique_ptr<CallRecord> record_;
  std::map<std::string, std::unique_ptr<DecoderModule>> opened_;
};

void print_damage(const std::filesystem::path& path, const task::FileReport& report) {
  std::fprintf(stderr, "mole flows: %s is %s: %llu flows read\n", path.c_str(), name_of(report.state),
               static_cast<unsigned long long>(report.flows));
  const auto print = [](const char* what, const std::vector<task::ByteRange>& ranges) {
    for (const auto& r : ranges)
      std::fprintf(stderr, "  %s bytes %llu-%llu: %s\n", what, static_cast<unsigned long long>(r.from),
                   static_cast<unsigned long long>(r.to), r.reason.c_str());
  };
  print("stored", report.lost_compressed);
  print("content", report.lost_content);
}

using FlowSink = std::function<Result<>(const FlowBatch&)>;

// Passes the flows of one file to `sink`; returns the state of the file.
Result<task::FileState> print_file(const std::filesystem::path& path, const FlowsOptions& options, Decoders& decoders,
                                   const FlowSink& sink) {
  MOLE_TRY(auto decoder, options.decoder.empty() ? decoders.for_file(path) : decoders.named(options.decoder));
  MOLE_TRY(auto content,
           open_content(path, {.threads = options.threads, .decode = options.decode, .max_content = options.max_content}));
  ColumnSet wanted;
  const bool report_only = options.format == FlowFormat::report;
  if (report_only)
    wanted.set(MOLE_COLUMN_START).set(MOLE_COLUMN_END);
  else if (options.format != FlowFormat::none)
    for (const int c : options.columns) wanted.set(static_cast<std::size_t>(c));
  task::File file;
  file.id = path.string();
  FlowReader reader(file, std::move(content), decoder->vtable(), decoder->module(), wanted, 0);
  if (report_only) reader.measure_delays();
  FlowBatch batch;
  while (true) {
    MOLE_TRY(auto more, reader.next(batch));
    if (!more) break;
    if (report_only) continue;
    if (auto written = sink(batch); !written) return written.error();
  }
  const auto report = reader.report();
  if (report_only) {
    if (auto done = write_all(STDOUT_FILENO, json_text(report) + "\n", "the report"); !done) return done.error();
    return report.state;
  }
  if (report.state != task::FileState::sound) print_damage(path, report);
  if (options.format == FlowFormat::none)
    std::fprintf(stderr, "mole flows: %s: %llu flows\n", path.c_str(), static_cast<unsigned long long>(report.flows));
  return report.state;
}

// Parses "src_addr,bytes", names or aliases; "*" means every column. invalid: lists the known names.
Result<std::vector<int>> parse_flow_columns(std::string_view text) {
  std::vector<int> columns;
  if (text == "*") {
    for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) columns.push_back(c);
    return columns;
  }
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    const auto name = text.substr(at, comma - at);
    const int column = flow_column_named(name);
    if (column < 0) {
      std::string names;
      for (int c = 0; c < MOLE_COLUMN_COUNT; ++c) names += (c ? ", " : "") + std::string(flow_column_name(c));
      return invalid("'" + std::string(name) + "' is not a flow column; choose from " + names);
    }
    columns.push_back(column);
    at = comma + 1;
  }
  return columns;
}

int print_flows(const FlowsOptions& options) {
  Decoders decoders(options.plugins);
  FlowPrinter printer(STDOUT_FILENO, options.format, options.times, options.columns);
  const bool framed = options.format == FlowFormat::frames;
  const auto succeeded = [](const Result<>& done) {
    if (!done) std::fprintf(stderr, "mole flows: %s\n", done.error().message.c_str());
    return static_cast<bool>(done);
  };
  const FlowSink sink = [&](const FlowBatch& batch) {
    return framed ? write_flow_frame(STDOUT_FILENO, options.columns, batch) : printer.print(batch);
  };
  if (!framed) printer.header();
  if (framed && !succeeded(sink({}))) return 1;  // an empty frame describes the columns
  int exit_code = 0;
  for (const auto& path : options.files) {
    auto state = print_file(path, options, decoders, sink);
    if (!state) std::fprintf(stderr, "mole flows: %s\n", state.error().message.c_str());
    if (!state || *state == task::FileState::unreadable)
      exit_code = 1;
    else if (*state != task::FileState::sound && exit_code == 0)
      exit_code = 3;
  }
  return succeeded(framed ? write_last_frame(STDOUT_FILENO) : printer.flush()) ? exit_code : 1;
}

}  // namespace

int print_flows(int argc, char** argv) {
  CLI::App app("Prints the flows of files", "mole-worker --flows");
  FlowsOptions options;
  std::string columns = "start,end,src_addr,src_port,dst_addr,dst_port,protocol,tcp_flags,packets,bytes";
  const std::map<std::string, FlowFormat> formats{{"csv", FlowFormat::csv},
                                                  {"ndjson", FlowFormat::ndjson},
                                                  {"frames", FlowFormat::frames},
                                                  {"none", FlowFormat::none},
                                                  {"report", FlowFormat::report}};
  const std::map<std::string, TimeFormat> times{{"rfc3339", TimeFormat::rfc3339}, {"epoch_ms", TimeFormat::epoch_ms}};
  const std::map<std::string, Bzip2Decoder> decoders{{"libbzip2", Bzip2Decoder::libbzip2},
                                                     {"interleaved", Bzip2Decoder::interleaved}};
  app.add_option("files", options.files, "files of an archive")->required();
  app.add_option("--columns", columns, "comma-separated names of columns, or *");
  app.add_option("--format", options.format, "format of the output")->transform(CLI::CheckedTransformer(formats));
  app.add_option("--time-format", options.times, "format of times in csv and ndjson")->transform(CLI::CheckedTransformer(times));
  app.add_option("--threads", options.threads, "number of threads")->check(CLI::Range(1, 4096));
  app.add_option("--plugins", options.plugins, "folder of plugins that is searched first; repeatable")->allow_extra_args(false);
  app.add_option("--decode", options.decode, "decoder of bzip2 blocks")->transform(CLI::CheckedTransformer(decoders));
  app.add_option("--max-content", options.max_content, "bytes of the decompressed content of a file");
  app.add_option("--decoder", options.decoder, "name of the decoder plugin");
  int exit_code = 0;
  if (!parse(app, argc, argv, exit_code)) return exit_code;
  auto parsed = parse_flow_columns(columns);
  if (!parsed) return std::fprintf(stderr, "mole-worker: %s\n", parsed.error().message.c_str()), 2;
  options.columns = std::move(*parsed);
  return print_flows(options);
}

}  // namespace mole::nodes
