// The call record: before every call into a plugin, a worker records the call in 64 bytes of a file, which the daemon reads if
// the worker dies (docs/formats/call_record.md). Written with plain stores to shared memory, so that a mark costs nanoseconds and
// survives a crash of the process.
//
//   auto record = CallRecord::map(folder / "call");  // or CallRecord::in_memory() without a file
//   record->mark(Call::add, 2, "traffic", batch);    // the next call is add() of step 2
#pragma once

#include <mole/result.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
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
  close,
  release
};
std::string_view call_name(Call call);

inline constexpr std::uint32_t call_record_magic = 0x4c41434du;  // "MCAL" in little-endian memory order
inline constexpr std::uint32_t no_step = 0xffffffffu;            // a call for no particular step: decoder, downloader

// The layout on disk. `progress` counts calls and only increases; if it does not change for a long time, the call hangs.
struct alignas(8) CallRecordBytes {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint16_t call;    // Call
  std::uint32_t step;    // index into Spec::steps or no_step
  std::uint32_t thread;  // id of the thread that made the last mark
  std::uint64_t batch;   // number of the batch
  std::uint64_t progress;
  char module[32];  // "traffic", "decoder netflow5"; padded with zeros, truncated if longer
};
static_assert(sizeof(CallRecordBytes) == 64);

// One per process. Marks are also kept per thread: the fault handler of a thread that is killed by a signal writes the mark of
// that thread again, so that the record is correct even if several threads are inside plugins.
class CallRecord {
 public:
  // Maps the file, creating it if needed. transient: the file cannot be opened or mapped.
  static Result<std::unique_ptr<CallRecord>> map(const std::filesystem::path& path);
  static std::unique_ptr<CallRecord> in_memory();
  ~CallRecord();
  CallRecord(const CallRecord&) = delete;
  CallRecord& operator=(const CallRecord&) = delete;

  // Records that the calling thread is about to make this call. Any thread.
  void mark(Call call, std::uint32_t step, std::string_view module, std::uint64_t batch = 0);
  // Records progress within the current call: bytes were fetched, a batch was decoded.
  void progress();
  // Records that the calling thread returned from the plugin. The record then names a call that another thread is still making,
  // so that it names the culprit if that call hangs.
  void clear() { mark(Call::none, no_step, {}); }

  CallRecordBytes read() const;

  // Makes SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT and SIGSYS write the mark of the dying thread again before they kill the
  // process.
  void install_fault_handler();

 private:
  CallRecord(CallRecordBytes* bytes, bool mapped);

  CallRecordBytes* bytes_;
  bool mapped_;
};

// Gives the calling thread a separate stack for the fault handler, because the fault may be a stack overflow.
class FaultStack {
 public:
  FaultStack();
  ~FaultStack();

 private:
  std::unique_ptr<char[]> memory_;
};

}  // namespace mole::runtime
