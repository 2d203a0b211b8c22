// Reads a column file: the batches, the report and the evidence of the decode that wrote it.
#pragma once

#include "runtime/decode/column_file.hpp"
#include "runtime/decode/element_columns.hpp"
#include "runtime/decode/file_bytes.hpp"
#include "runtime/decode/flow_source.hpp"

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace mole::runtime {

struct ColumnReaderOptions {
  ColumnSet wanted;          // the columns to read and decompress
  std::uint32_t router = 0;  // the value of MOLE_COLUMN_ROUTER
  unsigned threads = 1;      // for decompression, including the caller's
};

// Not thread-safe: use from one thread at a time. Every byte is verified before use; a batch is verified when it is read.
class ColumnFileReader final : public FlowSource {
 public:
  // corrupt: not a column file, damaged, or of a different identity. missing: there is no such file.
  static Result<std::unique_ptr<ColumnFileReader>> open(const std::filesystem::path& path, const Digest& identity,
                                                        const ColumnReaderOptions& options);
  static Result<std::unique_ptr<ColumnFileReader>> open(FileBytes file, const Digest& identity,
                                                        const ColumnReaderOptions& options);
  ~ColumnFileReader() override;

  // In addition to the errors of FlowSource: corrupt if the next batch is damaged; the earlier ones are sound.
  Result<bool> next(FlowBatch& batch) override;
  bool may_be_misplaced() const override { return footer_.report.state == task::FileState::misplaced; }
  // report(), evidence() and presence() may be called at any time.
  task::FileReport report() const override { return footer_.report; }
  const Evidence& evidence() const override { return footer_.evidence; }
  ColumnPresence presence() const override { return presence_; }
  std::uint64_t flows() const override { return flows_; }
  std::uint64_t stored_bytes() const override { return footer_.report.size; }

 private:
  // A batch decoded ahead.
  struct Slot {
    explicit Slot(ColumnSet columns) : buffers(columns), elements(columns) {}
    ColumnBuffers buffers;
    ElementColumns elements;
    FlowBatch batch;
    std::optional<Error> error;
    bool done = false;
  };
  struct Scratch {  // one per thread
    ColumnDecoder decoder;
    ElementDecoder element_decoder;
    std::vector<std::uint8_t> bytes;
  };

  ColumnFileReader(FileBytes file, column_file::Footer footer, const ColumnReaderOptions& options);
  void start_helpers();
  void run_helper();
  bool decode_next(std::unique_lock<std::mutex>& lock, Scratch& scratch);  // false: no slot is free or no batch is left
  Result<> decode(const column_file::Block& block, Slot& slot, Scratch& scratch) const;
  Result<> decode_elements(const column_file::Block& block, std::uint64_t offset, Slot& slot, Scratch& scratch) const;
  Result<std::string_view> page_bytes(std::uint64_t offset, std::uint64_t size, std::uint64_t checksum, Scratch& scratch) const;

  const FileBytes file_;
  const column_file::Footer footer_;
  const ColumnReaderOptions options_;
  ColumnSet read_;  // the wanted columns and the columns that their values are stored relative to
  // For each stored element: its index among the elements of a slot, if it is wanted.
  std::vector<std::optional<std::size_t>> elements_;
  ColumnPresence presence_;  // of the wanted columns
  Scratch scratch_;
  std::uint64_t flows_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Slot> slots_;                  // slots_[b % size] holds block b
  std::size_t started_ = 0, returned_ = 0;  // blocks so far; the caller reads block returned_ - 1
  bool stop_ = false;
  std::vector<std::thread> helpers_;
};

// Whether the file begins as a column file does.
bool is_column_file(const std::filesystem::path& path);
// Verifies every byte of a column file without decoding it. corrupt: it is damaged, or of a different identity. missing,
// transient: it cannot be read.
Result<> check_column_file(const std::filesystem::path& path, const Digest& identity);

}  // namespace mole::runtime
