// The flows of one archive file, wherever they come from: a FlowReader decodes them, a column file of an earlier decode has
// them kept. Both give the same batches, the same report and the same evidence.
#pragma once

#include <mole/result.hpp>

#include "runtime/decode/evidence.hpp"
#include "runtime/decode/flow_batch.hpp"
#include "sdk/model/task.hpp"

#include <cstdint>

namespace mole::runtime {

// One thread at a time.
class FlowSource {
 public:
  FlowSource() = default;
  FlowSource(const FlowSource&) = delete;
  FlowSource& operator=(const FlowSource&) = delete;
  virtual ~FlowSource() = default;

  // Next batch (at least one row) in the source's own buffers, good until the next call. False: no more flows.
  // Damage of the file is no error: what is readable is given and report() tells the rest. Errors are the disk's
  // (transient), memory's (exhausted) or the decoder's own (internal, ...).
  virtual Result<bool> next(FlowBatch& batch) = 0;

  // After next() gave false. `digest` is left empty: staging knows it.
  virtual task::FileReport report() const = 0;
  // After next() gave false.
  virtual const Evidence& evidence() const = 0;
  virtual std::uint64_t flows() const = 0;         // given so far
  virtual std::uint64_t stored_bytes() const = 0;  // size of the file in the archive
};

}  // namespace mole::runtime
