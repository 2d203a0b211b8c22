// A file with the states of one module over one block (docs/formats/state.md). Windows are merged from such files, and a
// sequential module with `since` resumes from one (with interval_start = end of the block).
// Equal states give equal files on every machine: the file contains no paths, host names or times of the run.
//
//   auto out = StateFileWriter::create(path, header);
//   out->add({start, {"19991"}, coverage, payload});     // in order of (interval_start, group)
//   out->finish();
//
//   auto in = StateFileReader::open(path, expected);
//   while (auto entry = in->next()) ...
#pragma once

#include "sdk/model/digest.hpp"
#include "sdk/model/time.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::runtime {

// Identifies the module and block that the states belong to.
struct StateHeader {
  std::string plugin, version;
  std::uint32_t revision = 0;  // descriptor's state.revision
  std::string shape;           // descriptor's state.shape, 16 hex digits
  Digest fingerprint;          // of the module
  Digest state_key;            // of module and block
  Digest params;               // of the canonical parameters
  TimeRange block;
  Micros interval = 0;
  std::vector<std::string> by;

  bool operator==(const StateHeader&) const = default;
};

// The share of the expected input that was added to a state: the standard columns of a row.
struct RowCoverage {
  double share = 0;  // the column `coverage`, 0..1
  std::uint64_t flows_lost = 0, flows_late = 0, files_expected = 0, files_present = 0;

  bool operator==(const RowCoverage&) const = default;
};

struct StateEntry {
  Micros interval_start = 0;
  std::vector<std::string> group;  // one value per `by`
  RowCoverage coverage;
  std::string_view payload;  // written by the metric's save; borrowed: if from a reader, valid as long as the reader
};

// Creates or replaces `path`. Not thread-safe. Without finish() the file is incomplete and every reader rejects it.
class StateFileWriter {
 public:
  static Result<StateFileWriter> create(const std::filesystem::path& path, const StateHeader& header);
  StateFileWriter(StateFileWriter&&) noexcept;
  ~StateFileWriter();

  // Appends an entry; entries are in order of (interval_start, group), groups compared as bytes, value by value. internal: out
  // of order, or the group and `by` differ in size.
  Result<> add(const StateEntry& entry);
  Result<> finish();

 private:
  struct File;
  explicit StateFileWriter(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;
};

// Reads an untrusted file, mapped into memory. Not thread-safe.
class StateFileReader {
 public:
  // corrupt: not a state file, damaged, or truncated in the header. invalid ("shape differs: ..."): the header does not match
  // `expected`. Plugin, version, revision, shape, interval and by are always compared; fingerprint, state_key, params and block
  // if they are set in `expected`.
  static Result<StateFileReader> open(const std::filesystem::path& path, const StateHeader& expected);
  // Accepts any header: for the sealing process and tools.
  static Result<StateFileReader> open(const std::filesystem::path& path);
  StateFileReader(StateFileReader&&) noexcept;
  ~StateFileReader();

  const StateHeader& header() const;
  // Returns the mapped file.
  std::string_view bytes() const;
  // Returns the next entry, nullopt after the last. corrupt: damaged, truncated, out of order; later calls repeat the error.
  Result<std::optional<StateEntry>> next();

 private:
  struct File;
  explicit StateFileReader(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;
};

}  // namespace mole::runtime
