// Passes a source's flows through, and keeps their columns on the way.
//
//   ColumnRecorder recorder(std::move(source), wanted, {identity, sink, limit, threads}, [&](const task::FileReport& report) {
//   publish(); });
//
// Whoever reads notices nothing: a column file that cannot be written is given up, the flows go on.
#pragma once

#include "runtime/decode/column_writer.hpp"
#include "runtime/decode/flow_source.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace mole::runtime {

struct RecordingOptions {
  Digest identity;
  ColumnFileWriter::Sink sink;
  std::uint64_t limit = UINT64_MAX;  // bytes: a column file that grows beyond is given up
  unsigned threads = 1;              // above 1: the columns are compressed by a thread of their own
};

// One thread at a time.
class ColumnRecorder final : public FlowSource {
 public:
  using Done = std::function<void(const task::FileReport&)>;

  // `from` gives every kept column (column_file::kept_columns); `wanted` are those passed on. `done` is called once, with the
  // source's report, when all was written, before next() gives false; if anything went wrong, it never is.
  ColumnRecorder(std::unique_ptr<FlowSource> from, ColumnSet wanted, RecordingOptions options, Done done);
  ~ColumnRecorder() override;

  Result<bool> next(FlowBatch& batch) override;
  task::FileReport report() const override { return from_->report(); }
  const Evidence& evidence() const override { return from_->evidence(); }
  std::uint64_t flows() const override { return from_->flows(); }
  std::uint64_t stored_bytes() const override { return from_->stored_bytes(); }

 private:
  // A batch on its way to the thread that compresses.
  struct Copy {
    Copy() : buffers(column_file::kept_columns()) {}
    ColumnBuffers buffers;
    FlowBatch batch;
  };
  static constexpr std::size_t most_waiting = 2;

  void keep(const FlowBatch& batch);
  void finish();
  void give_up();
  void hand_over(const FlowBatch& batch);
  void compress();  // the thread
  void end_thread(bool at_once);
  void write(const FlowBatch& batch);

  std::unique_ptr<FlowSource> from_;
  const ColumnSet wanted_;
  const RecordingOptions options_;
  const Done done_;
  std::unique_ptr<ColumnFileWriter> writer_;  // null: given up, or done. The thread's while there is one

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Copy>> waiting_, spare_;
  bool failed_ = false, last_ = false;
};

}  // namespace mole::runtime
