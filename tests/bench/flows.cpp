// mole-bench-flows FILE --decoder netflow5|netflow9|ipfix|nfcapd [--repeat N] [--memory]
//
// Decodes a file of flows with one thread and prints one line of JSON: flows, seconds of the fastest repetition. The columns are
// those of NetFlow v5, which all formats have. --memory: the file is read before the time is taken. `./dev bench formats`
// compares it with nfdump.
#include "plugins/decoders/ipfix/ipfix.hpp"
#include "plugins/decoders/netflow5/netflow5.hpp"
#include "plugins/decoders/netflow9/netflow9.hpp"
#include "plugins/decoders/nfcapd/nfcapd.hpp"
#include "runtime/decode/flow_reader.hpp"
#include "sdk/model/durable_file.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

namespace {

using namespace mole;
using namespace mole::runtime;

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "mole-bench-flows: %s\n", message.c_str());
  std::exit(1);
}

struct Format {
  const mole_decoder_v1* decoder;
  std::uint32_t params;  // 1: what to do with biflows
};

template <class Decoder>
constexpr const mole_decoder_v1* table = &mole::detail::Glue<mole::Kind::decoder>::vtable<Decoder>;

const std::map<std::string, Format> formats{{"netflow5", {table<plugins::NetFlow5>, 0}},
                                            {"netflow9", {table<plugins::NetFlow9>, 1}},
                                            {"ipfix", {table<plugins::Ipfix>, 1}},
                                            {"nfcapd", {table<plugins::Nfcapd>, 0}}};

mole_module* open_decoder(const Format& format) {
  char text[256];
  mole_error error{text, sizeof text, 0};
  mole_value biflows{MOLE_TYPE_TEXT, 0, {}};
  biflows.as.text = {"keep", 4};
  mole_module* module = nullptr;
  if (format.decoder->open(nullptr, &biflows, format.params, &module, &error) != MOLE_OK) fail(std::string(text, error.size));
  return module;
}

class MemorySource final : public ContentSource {
 public:
  explicit MemorySource(const std::string& content) : ContentSource(content.size()), content_(content) {}
  Result<std::optional<Chunk>> next() override {
    constexpr std::size_t size = 1 << 20;  // as a plain file is read
    const auto n = std::min(size, content_.size() - at_);
    if (n == 0) return std::optional<Chunk>();
    Chunk chunk;
    chunk.bytes = {reinterpret_cast<const std::uint8_t*>(content_.data()) + at_, n};
    chunk.offset = at_;
    at_ += n;
    content_bytes_ = at_;
    return std::optional(chunk);
  }

 private:
  const std::string& content_;
  std::size_t at_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::string file, name;
  int repeat = 1;
  bool memory = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--decoder" && i + 1 < argc)
      name = argv[++i];
    else if (word == "--repeat" && i + 1 < argc)
      repeat = std::max(1, std::atoi(argv[++i]));
    else if (word == "--memory")
      memory = true;
    else
      file = word;
  }
  const auto format = formats.find(name);
  if (file.empty() || format == formats.end())
    fail("usage: mole-bench-flows FILE --decoder netflow5|netflow9|ipfix|nfcapd [--repeat N] [--memory]");
  ColumnSet columns;
  for (std::size_t column = 0; column <= MOLE_COLUMN_SAMPLING; ++column) columns.set(column);
  std::string content;
  if (memory) {
    auto bytes = read_file(file);
    if (!bytes) fail(bytes.error().message);
    content = std::move(*bytes);
  }
  mole_module* module = open_decoder(format->second);  // until the program ends
  double best = 1e9;
  std::uint64_t flows = 0;
  for (int i = 0; i < repeat; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    std::unique_ptr<ContentSource> source = std::make_unique<MemorySource>(content);
    if (!memory) {
      auto opened = open_content(file, {.threads = 1});
      if (!opened) fail(opened.error().message);
      source = std::move(*opened);
    }
    FlowReader reader({}, std::move(source), format->second.decoder, module, columns, 0);
    FlowBatch batch;
    while (true) {
      const auto more = reader.next(batch);
      if (!more) fail(more.error().message);
      if (!*more) break;
    }
    flows = reader.flows();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::printf("{\"flows\": %llu, \"seconds\": %.6f}\n", static_cast<unsigned long long>(flows), best);
  return 0;
}
