#include "runtime/sort/block_sorter.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <utility>

namespace mole::runtime {
namespace {

constexpr Micros bucket_length = minute_us;
constexpr std::size_t max_buckets = 60 * 24 * 400;  // more than a year of minutes
constexpr std::size_t read_size = std::size_t{256} << 10;

}  // namespace

// A sorted run: `rows` in memory, then `left` more rows from `at` in the scratch file.
struct BlockSorter::Run {
  const RowLayout* layout;
  std::vector<std::byte> rows;
  std::size_t position = 0;  // byte of the current row
  std::uint64_t at = 0, left = 0;
  FlowKey key;  // of the current row
};

struct BlockSorter::Rows {
  struct SpilledRange {
    std::uint64_t at, count;
  };
  std::vector<std::byte> bytes;
  std::vector<SpilledRange> spilled;

  void sort(std::size_t row_size);
};

struct BlockSorter::Bucket {
  std::array<Rows, 2> families;

  std::size_t held() const { return families[0].bytes.size() + families[1].bytes.size(); }
};

// Sorts keys with positions, then moves each row once.
void BlockSorter::Rows::sort(std::size_t row_size) {
  std::vector<std::pair<FlowKey, std::size_t>> order;
  order.reserve(bytes.size() / row_size);
  for (std::size_t at = 0; at < bytes.size(); at += row_size) order.emplace_back(RowLayout::key(bytes.data() + at), at);
  if (std::is_sorted(order.begin(), order.end())) return;
  std::sort(order.begin(), order.end());
  std::vector<std::byte> sorted(bytes.size());
  std::byte* to = sorted.data();
  for (const auto& [key, at] : order) {
    std::memcpy(to, bytes.data() + at, row_size);
    to += row_size;
  }
  bytes = std::move(sorted);
}

BlockSorter::BlockSorter(const SortOptions& options)
    : options_(options), layouts_{RowLayout(options.columns, 4), RowLayout(options.columns, 6)} {
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
    const std::size_t at = bucket.bytes.size(), capacity = bucket.bytes.capacity();
    bucket.bytes.resize(at + layout.row_size());
    held_ += bucket.bytes.capacity() - capacity;
    layout.pack(batch, row, {starts[row], file, batch.first_record + row}, slot, bucket.bytes.data() + at);
    // Sorting a bucket needs as much memory again, so a bucket must be small compared with the limit.
    if (bucket.bytes.size() > options_.memory / 8)
      if (auto done = spill(bucket, layout.row_size()); !done) return done;
  }
  return held_ > options_.memory ? spill_largest() : Result<>();
}

// Frees half of the memory, largest buckets first, so that the runs are few and long.
Result<> BlockSorter::spill_largest() {
  std::vector<std::size_t> order(buckets_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) { return buckets_[a].held() > buckets_[b].held(); });
  for (const std::size_t b : order) {
    if (held_ <= options_.memory / 2) break;
    for (const std::size_t family : {0, 1})
      if (auto done = spill(buckets_[b].families[family], layouts_[family].row_size()); !done) return done;
  }
  return {};
}

Result<> BlockSorter::spill(Rows& rows, std::size_t row_size) {
  if (rows.bytes.empty()) return {};
  if (!scratch_) {
    MOLE_TRY(auto created, ScratchFile::create(options_.scratch, "flows"));
    scratch_.emplace(std::move(created));
  }
  held_ -= rows.bytes.capacity();
  rows.sort(row_size);
  MOLE_TRY(auto at, scratch_->append({reinterpret_cast<const char*>(rows.bytes.data()), rows.bytes.size()}));
  rows.spilled.push_back({at, rows.bytes.size() / row_size});
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

// Moves to the next row of the run, reading from the scratch file if necessary. Returns false if there is none.
Result<bool> BlockSorter::advance(Run& run) {
  const std::size_t row_size = run.layout->row_size();
  run.position += row_size;
  if (run.position >= run.rows.size()) {
    if (run.left == 0) return false;
    const std::uint64_t count = std::min<std::uint64_t>(run.left, std::max<std::size_t>(read_size / row_size, 1));
    run.rows.resize(count * row_size);
    if (auto done = scratch_->read(run.at, run.rows); !done) return done.error();
    run.at += run.rows.size();
    run.left -= count;
    run.position = 0;
  }
  run.key = RowLayout::key(run.rows.data() + run.position);
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
        heap_.push_back(std::make_unique<Run>(Run{&layout, {}, 0, spilled.at, spilled.count, {}}));
        if (auto begun = advance(*heap_.back()); !begun) return begun.error();
      }
      if (rows.bytes.empty()) continue;
      rows.sort(layout.row_size());
      heap_.push_back(std::make_unique<Run>(Run{&layout, std::move(rows.bytes), 0, 0, 0, {}}));
      heap_.back()->key = RowLayout::key(heap_.back()->rows.data());
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
  while (batch.rows < batch_rows) {
    if (heap_.empty()) {
      MOLE_TRY(auto opened, open_bucket());
      if (!opened) break;
    }
    Run& run = *heap_.front();
    if (batch.rows > 0 && run.layout->address_family() != batch.address_family) break;
    batch.address_family = run.layout->address_family();
    slots_[batch.rows] = RowLayout::slot(run.rows.data() + run.position);
    run.layout->unpack(run.rows.data() + run.position, out_->columns(), batch.rows++);
    std::pop_heap(heap_.begin(), heap_.end(), LaterKey());
    MOLE_TRY(auto more, advance(*heap_.back()));
    if (more)
      std::push_heap(heap_.begin(), heap_.end(), LaterKey());
    else
      heap_.pop_back();
  }
  return batch.rows > 0;
}

}  // namespace mole::runtime
