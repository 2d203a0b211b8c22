// Writes a column file, batch by batch, to wherever its bytes go.
//
//   ColumnFileWriter writer(identity, [&](std::string_view bytes) { return append(bytes); });
//   while (...) writer.add(batch);                         // every kept column is there
//   writer.finish(source.report(), source.evidence());
#pragma once

#include "runtime/decode/column_file.hpp"

#include <mole/result.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace mole::runtime {

// One thread at a time. Nothing may be called after an error: what was written is no column file then.
class ColumnFileWriter {
 public:
  using Sink = std::function<Result<>(std::string_view)>;

  ColumnFileWriter(const Digest& identity, Sink sink);

  Result<> add(const FlowBatch& batch);
  // What the source said behind its last batch. exhausted: there is more to say than a column file holds.
  Result<> finish(const task::FileReport& report, const Evidence& evidence);

  std::uint64_t bytes() const { return bytes_; }  // given to the sink so far

 private:
  Result<> write(std::string_view bytes);

  Sink sink_;
  column_file::Footer footer_;
  ColumnEncoder encoder_;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
};

}  // namespace mole::runtime
