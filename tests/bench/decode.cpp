// mole-bench-decode FILE... [--threads N] [--decode libbzip2|interleaved] [--parallel] [--scan-only]
//
// Decompresses files with the content source of runtime/decode and prints one line of JSON: content bytes, stored bytes,
// segments, seconds. --threads: threads per file; --parallel: all files at once with one thread each, as on a node;
// --scan-only: only finds the block magics. `./dev bench` compares it with lbzip2.
#include "runtime/decode/content_source.hpp"
#include "runtime/decode/segment_scanner.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace mole::runtime;

struct Total {
  std::atomic<std::uint64_t> content{0}, stored{0}, segments{0};
};

[[noreturn]] void fail(const mole::Error& error) {
  std::fprintf(stderr, "mole-bench-decode: %s\n", error.message.c_str());
  std::exit(1);
}

void decode(const std::string& path, const ContentOptions& options, Total& total) {
  auto source = open_content(path, options);
  if (!source) fail(source.error());
  while (true) {
    auto chunk = (*source)->next();
    if (!chunk) fail(chunk.error());
    if (!*chunk) break;
  }
  if (!(*source)->sound()) fail(mole::corrupt(path + " is damaged: " + (*source)->lost().front().reason));
  total.content += (*source)->content_bytes();
  total.stored += (*source)->stored_bytes();
}

void scan(const std::string& path, Total& total) {
  auto file = FileBytes::open(path);
  if (!file) fail(file.error());
  total.stored += file->size();
  SegmentScanner scanner(std::move(*file));
  Segment segment;
  while (true) {
    auto more = scanner.next(segment);
    if (!more) fail(more.error());
    if (!*more) break;
    ++total.segments;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files;
  ContentOptions options;
  bool parallel = false, scan_only = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--threads" && i + 1 < argc)
      options.threads = static_cast<unsigned>(std::max(1, std::atoi(argv[++i])));
    else if (argument == "--decode" && i + 1 < argc)
      options.decode = mole::from_name<mole::Bzip2Decoder>(argv[++i]).value_or(options.decode);
    else if (argument == "--parallel")
      parallel = true;
    else if (argument == "--scan-only")
      scan_only = true;
    else
      files.push_back(argument);
  }
  if (files.empty() || files.front().starts_with("--")) {
    std::fprintf(stderr, "usage: mole-bench-decode FILE... [--threads N] [--decode NAME] [--parallel] [--scan-only]\n");
    return 2;
  }
  Total total;
  const auto begin = std::chrono::steady_clock::now();
  if (parallel) {
    std::vector<std::jthread> workers;
    options.threads = 1;
    for (const auto& file : files) workers.emplace_back([&, file] { decode(file, options, total); });
  } else {
    for (const auto& file : files) scan_only ? scan(file, total) : decode(file, options, total);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("{\"content_bytes\":%llu,\"stored_bytes\":%llu,\"segments\":%llu,\"seconds\":%.6f}\n",
              static_cast<unsigned long long>(total.content), static_cast<unsigned long long>(total.stored),
              static_cast<unsigned long long>(total.segments), seconds);
  return 0;
}
