// Passes the flows of a source through and writes their columns to a column file.
//
//   ColumnRecorder recorder(std::move(source), wanted, {identity, sink, limit, threads},
//                           [&](const task::FileReport& report) { publish(); });
//
// If the column file cannot be written it is abandoned; reading continues without an error.
#pragma once

#include "runtime/decode/column_file.hpp"
#include "runtime/decode/element_columns.hpp"
#include "runtime/decode/flow_source.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace mole::runtime {

struct RecordingOptions {
  Digest identity;
  ColumnSet columns;  // the stored ones (column_file::stored_columns)
  ColumnFileWriter::Sink sink;
  std::uint64_t limit = UINT64_MAX;  // bytes: a larger column file is abandoned
  unsigned threads = 1;              // above 1: a separate thread compresses the columns
};

// Not thread-safe: use from one thread at a time.
class ColumnRecorder final : public FlowSource {
 public:
  using Done = std::function<void(const task::FileReport&)>;

  // `from` must provide every stored column; only the `wanted` ones are passed on. `done` is called
  // with the report of the source after everything is written, before next() returns false, but not if anything failed.
  ColumnRecorder(std::unique_ptr<FlowSource> from, ColumnSet wanted, RecordingOptions options, Done done);
  ~ColumnRecorder() override;

  Result<bool> next(FlowBatch& batch) override;
  bool may_be_misplaced() const override { return from_->may_be_misplaced(); }
  task::FileReport report() const override { return from_->report(); }
  const Evidence& evidence() const override { return from_->evidence(); }
  ColumnPresence presence() const override {
    const auto of_all = from_->presence();
    return {of_all.absent & wanted_, of_all.known & wanted_};
  }
  std::uint64_t flows() const override { return from_->flows(); }
  std::uint64_t stored_bytes() const override { return from_->stored_bytes(); }

 private:
  // A batch for the compressing thread.
  struct Copy {
    explicit Copy(ColumnSet columns) : buffers(columns), elements(columns) {}
    ColumnBuffers buffers;
    ElementColumns elements;
    FlowBatch batch;

    bool assign(const FlowBatch& from);
  };
  static constexpr std::size_t max_waiting = 2;

  void record(const FlowBatch& batch);
  void finish();
  void abandon();
  void enqueue(const FlowBatch& batch);
  void compress();  // runs in thread_
  void stop_thread(bool discard_waiting);
  void write(const FlowBatch& batch);

  std::unique_ptr<FlowSource> from_;
  const ColumnSet wanted_;
  const RecordingOptions options_;
  const Done done_;
  std::unique_ptr<ColumnFileWriter> writer_;  // null: abandoned or finished. Used only by thread_ while it runs

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Copy>> waiting_, spare_;
  bool failed_ = false, stopping_ = false;
};

}  // namespace mole::runtime
