#include "runtime/decode/bzip2_writer.hpp"

#include <bzlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace mole::runtime {

struct Bzip2Writer::Stream {
  bz_stream bz{};
  std::array<char, 65536> out;

  ~Stream() { BZ2_bzCompressEnd(&bz); }
};

Bzip2Writer::Bzip2Writer(Sink sink, int level) : sink_(std::move(sink)), stream_(std::make_unique<Stream>()) {
  if (BZ2_bzCompressInit(&stream_->bz, std::clamp(level, 1, 9), 0, 0) != BZ_OK) throw std::bad_alloc();
}

Bzip2Writer::~Bzip2Writer() = default;

Result<> Bzip2Writer::run(std::string_view bytes, int action) {
  auto& bz = stream_->bz;
  bz.next_in = const_cast<char*>(bytes.data());  // libbzip2 only reads it
  bz.avail_in = static_cast<unsigned>(bytes.size());
  while (true) {
    bz.next_out = stream_->out.data();
    bz.avail_out = static_cast<unsigned>(stream_->out.size());
    const int code = BZ2_bzCompress(&bz, action);
    if (code < 0)
      return internal("bzip2 compression failed with code " + std::to_string(code) + "; the writer was used after finish()");
    const std::string_view made(stream_->out.data(), stream_->out.size() - bz.avail_out);
    if (!made.empty())
      if (auto sent = sink_(made); !sent) return sent;
    if (action == BZ_RUN ? bz.avail_in == 0 : code == BZ_STREAM_END) return {};
  }
}

Result<> Bzip2Writer::write(std::string_view bytes) {
  constexpr std::size_t most = std::numeric_limits<int>::max();
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, most);
    if (auto done = run(piece, BZ_RUN); !done) return done;
    bytes.remove_prefix(piece.size());
  }
  return {};
}

Result<> Bzip2Writer::finish() { return run({}, BZ_FINISH); }

std::string bzip2_compress(std::string_view bytes, int level) {
  std::string out;
  Bzip2Writer writer(
      [&out](std::string_view made) -> Result<> {
        out.append(made);
        return {};
      },
      level);
  auto done = writer.write(bytes);
  if (done) done = writer.finish();
  return out;
}

}  // namespace mole::runtime
