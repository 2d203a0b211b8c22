#include "runtime/host/call_record.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <span>

namespace mole::runtime {
namespace {

constexpr std::uint16_t record_version = 1;
constexpr std::size_t fault_stack_bytes = 64 * 1024;

struct Mark {
  Call call = Call::none;
  std::uint32_t step = no_step;
  std::uint64_t batch = 0;
  char module[32] = {};
};
thread_local Mark own_mark;
thread_local std::uint32_t own_thread = 0;

// The calls that are being made, one per thread. When a thread returns from a plugin, the record must name a call that has not
// returned, because that one may hang. Threads beyond the last slot are not tracked.
struct RunningCall {
  std::atomic<CallRecordBytes*> record = nullptr;  // null: none
  std::atomic<std::uint64_t> number = 0;           // lower: began earlier
  std::array<std::atomic<std::uint64_t>, 8> words = {};
};
constexpr std::size_t max_running = 64;
std::array<RunningCall, max_running> running;
std::atomic<std::size_t> threads = 0;
thread_local const std::size_t own_slot = threads.fetch_add(1, std::memory_order_relaxed);

CallRecordBytes* fault_record = nullptr;  // set by install_fault_handler; a signal handler needs a global

using Words = std::array<std::uint64_t, 8>;

Words own_words() {
  const auto call = static_cast<std::uint16_t>(own_mark.call);
  CallRecordBytes next{call_record_magic, record_version, call, own_mark.step, own_thread, own_mark.batch, 0, {}};
  std::memcpy(next.module, own_mark.module, sizeof next.module);
  Words words;
  std::memcpy(words.data(), &next, sizeof words);
  return words;
}

// Relaxed stores word by word: several threads may mark at once, and the file is read only after the process has ended.
void store(CallRecordBytes* bytes, const Words& words) {
  auto* shared = reinterpret_cast<std::uint64_t*>(bytes);
  constexpr std::size_t progress_word = offsetof(CallRecordBytes, progress) / 8;
  for (std::size_t i = 0; i < 8; ++i)
    if (i != progress_word) std::atomic_ref(shared[i]).store(words[i], std::memory_order_relaxed);
}

void begin_running(CallRecordBytes* record, const Words& words) {
  if (own_slot >= max_running) return;
  auto& own = running[own_slot];
  for (std::size_t i = 0; i < words.size(); ++i) own.words[i].store(words[i], std::memory_order_relaxed);
  own.number.store(std::atomic_ref(record->progress).load(std::memory_order_relaxed), std::memory_order_relaxed);
  own.record.store(record, std::memory_order_release);
}

// Returns the words of the call that has been running longest in another thread, or of no call.
Words end_running(CallRecordBytes* record) {
  if (own_slot < max_running) running[own_slot].record.store(nullptr, std::memory_order_release);
  const RunningCall* oldest = nullptr;
  const auto used = std::min(threads.load(std::memory_order_relaxed), max_running);
  for (const auto& call : std::span(running).first(used))
    if (call.record.load(std::memory_order_acquire) == record && (!oldest || call.number < oldest->number)) oldest = &call;
  auto words = own_words();
  if (oldest)
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = oldest->words[i].load(std::memory_order_relaxed);
  return words;
}

void on_fault(int signal) {
  if (fault_record && own_mark.call != Call::none) store(fault_record, own_words());
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace

std::string_view call_name(Call call) {
  static constexpr std::string_view names[] = {"",      "load library", "open",  "create", "begin",  "add",
                                               "merge", "finish",       "save",  "load",   "next",   "recognises",
                                               "index", "stage",        "fetch", "close",  "release"};
  const auto i = static_cast<std::size_t>(call);
  return i < std::size(names) ? names[i] : "unknown call";
}

Result<std::unique_ptr<CallRecord>> CallRecord::map(const std::filesystem::path& path) {
  const auto failed = [&](const char* what) {
    return transient(std::string("call record ") + path.string() + ": " + what + ": " + std::strerror(errno) +
                     "; check the node's work folder");
  };
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return failed("cannot open");
  void* address = MAP_FAILED;
  if (::ftruncate(fd, sizeof(CallRecordBytes)) == 0)
    address = ::mmap(nullptr, sizeof(CallRecordBytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (address == MAP_FAILED) return failed("cannot map");
  return std::unique_ptr<CallRecord>(new CallRecord(static_cast<CallRecordBytes*>(address), true));
}

std::unique_ptr<CallRecord> CallRecord::in_memory() {
  return std::unique_ptr<CallRecord>(new CallRecord(new CallRecordBytes, false));
}

CallRecord::CallRecord(CallRecordBytes* bytes, bool mapped) : bytes_(bytes), mapped_(mapped) {
  *bytes_ = {call_record_magic, record_version, 0, no_step, 0, 0, 0, {}};
}

CallRecord::~CallRecord() {
  if (fault_record == bytes_) fault_record = nullptr;
  if (own_slot < max_running && running[own_slot].record == bytes_) running[own_slot].record = nullptr;
  if (mapped_)
    ::munmap(bytes_, sizeof *bytes_);
  else
    delete bytes_;
}

void CallRecord::mark(Call call, std::uint32_t step, std::string_view module, std::uint64_t batch) {
  if (own_thread == 0) own_thread = static_cast<std::uint32_t>(::syscall(SYS_gettid));
  own_mark.call = call;
  own_mark.step = step;
  own_mark.batch = batch;
  const auto length = std::min(module.size(), sizeof own_mark.module - 1);
  std::memset(own_mark.module, 0, sizeof own_mark.module);
  module.copy(own_mark.module, length);  // not memcpy: data() of an empty name may be null
  static std::mutex marking;             // the signal handler only stores
  const std::lock_guard lock(marking);
  if (call == Call::none) {
    store(bytes_, end_running(bytes_));
  } else {
    const auto words = own_words();
    begin_running(bytes_, words);
    store(bytes_, words);
  }
  progress();
}

void CallRecord::progress() { std::atomic_ref(bytes_->progress).fetch_add(1, std::memory_order_relaxed); }

CallRecordBytes CallRecord::read() const { return *bytes_; }

void CallRecord::install_fault_handler() {
  fault_record = bytes_;
  static const FaultStack stack;
  struct sigaction action {};
  action.sa_handler = on_fault;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS}) ::sigaction(signal, &action, nullptr);
}

FaultStack::FaultStack() : memory_(new char[fault_stack_bytes]) {
  stack_t alternative{};
  alternative.ss_sp = memory_.get();
  alternative.ss_size = fault_stack_bytes;
  ::sigaltstack(&alternative, nullptr);
}

FaultStack::~FaultStack() {
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}

}  // namespace mole::runtime
