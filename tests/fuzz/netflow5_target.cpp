#include "tests/decode/support.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <cstdlib>

namespace mole::runtime::test {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Returns the bytes in chunks; the bytes themselves determine lengths and gaps. Each chunk is a separate copy, so a sanitizer
// detects reads past its end or after the next call.
class ChunkedSource final : public ContentSource {
 public:
  ChunkedSource(const std::uint8_t* data, std::size_t size) : ContentSource(size), data_(data), size_(size) {}

  Result<std::optional<Chunk>> next() override {
    chunk_.reset();
    if (at_ == size_) return std::optional<Chunk>();
    const std::uint8_t choice = data_[at_];
    const std::size_t length = std::min<std::size_t>(size_ - at_, 1 + std::size_t{choice} * (choice % 3 == 0 ? 1 : 40));
    chunk_ = std::make_unique<std::uint8_t[]>(length);
    std::copy_n(data_ + at_, length, chunk_.get());
    const Chunk chunk{{chunk_.get(), length}, at_, choice % 7 == 0};
    at_ += length;
    content_bytes_ = at_;
    return std::optional(chunk);
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
  std::unique_ptr<std::uint8_t[]> chunk_;
};

}  // namespace

void fuzz_netflow5(const std::uint8_t* data, std::size_t size) {
  (void)netflow5().recognises(data, std::min<std::size_t>(size, 4096));
  FlowReader reader(task::File{}, std::make_unique<ChunkedSource>(data, size), &netflow5(), nullptr, ColumnSet().set(), 1);
  FlowBatch batch;
  std::uint64_t rows = 0;
  while (true) {
    auto more = reader.next(batch);
    require(bool(more));
    if (!*more) break;
    require(batch.rows > 0 && batch.rows <= batch_rows && batch.first_record == rows);
    rows += batch.rows;
  }
  const auto report = reader.report();
  require(report.flows == rows && report.content_bytes == size);
  std::uint64_t lost = 0;
  for (const auto& range : report.lost_content) {
    require(range.from <= range.to && range.to <= size);
    lost += range.to - range.from;
  }
  if (report.lost_content.size() < 1024) require(report.datagrams * 24 + rows * 48 + lost == size);
}

}  // namespace mole::runtime::test
