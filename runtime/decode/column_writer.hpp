// Writes a column file, batch by batch, to a sink.
//
//   ColumnFileWriter writer(identity, [&](std::string_view bytes) { return append(bytes); });
//   while (...) writer.add(batch);                         // has every stored column
//   writer.finish(source.report(), source.evidence());
#pragma once

#include "runtime/decode/column_file.hpp"

#include <mole/result.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace mole::runtime {

// One thread at a time. After an error nothing may be called, and the written bytes are not a column file.
class ColumnFileWriter {
 public:
  using Sink = std::function<Result<>(std::string_view)>;

  ColumnFileWriter(const Digest& identity, Sink sink);

  Result<> add(const FlowBatch& batch);
  // Writes the report and evidence of the source. exhausted: they are too large for a column file.
  Result<> finish(const task::FileReport& report, const Evidence& evidence);

  std::uint64_t bytes() const { return bytes_; }  // written to the sink so far

 private:
  Result<> write(std::string_view bytes);

  Sink sink_;
  column_file::Footer footer_;
  ColumnEncoder encoder_;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
};

}  // namespace mole::runtime
