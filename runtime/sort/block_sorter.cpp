#include "runtime/sort/block_sorter.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <span>
#include <utility>

namespace mole::runtime {
namespace {

constexpr Micros bucket_length = minute_us;
constexpr std::size_t max_buckets = 60 * 24 * 400;  // more than a year of minutes
constexpr std::size_t read_size = std::size_t{256} << 10;
constexpr std::size_t max_element_bytes = std::size_t{16} << 20;  // of the rows of a batch, unless it has one row
constexpr std::size_t max_growth = 8;                             // a value needs at most this times its bytes in a packed row

}  // namespace

// A sorted run: `rows` in memory, then `left` more bytes from `at` in the scratch file.
struct BlockSorter::Run {
  const RowLayout* layout;
  std::vector<std::byte> rows;
  std::uint64_t at = 0, left = 0;
  std::size_t position = 0, size = 0;  // of the current row in `rows`
  FlowKey key{};                       // of the current row

  const std::byte* row() const { return rows.data() + position; }
};

struct BlockSorter::Rows {
  struct SpilledRange {
    std::uint64_t at, size;
  };
  std::vector<std::byte> bytes;
  std::vector<SpilledRange> spilled;

  void sort(const RowLayout& layout);
};

struct BlockSorter::Bucket {
  std::array<Rows, 2> families;

  std::size_t held() const { return families[0].bytes.size() + families[1].bytes.size(); }
};

// Sorts keys with positions, then moves each row once.
void BlockSorter::Rows::sort(const RowLayout& layout) {
  std::vector<std::pair<FlowKey, std::size_t>> order;
  order.reserve(bytes.size() / layout.min_size());
  for (std::size_t at = 0; at < bytes.size(); at += layout.size(bytes.data() + at))
    order.emplace_back(RowLayout::key(bytes.data() + at), at);
  if (std::is_sorted(order.begin(), order.end())) return;
  std::sort(order.begin(), order.end());
  std::vector<std::byte> sorted(bytes.size());
  std::byte* to = sorted.data();
  for (const auto& [key, at] : order) {
    const std::size_t size = layout.size(bytes.data() + at);
    std::memcpy(to, bytes.data() + at, size);
    to += size;
  }
  bytes = std::move(sorted);
}

BlockSorter::BlockSorter(const SortOptions& options)
    : options_(options), layouts_{RowLayout(options.columns, 4), RowLayout(options.columns, 6)}, elements_(options.columns) {
  const Micros length = std::max<Micros>(0, options_.range.to - options_.range.from);
  const auto minutes = static_cast<std::size_t>(length / bucket_length) + 1;
  buckets_.resize(std::min(minutes, max_buckets) + 2);  // one before the range, one after it
}

BlockSorter::~BlockSorter() = default;

std::size_t BlockSorter::bucket_of(std::int64_t start) const {
  if (start < options_.range.from) return 0;
  const auto since = static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(options_.range.from);  // may exceed an int64
  const std::uint64_t minute = since / static_cast<std::uint64_t>(bucket_length);
  return std::min<std::uint64_t>(minute + 1, buckets_.size() - 1);
}

Result<> BlockSorter::add(const FlowBatch& batch, std::uint32_t file, const std::uint32_t* slot_of_row) {
  const std::size_t family = batch.address_family == 6 ? 1 : 0;
  const RowLayout& layout = layouts_[family];
  const auto starts = batch.column<std::int64_t>(MOLE_COLUMN_START);
  for (std::uint32_t row = 0; row < batch.rows; ++row) {
    const std::uint32_t slot = slot_of_row ? slot_of_row[row] : 0;
    if (slot == MOLE_NO_STATE) continue;
    Rows& bucket = buckets_[bucket_of(starts[row])].families[family];
    const std::size_t capacity = bucket.bytes.capacity();
    layout.pack(batch, row, {starts[row], file, batch.first_record + row}, slot, bucket.bytes);
    held_ += bucket.bytes.capacity() - capacity;
    // Sorting a bucket needs as much memory again, so a bucket must be small compared with the limit.
    if (bucket.bytes.size() > options_.memory / 8)
      if (auto done = spill(bucket, layout); !done) return done;
    if (held_ > options_.memory)  // not only after the batch: its elements may need more
      if (auto done = spill_largest(); !done) return done;
  }
  return {};
}

// Frees half of the memory, largest buckets first, so that the runs are few and long.
Result<> BlockSorter::spill_largest() {
  std::vector<std::size_t> order(buckets_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) { return buckets_[a].held() > buckets_[b].held(); });
  for (const std::size_t b : order) {
    if (held_ <= options_.memory / 2) break;
    for (const std::size_t family : {0, 1})
      if (auto done = spill(buckets_[b].families[family], layouts_[family]); !done) return done;
  }
  return {};
}

Result<> BlockSorter::spill(Rows& rows, const RowLayout& layout) {
  if (rows.bytes.empty()) return {};
  if (!scratch_) {
    MOLE_TRY(auto created, ScratchFile::create(options_.scratch, "flows"));
    scratch_.emplace(std::move(created));
  }
  held_ -= rows.bytes.capacity();
  rows.sort(layout);
  MOLE_TRY(auto at, scratch_->append({reinterpret_cast<const char*>(rows.bytes.data()), rows.bytes.size()}));
  rows.spilled.push_back({at, rows.bytes.size()});
  spilled_ += rows.bytes.size();
  rows.bytes = {};  // frees the memory
  return {};
}

// ---- reading back

namespace {

struct LaterKey {
  template <class Run>
  bool operator()(const Run& a, const Run& b) const {
    return b->key < a->key;
  }
};

}  // namespace

// Replaces the rows of the run before the current position by more rows from the scratch file, so that `needed` bytes follow it.
Result<> BlockSorter::read_more(Run& run, std::size_t needed) {
  run.rows.erase(run.rows.begin(), run.rows.begin() + static_cast<std::ptrdiff_t>(run.position));
  run.position = 0;
  const std::size_t kept = run.rows.size();
  const std::uint64_t size = std::min<std::uint64_t>(run.left, std::max(read_size, needed) - kept);
  if (kept + size < needed) return internal("a row is cut short in the scratch file; report this");
  run.rows.resize(kept + size);
  if (auto done = scratch_->read(run.at, std::span(run.rows).subspan(kept)); !done) return done;
  run.at += size;
  run.left -= size;
  return {};
}

// Moves to the next row of the run, reading from the scratch file if necessary. Returns false if there is none.
Result<bool> BlockSorter::advance(Run& run) {
  run.position += run.size;
  if (run.position == run.rows.size() && run.left == 0) return false;
  for (std::size_t needed = run.layout->min_size();; needed = run.size) {
    if (run.rows.size() - run.position < needed)
      if (auto read = read_more(run, needed); !read) return read.error();
    run.size = run.layout->size(run.row());
    if (run.rows.size() - run.position >= run.size) break;
  }
  run.key = RowLayout::key(run.row());
  return true;
}

// Opens the runs of the next bucket that has any. Returns false if there is none.
Result<bool> BlockSorter::open_bucket() {
  heap_.clear();
  for (; heap_.empty() && next_bucket_ < buckets_.size(); ++next_bucket_) {
    Bucket& bucket = buckets_[next_bucket_];
    for (const std::size_t family : {0, 1}) {
      Rows& rows = bucket.families[family];
      const RowLayout& layout = layouts_[family];
      for (const auto& spilled : rows.spilled) {
        heap_.push_back(std::make_unique<Run>(Run{&layout, {}, spilled.at, spilled.size}));
        if (auto begun = advance(*heap_.back()); !begun) return begun.error();
      }
      if (rows.bytes.empty()) continue;
      rows.sort(layout);
      heap_.push_back(std::make_unique<Run>(Run{&layout, std::move(rows.bytes)}));
      if (auto begun = advance(*heap_.back()); !begun) return begun.error();
    }
    bucket = {};
  }
  std::make_heap(heap_.begin(), heap_.end(), LaterKey());
  return !heap_.empty();
}

Result<bool> BlockSorter::next(FlowBatch& batch) {
  if (!out_) {
    out_.emplace(options_.columns);
    slots_.resize(batch_rows);
  }
  batch = {};
  batch.columns = out_->view();
  elements_.clear();
  while (batch.rows < batch_rows) {
    if (heap_.empty()) {
      MOLE_TRY(auto opened, open_bucket());
      if (!opened) break;
    }
    Run& run = *heap_.front();
    if (batch.rows > 0 &&
        (run.layout->address_family() != batch.address_family || elements_.bytes() + max_growth * run.size > max_element_bytes))
      break;
    batch.address_family = run.layout->address_family();
    slots_[batch.rows] = RowLayout::slot(run.row());
    if (auto unpacked = run.layout->unpack(run.row(), out_->columns(), elements_, batch.rows++); !unpacked)
      return unpacked.error();
    std::pop_heap(heap_.begin(), heap_.end(), LaterKey());
    MOLE_TRY(auto more, advance(*heap_.back()));
    if (more)
      std::push_heap(heap_.begin(), heap_.end(), LaterKey());
    else
      heap_.pop_back();
  }
  elements_.finish(batch);
  return batch.rows > 0;
}

}  // namespace mole::runtime
