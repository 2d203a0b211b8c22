// Where a worker says, before every call into a plugin, which call it is about to make: 64 bytes in a file that the daemon
// reads after the worker died (docs/formats/call_record.md). Written with plain stores into shared memory, so that marking a
// call costs nanoseconds and what was marked survives any death of the process.
//
//   auto record = CallRecord::map(A / "call");       // or CallRecord::in_memory() without a file
//   record->mark(Call::add, 2, "traffic", batch);    // the next call is add() of step 2
#pragma once

#include <mole/result.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace mole::runtime {

enum class Call : std::uint16_t {
  none = 0,
  load_library,
  open,
  create,
  begin,
  add,
  merge,
  finish,
  save,
  load,
  next,
  recognises,
  index,
  stage,
  fetch,
  close
};
std::string_view call_name(Call call);

inline constexpr std::uint32_t call_record_magic = 0x4c41434du;  // "MCAL" in little-endian memory order
inline constexpr std::uint32_t no_step = 0xffffffffu;            // a decoder or downloader, which serves every step

// The layout on disk. `progress` counts calls and never goes back: standing still for long means the call hangs.
struct alignas(8) CallRecordBytes {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t call;    // Call
  std::uint32_t step;    // index into Spec::steps or no_step
  std::uint32_t thread;  // id of the thread that marked last
  std::uint64_t batch;   // running number of the batch, or interval
  std::uint64_t progress;
  char module[32];  // "traffic", "decoder netflow5"; padded with zeros, cut if longer
};
static_assert(sizeof(CallRecordBytes) == 64);

// One per process: marks are kept per thread as well, and `install_fault_handler` makes a thread that dies of a signal write
// its own mark last, so that the culprit is right even when several threads are inside plugins.
class CallRecord {
 public:
  // Maps the file (made with 64 bytes if absent). transient if that is impossible.
  static Result<std::unique_ptr<CallRecord>> map(const std::filesystem::path& path);
  static std::unique_ptr<CallRecord> in_memory();
  ~CallRecord();
  CallRecord(const CallRecord&) = delete;
  CallRecord& operator=(const CallRecord&) = delete;

  // The calling thread is about to make this call. Any thread.
  void mark(Call call, std::uint32_t step, std::string_view module, std::uint64_t batch = 0);
  // The same call goes on and is alive: bytes were fetched, a batch was decoded.
  void progress();
  // The calling thread is back in our code.
  void clear() { mark(Call::none, no_step, {}); }

  CallRecordBytes read() const;

  // SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT and SIGSYS write the dying thread's mark again and then kill as usual.
  void install_fault_handler();

 private:
  explicit CallRecord(CallRecordBytes* bytes, bool mapped) : bytes_(bytes), mapped_(mapped) {}

  CallRecordBytes* bytes_;
  bool mapped_;
};

// Gives the calling thread a stack on which the fault handler can run: one that recursed without end has none left.
class FaultStack {
 public:
  FaultStack();
  ~FaultStack();
  FaultStack(const FaultStack&) = delete;
  FaultStack& operator=(const FaultStack&) = delete;

 private:
  std::unique_ptr<char[]> memory_;
};

// Reads the record of a worker that has ended. corrupt if it is not one.
Result<CallRecordBytes> read_call_record(const std::filesystem::path& path);

}  // namespace mole::runtime
