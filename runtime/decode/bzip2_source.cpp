#include "runtime/decode/bzip2_source.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <system_error>
#include <utility>

namespace mole::runtime {
namespace {

constexpr std::size_t max_joined = 3;  // segments joined to a damaged one; even one accidental magic is very rare
// The run-length coding before the block sort represents at most 4 + 255 bytes by 5.
constexpr std::uint64_t max_block_bytes = std::uint64_t{900'000} / 5 * 259;
constexpr std::size_t typical_block_bytes = std::size_t{4} << 20;
constexpr std::string_view header_damaged = "damaged or missing header of a bzip2 stream; its blocks are not affected";

std::uint32_t bits_at(const Segment& segment, std::uint64_t bit, unsigned count) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < count; ++i, ++bit)
    value = value << 1 | (segment.bytes[bit / 8 - segment.first_byte()] >> (7 - bit % 8) & 1u);
  return value;
}

}  // namespace

Bzip2Source::Bzip2Source(FileBytes file, const ContentOptions& options)
    : ContentSource(file.size()),
      block_limit_(static_cast<std::size_t>(std::min(options.max_content, max_block_bytes))),
      max_content_(options.max_content),
      memory_(options.memory),
      max_slots_(options.threads <= 1 ? 1 : options.threads * 2),
      progress_(options.progress),
      scanner_(std::move(file)),
      decode_(options.decode),
      decoder_(make_block_decoder(options.decode)) {
  // A helper thread is worthwhile from about the second block on.
  const std::uint64_t blocks = 1 + stored_bytes_ / 200'000;
  helpers_wanted_ = static_cast<unsigned>(std::min<std::uint64_t>(std::max(options.threads, 1u), blocks)) - 1;
}

Bzip2Source::~Bzip2Source() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (auto& helper : helpers_) helper.join();
}

// ---- shared with the helpers: scanning and decoding

bool Bzip2Source::scan(bool beyond_limit) {
  const bool full = slots_.size() >= max_slots_ || (!slots_.empty() && (slots_.size() + 1) * largest_block_ > memory_);
  if (scanned_all_ || (!beyond_limit && full)) return false;
  SlotPtr slot;
  if (spare_.empty()) {
    slot = std::make_shared<Slot>();
  } else {
    slot = std::move(spare_.back());
    spare_.pop_back();
  }
  auto more = scanner_.next(slot->segment);
  if (!more) scan_error_ = more.error();
  if (!more || !*more) {
    scanned_all_ = true;
    return false;
  }
  slot->state = slot->segment.kind == Segment::Kind::block ? Slot::State::waiting : Slot::State::done;
  slot->out_of_memory = false;
  slots_.push_back(std::move(slot));
  return true;
}

bool Bzip2Source::work(std::unique_lock<std::mutex>& lock, BlockDecoder& decoder) {
  const auto waiting = [this] {
    return std::find_if(slots_.begin(), slots_.end(), [](const SlotPtr& s) { return s->state == Slot::State::waiting; });
  };
  auto found = waiting();
  if (found == slots_.end()) {
    if (!scan(false)) return false;
    found = std::prev(slots_.end());
    if ((*found)->state == Slot::State::done) return true;
  }
  const SlotPtr slot = *found;
  slot->state = Slot::State::decoding;
  lock.unlock();
  const Segment& segment = slot->segment;
  try {
    decoder.decode(segment.bytes, segment.from % 8, segment.to - segment.from, block_limit_, slot->block);
  } catch (const std::bad_alloc&) {
    slot->out_of_memory = true;
  }
  lock.lock();
  largest_block_ = std::max<std::uint64_t>(largest_block_, slot->block.content.capacity());
  slot->state = Slot::State::done;
  changed_.notify_all();
  return true;
}

void Bzip2Source::run_helper() {
  const auto decoder = make_block_decoder(decode_);
  std::unique_lock lock(mutex_);
  while (!stop_)
    if (!work(lock, *decoder)) {
      if (scanned_all_) return;
      changed_.wait(lock);
    }
}

Bzip2Source::SlotPtr Bzip2Source::front() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (!slots_.empty() && slots_.front()->state == Slot::State::done) return slots_.front();
    if (slots_.empty() && scanned_all_) return nullptr;
    // While a helper decodes the first block, this thread decodes later ones.
    if (!work(lock, *decoder_) && !slots_.empty()) changed_.wait(lock);
  }
}

void Bzip2Source::drop_front(std::size_t count) {
  {
    std::lock_guard lock(mutex_);
    for (; count > 0; --count) {
      if (slots_.front().use_count() == 1) spare_.push_back(std::move(slots_.front()));
      slots_.pop_front();
    }
  }
  changed_.notify_all();
}

// ---- run by the caller's thread, for segments in order

void Bzip2Source::start_helpers() {
  try {
    while (helpers_.size() < helpers_wanted_) helpers_.emplace_back([this] { run_helper(); });
  } catch (const std::system_error&) {
    helpers_wanted_ = static_cast<unsigned>(helpers_.size());  // the system limits threads: slower, but correct
  }
}

Result<std::optional<Chunk>> Bzip2Source::next() {
  start_helpers();
  if (delivered_) {
    // A block of zeros needs 46 MB; the next blocks probably need less.
    if (delivered_->block.content.capacity() > typical_block_bytes) delivered_->block.content.release();
    delivered_.reset();
    drop_front(1);
  }
  while (!ended_) {
    const SlotPtr slot = front();
    if (progress_) progress_();
    if (!slot) {
      if (scan_error_) return *scan_error_;
      end_of_file();
      break;
    }
    if (slot->out_of_memory) return exhausted("not enough memory to decode a bzip2 block; raise --memory or use fewer threads");
    if (process(slot)) return std::optional(deliver(slot));
    if (!ended_) drop_front(1);
  }
  return std::optional<Chunk>();
}

Chunk Bzip2Source::deliver(const SlotPtr& slot) {
  delivered_ = slot;
  const DecodedBlock& block = slot->block;
  const Segment& segment = slot->segment;
  const Chunk chunk{block.content.view(), content_bytes_, std::exchange(gap_, false)};
  content_bytes_ += chunk.bytes.size();
  // Content lost after the block is a gap before the next chunk, not before this one.
  if (block.outcome == DecodedBlock::Outcome::whole_with_rest) {
    report_loss(segment.from + block.rest_from, segment.to,
                segment.last ? "bzip2 stream cut off by the end of the file" : "no bzip2 block where one should begin");
    stream_damaged_ = true;
  } else if (segment.last) {
    report_loss(segment.to, segment.to, "bzip2 stream without an end-of-stream magic: the file is truncated");
  }
  return chunk;
}

void Bzip2Source::report_loss(std::uint64_t from_bit, std::uint64_t to_bit, std::string_view reason) {
  add_lost(lost_, from_bit / 8, (to_bit + 7) / 8, reason);
  gap_ = true;
}

void Bzip2Source::end_of_file() {
  ended_ = true;
  if (stored_bytes_ == 0) report_loss(0, 0, "the file is empty");
  ends_in_damage_ = gap_;
}

bool Bzip2Source::process(const SlotPtr& slot) {
  if (slot->segment.from == 0 && slot->segment.kind != Segment::Kind::no_magic) add_lost(lost_, 0, 0, header_damaged);
  if (slot->segment.kind == Segment::Kind::block) return process_block(slot);
  slot->segment.kind == Segment::Kind::no_magic ? process_other(slot->segment) : process_end(slot->segment);
  return false;
}

void Bzip2Source::process_other(const Segment& segment) {
  if (segment.from == 0 && segment.to == header_bits && !segment.last && !begins_bzip2_stream(segment.bytes))
    return add_lost(lost_, 0, header_bits / 8, header_damaged);
  const bool header = segment.from == 0 && begins_bzip2_stream(segment.bytes);
  const std::uint64_t from = segment.from + (header ? header_bits : 0);
  if (header && from == segment.to && !segment.last) return;
  stream_damaged_ = true;
  report_loss(from, segment.to,
              segment.from == 0 && !header && segment.last ? "no bzip2 stream in the file"
              : segment.last                               ? "no bzip2 block up to the end of the file"
                                                           : "no bzip2 block where one should begin");
}

bool Bzip2Source::process_block(const SlotPtr& slot) {
  const DecodedBlock& block = slot->block;
  if (block.outcome == DecodedBlock::Outcome::damaged) join_segments(slot);
  if (block.outcome == DecodedBlock::Outcome::too_large ||
      (block.is_whole() && block.content.size() > max_content_ - content_bytes_)) {
    report_loss(slot->segment.from, stored_bytes_ * 8, over_content_limit(max_content_));
    ended_ = ends_in_damage_ = true;
    return false;
  }
  stream_checksum_ = std::rotl(stream_checksum_, 1) ^ block.checksum;
  if (block.is_whole()) return !block.content.view().empty();
  const Segment& segment = slot->segment;
  report_loss(segment.from, segment.to, segment.last ? "bzip2 block cut off by the end of the file" : block.reason);
  stream_damaged_ = true;
  return false;
}

// Tries to decode a damaged block together with the segments that follow: a magic that occurs inside it by chance splits it.
void Bzip2Source::join_segments(const SlotPtr& slot) {
  Segment& first = slot->segment;
  std::vector<std::uint8_t> bytes = first.bytes;
  DecodedBlock joined;
  for (std::size_t count = 1; count <= max_joined; ++count) {
    SlotPtr next;
    {
      std::lock_guard lock(mutex_);
      while (slots_.size() <= count && scan(true)) {
      }
      if (slots_.size() <= count) return;
      next = slots_[count];
    }
    const Segment& more = next->segment;
    if (more.kind == Segment::Kind::no_magic || more.to - first.from > SegmentScanner::max_bytes * 8) return;
    bytes.resize(more.first_byte() - first.first_byte());
    bytes.insert(bytes.end(), more.bytes.begin(), more.bytes.end());
    decoder_->decode(bytes, first.from % 8, more.to - first.from, block_limit_, joined);
    if (!joined.is_whole()) continue;
    std::swap(slot->block, joined);
    first.to = more.to;
    first.last = more.last;
    std::lock_guard lock(mutex_);
    slots_.erase(slots_.begin() + 1, slots_.begin() + 1 + static_cast<std::ptrdiff_t>(count));
    return;
  }
}

void Bzip2Source::process_end(const Segment& segment) {
  const std::uint64_t sum_at = segment.from + magic_bits, sum_end = sum_at + 32;
  if (segment.to < sum_end) {
    report_loss(segment.from, segment.to, "bzip2 stream cut off by the end of the file");
    return;
  }
  // Not reported as a gap: every block matches its checksum, and the position of a missing block is unknown.
  if (!stream_damaged_ && bits_at(segment, sum_at, 32) != stream_checksum_)
    add_lost(lost_, segment.first_byte(), (sum_end + 7) / 8,
             "bzip2 stream fails its checksum: a block may be missing before this position");
  stream_checksum_ = 0;
  stream_damaged_ = false;

  const std::uint64_t rest = (sum_end + 7) / 8 * 8;
  if (rest >= segment.to && segment.last) return;
  const bool header =
      rest + header_bits <= segment.to && begins_bzip2_stream(std::span(segment.bytes).subspan(rest / 8 - segment.first_byte()));
  if (rest + header_bits == segment.to && !segment.last) {
    if (!header) add_lost(lost_, rest / 8, segment.end_byte(), header_damaged);
    return;
  }
  const std::uint64_t from = std::min(segment.to, rest + (header ? header_bits : 0));
  stream_damaged_ = segment.to > rest + header_bits;  // blocks may have been lost
  report_loss(from, segment.to,
              !segment.last ? "no bzip2 block where one should begin"
              : header      ? "bzip2 stream cut off by the end of the file"
                            : "trailing bytes that are not bzip2");
}

}  // namespace mole::runtime
