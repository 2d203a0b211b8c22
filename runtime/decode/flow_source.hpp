// The flows of one archive file: decoded by a FlowReader, or read from the column file of an earlier decode. Both return equal
// batches, report and evidence.
#pragma once

#include <mole/result.hpp>

#include "runtime/decode/column_presence.hpp"
#include "runtime/decode/evidence.hpp"
#include "runtime/decode/flow_batch.hpp"
#include "sdk/model/task.hpp"

#include <cstdint>

namespace mole::runtime {

// Not thread-safe: use from one thread at a time.
class FlowSource {
 public:
  FlowSource() = default;
  FlowSource(const FlowSource&) = delete;
  FlowSource& operator=(const FlowSource&) = delete;
  virtual ~FlowSource() = default;

  // Returns the next batch (at least one row) in the source's own buffers, valid until the next call. False: no more flows.
  // Damage to the file is not an error: the readable flows are returned, and report() describes the rest. Errors come from the
  // disk (transient), from lack of memory (exhausted) or from the decoder (internal, ...).
  virtual Result<bool> next(FlowBatch& batch) = 0;

  // Whether the file may be misplaced (FileState). Call after the first next().
  virtual bool may_be_misplaced() const = 0;

  // Call after next() returned false. `digest` is left empty; it is known from staging.
  virtual task::FileReport report() const = 0;
  // Call after next() returned false.
  virtual const Evidence& evidence() const = 0;
  // Of the wanted columns, as far as the decoder states it. Call after next() returned false.
  virtual ColumnPresence presence() const = 0;
  virtual std::uint64_t flows() const = 0;         // returned so far
  virtual std::uint64_t stored_bytes() const = 0;  // size of the file in the archive
};

}  // namespace mole::runtime
