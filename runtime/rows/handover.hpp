// The handover from the plugin worker to the sealing process: a stream of checksummed frames (docs/formats/handover.md).
//
//   HandoverWriter out(3, attempt);                  // descriptor opened by the daemon, attempt folder A
//   out.step(0, &rows, A / "scratch/step0.state", report);
//   out.end(totals);
//
// Each frame is written as soon as its content is complete, so that the finished work of a worker that crashes is not lost.
#pragma once

#include "runtime/rows/file_output.hpp"
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

// Writes to a descriptor that it does not own. Not thread-safe: use from one thread at a time. exhausted: the disk is full. If a
// table cannot be encoded, the error of encode_rows is returned, nothing is written and the stream remains usable.
class HandoverWriter {
 public:
  HandoverWriter(int fd, std::filesystem::path attempt);

  // Writes a finished step. `index`: in Spec::steps. `rows`: null if the step has none. `state_file`: a complete file inside the
  // attempt folder; only its name is written, and the sealing process moves it. `outcome`: outcome, code, message and lineage are
  // used; the sealing process sets the other fields.
  Result<> step(std::uint32_t index, const RowTable* rows, const std::optional<std::filesystem::path>& state_file,
                const task::StepReport& outcome);
  Result<> file(const task::FileReport& report);
  // Writes part of an archive's index. May be called several times.
  Result<> index(std::span<const task::IndexEntry> entries);
  // Writes the last frame. Code, message, bytes_read, flows and seconds of `totals` are used.
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
  std::optional<std::string> rows;        // encoded (rows_format.hpp)
  std::optional<std::string> state_file;  // relative to the attempt folder, without ".."
};

using HandoverFrame = std::variant<HandoverStep, task::FileReport, std::vector<task::IndexEntry>, task::Report>;

// Reads an untrusted handover, frame by frame.
class HandoverReader {
 public:
  // missing: there is no such file.
  static Result<HandoverReader> open(const std::filesystem::path& path, const HandoverLimits& limits = {});

  // Returns the next valid frame; nullopt after the last one. Damage ends the stream and is not an error.
  std::optional<HandoverFrame> next();

  // True if the stream ended with its end frame and nothing followed it. Call after next() has returned nullopt.
  bool complete() const { return complete_; }
  // Why the stream is not complete, as a message for users; empty if it is complete.
  const std::string& problem() const { return problem_; }

 private:
  HandoverReader(OwnedFd fd, std::uint64_t size, const HandoverLimits& limits);
  std::optional<HandoverFrame> stop(std::string problem);

  OwnedFd fd_;
  std::uint64_t size_, at_ = 0;
  bool oversized_, ended_ = false, complete_ = false;
  std::string problem_;
};

}  // namespace mole::runtime
