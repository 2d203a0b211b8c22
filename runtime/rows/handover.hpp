// What the plugin worker hands to the sealing process: a stream of checksummed frames (docs/formats/handover.md).
//
//   HandoverWriter out(3, attempt);                  // descriptor the daemon opened, attempt folder A
//   out.step(0, &rows, A / "scratch/step0.state", report);
//   out.end(totals);
//
// Frames are written whole as soon as something is finished, so that a worker that dies keeps what it had done.
#pragma once

#include "runtime/rows/row_table.hpp"
#include "runtime/rows/rows_format.hpp"
#include "sdk/model/task.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace mole::runtime {

// Writes to a descriptor it does not own. One thread at a time. exhausted: disk full; a table that cannot be encoded:
// the error of encode_rows, nothing of it is written and the stream stays usable.
class HandoverWriter {
 public:
  HandoverWriter(int fd, std::filesystem::path attempt);

  // One finished step. `index` is its place in Spec::steps. `rows`: null if the step gives none. `state_file`: a closed
  // file inside the attempt folder; it stays where it is, only its name is handed over, and the sealing process moves
  // it. Of `outcome` step, rows, digests and coverage are filled in by the sealing process; outcome, code, message and
  // lineage are the worker's word.
  Result<> step(std::uint32_t index, const RowTable* rows, const std::optional<std::filesystem::path>& state_file,
                const task::StepReport& outcome);
  Result<> file(const task::FileReport& report);
  // Part of an archive's index; as often as convenient.
  Result<> index(std::span<const task::IndexEntry> entries);
  // The last frame. Of `totals` code, message, bytes_read, flows and seconds are used.
  Result<> end(const task::Report& totals);

 private:
  Result<> frame(std::uint32_t kind, std::string_view payload);

  int fd_;
  std::filesystem::path attempt_;
  bool started_ = false;
};

struct HandoverLimits {
  std::uint64_t bytes = std::uint64_t{1} << 30;  // of the whole stream
};

struct HandoverStep {
  task::StepReport outcome;               // outcome.step is the index
  std::optional<std::string> rows;        // encoded (rows_format.hpp), not yet decoded
  std::optional<std::string> state_file;  // relative to the attempt folder; plain: no "..", not absolute
};

using HandoverFrame = std::variant<HandoverStep, task::FileReport, std::vector<task::IndexEntry>, task::Report>;

// Reads a handover nobody vouches for, frame by frame.
class HandoverReader {
 public:
  // missing: no such file.
  static Result<HandoverReader> open(const std::filesystem::path& path, const HandoverLimits& limits = {});
  HandoverReader(HandoverReader&& other) noexcept;
  HandoverReader& operator=(HandoverReader&&) = delete;
  ~HandoverReader();

  // The next whole and sound frame; nullopt after the last one. Damage ends the stream, it is not an error.
  std::optional<HandoverFrame> next();

  // After next() gave nullopt: true if the stream ended with its end frame and nothing behind it.
  bool complete() const { return complete_; }
  // Why not, for a person; empty if complete.
  const std::string& problem() const { return problem_; }

 private:
  HandoverReader(int fd, std::uint64_t size, const HandoverLimits& limits);
  std::optional<HandoverFrame> stop(std::string problem);

  int fd_;
  std::uint64_t size_, at_ = 0;
  bool oversized_, ended_ = false, complete_ = false;
  std::string problem_;
};

}  // namespace mole::runtime
