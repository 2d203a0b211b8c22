// The decompressed content of a bzip2 file. Blocks are found by their magics, decoded independently by several threads and
// returned in order. A damaged block does not affect the others.
#pragma once

#include "runtime/decode/block_decoder.hpp"
#include "runtime/decode/content_source.hpp"
#include "runtime/decode/file_bytes.hpp"
#include "runtime/decode/segment_scanner.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace mole::runtime {

class Bzip2Source final : public ContentSource {
 public:
  Bzip2Source(FileBytes file, const ContentOptions& options);
  ~Bzip2Source() override;

  Result<std::optional<Chunk>> next() override;
  std::string_view compression() const override { return "bzip2"; }

 private:
  // A segment being decoded. Shared with the decoding thread, because the slot may be dropped before that thread is done.
  struct Slot {
    enum class State { waiting, decoding, done };
    Segment segment;
    State state = State::waiting;
    DecodedBlock block;
    bool out_of_memory = false;
  };
  using SlotPtr = std::shared_ptr<Slot>;

  // Call under mutex_:
  bool scan(bool beyond_limit);                                          // adds a slot; false: no space or no more segments
  bool work(std::unique_lock<std::mutex>& lock, BlockDecoder& decoder);  // decodes one slot; false: nothing to do
  void run_helper();                                                     // runs in a helper thread
  SlotPtr front();                                                       // the first slot, decoded; null after the last
  void drop_front(std::size_t count);

  // Run by the caller's thread, for segments in order:
  void start_helpers();
  bool process(const SlotPtr& slot);  // true: slot->block is the next chunk
  bool process_block(const SlotPtr& slot);
  void process_other(const Segment& segment);
  void process_end(const Segment& segment);
  void join_segments(const SlotPtr& slot);
  Chunk deliver(const SlotPtr& slot);
  void end_of_file();
  void report_loss(std::uint64_t from_bit, std::uint64_t to_bit, std::string_view reason);

  const std::size_t block_limit_;
  const std::uint64_t max_content_, memory_;
  const std::size_t max_slots_;
  const std::function<void()> progress_;

  std::mutex mutex_;
  std::condition_variable changed_;
  SegmentScanner scanner_;
  std::deque<SlotPtr> slots_;
  std::vector<SlotPtr> spare_;
  std::uint64_t largest_block_ = 0;  // memory of the largest decoded block so far
  bool scanned_all_ = false, stop_ = false;
  std::optional<Error> scan_error_;

  const Bzip2Decoder decode_;
  const std::unique_ptr<BlockDecoder> decoder_;
  std::vector<std::thread> helpers_;
  unsigned helpers_wanted_;
  SlotPtr delivered_;  // its block is being read by the caller
  bool ended_ = false;
  bool gap_ = false;                   // content was lost since the last chunk
  bool stream_damaged_ = false;        // the checksum of the stream can no longer match
  std::uint32_t stream_checksum_ = 0;  // of the stream's blocks so far
};

}  // namespace mole::runtime
