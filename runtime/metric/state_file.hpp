// States of one module over one block, in a file (docs/formats/state.md): what windows are merged from and, with
// interval_start = end of the block, what a sequential module with `since` resumes from.
// Equal states give equal files on every machine: no paths, hosts or times of the run inside.
//
//   auto out = StateFileWriter::create(path, header);
//   out->add({start, {"19991"}, evidence, payload});     // in order of (interval_start, group)
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

// Whose states these are.
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

// How much of its input a state has seen: the standard columns.
struct RowEvidence {
  double coverage = 0;
  std::uint64_t flows_lost = 0, flows_late = 0, files_expected = 0, files_present = 0;

  bool operator==(const RowEvidence&) const = default;
};

struct StateEntry {
  Micros interval_start = 0;
  std::vector<std::string> group;  // one value per `by`
  RowEvidence evidence;
  std::string payload;  // what the metric's save wrote
};

// Borrowed from the reader until it is destroyed.
struct StateView {
  Micros interval_start = 0;
  std::vector<std::string> group;
  RowEvidence evidence;
  std::string_view payload;
};

// Writes `path` afresh. One thread. Without finish the file is cut short and every reader says so.
class StateFileWriter {
 public:
  static Result<StateFileWriter> create(const std::filesystem::path& path, const StateHeader& header);
  StateFileWriter(StateFileWriter&&) noexcept;
  ~StateFileWriter();

  // In order of (interval_start, group), groups compared as bytes, value by value. internal: not after its predecessor,
  // or a group of another size than `by`.
  Result<> add(const StateEntry& entry);
  Result<> finish();

 private:
  struct File;
  explicit StateFileWriter(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;
};

// Reads a file nobody vouches for, mapped into memory. One thread.
class StateFileReader {
 public:
  // corrupt: not a state file, damaged, cut short in the header. invalid ("shape differs: ..."): the header does not
  // fit `expected`. Compared are plugin, version, revision, shape, interval and by; fingerprint, state_key, params and
  // block where `expected` has them (not empty).
  static Result<StateFileReader> open(const std::filesystem::path& path, const StateHeader& expected);
  // Without expectations: for the sealing process and tools.
  static Result<StateFileReader> open(const std::filesystem::path& path);
  StateFileReader(StateFileReader&&) noexcept;
  ~StateFileReader();

  const StateHeader& header() const;
  // The file as it is mapped.
  std::string_view bytes() const;
  // The next entry, nullopt after the last. corrupt: damaged, cut short, out of order. After an error: the same error.
  Result<std::optional<StateView>> next();

 private:
  struct File;
  explicit StateFileReader(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;
};

}  // namespace mole::runtime
