// Reads a column file: the batches, the report and the evidence of the decode that wrote it.
#pragma once

#include "runtime/decode/column_file.hpp"
#include "runtime/decode/file_bytes.hpp"
#include "runtime/decode/flow_source.hpp"

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace mole::runtime {

struct ColumnReaderOptions {
  ColumnSet wanted;          // columns somebody reads; no other is read or decompressed
  std::uint32_t router = 0;  // the number put into MOLE_COLUMN_ROUTER
  unsigned threads = 1;      // that decompress, the caller's own among them
};

// One thread at a time. Every byte is checked before it is used, those of a batch when its turn comes.
class ColumnFileReader final : public FlowSource {
 public:
  // corrupt: this is no column file, a damaged one, or one of another identity. missing: there is no such file.
  static Result<std::unique_ptr<ColumnFileReader>> open(const std::filesystem::path& path, const Digest& identity,
                                                        const ColumnReaderOptions& options);
  ~ColumnFileReader() override;

  // Beside what FlowSource says: corrupt if the next batch is damaged. Those before it were sound.
  Result<bool> next(FlowBatch& batch) override;
  // These two at any time.
  task::FileReport report() const override { return footer_.report; }
  const Evidence& evidence() const override { return footer_.evidence; }
  std::uint64_t flows() const override { return flows_; }
  std::uint64_t stored_bytes() const override { return footer_.report.size; }

 private:
  // Where one batch is decoded, ahead of its turn.
  struct Slot {
    explicit Slot(ColumnSet columns) : buffers(columns) {}
    ColumnBuffers buffers;
    std::optional<Error> error;
    bool done = false;
  };
  struct Tools {  // of one thread
    ColumnDecoder decoder;
    std::vector<std::uint8_t> bytes;
  };

  ColumnFileReader(FileBytes file, column_file::Footer footer, const ColumnReaderOptions& options);
  void start_helpers();
  void help();
  bool work(std::unique_lock<std::mutex>& lock, Tools& tools);  // decodes the next batch there is room for; false: none
  Result<> decode(const column_file::Block& block, Slot& slot, Tools& tools) const;
  Result<std::string_view> page_bytes(const column_file::Block& block, int column, std::uint64_t offset, Tools& tools) const;

  const FileBytes file_;
  const column_file::Footer footer_;
  const ColumnReaderOptions options_;
  ColumnSet read_;  // wanted, and what these are stored relative to
  Tools tools_;
  std::uint64_t flows_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot> slots_;            // of block b: slots_[b % size]
  std::size_t begun_ = 0, given_ = 0;  // blocks; given_: the caller has the one before
  bool stop_ = false;
  std::vector<std::thread> helpers_;
};

}  // namespace mole::runtime
