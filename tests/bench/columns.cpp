// mole-bench-columns FILE [--threads N]
//
// Measures the column file of one NetFlow v5 file (bzip2). Prints one line of JSON with sizes and nanoseconds per flow for
// decoding the archive's file, writing the column file, and reading it (all columns; two addresses). `./dev bench columns` uses
// the sizes; it measures times with mole-bench-pass.
#include "plugins/decoders/netflow5/netflow5.hpp"
#include "runtime/decode/column_file.hpp"
#include "runtime/decode/column_reader.hpp"
#include "runtime/decode/flow_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using namespace mole;
using namespace mole::runtime;
using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "mole-bench-columns: %s\n", message.c_str());
  std::exit(1);
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Returns the seconds to read all batches.
double drain(FlowSource& source) {
  FlowBatch batch;
  const auto begin = Clock::now();
  while (true) {
    auto more = source.next(batch);
    if (!more) fail(more.error().message);
    if (!*more) return seconds_since(begin);
  }
}

FlowReader decoder_of(const std::string& path, unsigned threads) {
  auto content = open_content(path, {.threads = threads});
  if (!content) fail(content.error().message);
  return FlowReader({}, std::move(*content), &mole::detail::Glue<mole::Kind::decoder>::vtable<mole::plugins::NetFlow5>, nullptr,
                    column_file::stored_columns(), 0);
}

double read_back(const std::string& path, ColumnSet wanted, unsigned threads) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    auto reader = ColumnFileReader::open(path, {}, {wanted, 0, threads});
    if (!reader) fail(reader.error().message);
    best = std::min(best, drain(**reader));
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  std::string file;
  unsigned threads = 1;
  const ColumnSet addresses = ColumnSet().set(MOLE_COLUMN_SRC_ADDR).set(MOLE_COLUMN_DST_ADDR);
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--threads" && i + 1 < argc)
      threads = static_cast<unsigned>(std::max(1, std::atoi(argv[++i])));
    else
      file = word;
  }
  if (file.empty()) fail("usage: mole-bench-columns FILE [--threads N]");
  auto decoder = decoder_of(file, threads);
  const std::string path =
      (std::filesystem::temp_directory_path() / ("mole-bench-columns." + std::to_string(::getpid()))).string();
  std::ofstream out(path, std::ios::binary);
  ColumnFileWriter writer({}, column_file::stored_columns(), [&](std::string_view bytes) -> Result<> {
    return out.write(bytes.data(), static_cast<std::streamsize>(bytes.size())) ? Result<>() : transient("cannot write " + path);
  });
  FlowBatch batch;
  double decode = 0, encode = 0;
  while (true) {
    auto begin = Clock::now();
    auto more = decoder.next(batch);
    decode += seconds_since(begin);
    if (!more) fail(more.error().message);
    begin = Clock::now();
    const auto written = *more ? writer.add(batch) : writer.finish(decoder.report(), decoder.evidence(), decoder.presence());
    encode += seconds_since(begin);
    if (!written) fail(written.error().message);
    if (!*more) break;
  }
  out.close();
  const double all = read_back(path, column_file::stored_columns(), threads), few = read_back(path, addresses, threads);
  std::filesystem::remove(path);
  const double ns = 1e9 / static_cast<double>(std::max<std::uint64_t>(1, decoder.flows()));
  std::printf(
      "{\"flows\": %llu, \"stored_bytes\": %llu, \"column_bytes\": %llu, \"decode_ns\": %.1f, \"encode_ns\": %.1f, \"read_ns\": "
      "%.1f, "
      "\"read_two_ns\": %.1f}\n",
      static_cast<unsigned long long>(decoder.flows()), static_cast<unsigned long long>(decoder.stored_bytes()),
      static_cast<unsigned long long>(writer.bytes()), decode * ns, encode * ns, all * ns, few * ns);
}
