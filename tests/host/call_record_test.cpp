#include "runtime/host/call_record.hpp"

#include "tests/support/call_record.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

namespace mole::runtime {
namespace {

std::filesystem::path new_file() {
  std::string name = (std::filesystem::temp_directory_path() / "mole-call-XXXXXX").string();
  ::close(::mkstemp(name.data()));
  return name;
}

// Runs `body`, which must crash, in a child process and returns the record.
template <class F>
CallRecordBytes record_of_crash(F body) {
  const auto path = new_file();
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);  // limits the time if `body` does not crash
    auto record = CallRecord::map(path);
    (*record)->install_fault_handler();
    body(**record);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM);
  auto record = read_call_record(path);
  EXPECT_TRUE(record);
  std::filesystem::remove(path);
  return record ? *record : CallRecordBytes{};
}

// Recurses until `end`. Uses its stack frame after the recursive call, so that the compiler cannot turn the recursion into a
// loop.
[[gnu::noinline]] std::size_t descend(std::size_t depth, const volatile std::size_t& end) {
  volatile char frame[4096];
  frame[depth % sizeof frame] = 1;
  if (depth == end) return 0;
  const std::size_t below = descend(depth + 1, end);
  return below + static_cast<std::size_t>(frame[depth % sizeof frame]);
}

TEST(CallRecord, HasTheDocumentedBytes) {
  const auto path = new_file();
  {
    auto record = CallRecord::map(path);
    ASSERT_TRUE(record);
    (*record)->mark(Call::add, 3, "traffic", 0x1122334455667788);
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes(64, '\0');
  file.read(bytes.data(), 64);
  EXPECT_EQ(bytes.substr(0, 12), std::string("MCAL\x01\0\x05\0\x03\0\0\0", 12));
  EXPECT_EQ(bytes.substr(16, 8), std::string("\x88\x77\x66\x55\x44\x33\x22\x11"));
  EXPECT_EQ(bytes.substr(24, 8), std::string("\x01\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(bytes.substr(32), std::string("traffic") + std::string(25, '\0'));
  std::filesystem::remove(path);
}

TEST(CallRecord, NamesTheCallThatCausedASegmentationFault) {
  const auto record = record_of_crash([](CallRecord& r) {
    r.mark(Call::finish, 1, "median");
    ::raise(SIGSEGV);
  });
  EXPECT_EQ(static_cast<Call>(record.call), Call::finish);
  EXPECT_STREQ(record.module, "median");
}

TEST(CallRecord, NamesACallThatStillRunsWhenOtherThreadsReturn) {
  const auto record = CallRecord::in_memory();
  record->mark(Call::add, 7, "hanging", 3);
  std::thread([&] {
    record->mark(Call::finish, 8, "later");
    std::thread([&] {
      record->mark(Call::add, 9, "other");
      record->clear();
    }).join();
    EXPECT_STREQ(record->read().module, "hanging");
    record->clear();
  }).join();
  EXPECT_STREQ(record->read().module, "hanging");
  EXPECT_EQ(record->read().step, 7u);
  EXPECT_EQ(record->read().batch, 3u);
  EXPECT_EQ(static_cast<Call>(record->read().call), Call::add);
  record->clear();
  EXPECT_EQ(static_cast<Call>(record->read().call), Call::none);
}

TEST(CallRecord, IsNotMixedWithThatOfADifferentRecord) {
  const auto one = CallRecord::in_memory(), other = CallRecord::in_memory();
  one->mark(Call::add, 1, "one");
  std::thread([&] {
    other->mark(Call::add, 2, "other");
    other->clear();
  }).join();
  EXPECT_EQ(static_cast<Call>(other->read().call), Call::none);
  one->clear();
}

TEST(CallRecord, NamesTheCallOfTheCrashedThreadNotTheLastOneRecorded) {
  const auto record = record_of_crash([](CallRecord& r) {
    std::thread crashing([&] {
      r.mark(Call::merge, 7, "crashing");
      std::thread other([&] { r.mark(Call::add, 8, "other"); });
      other.join();
      ::raise(SIGABRT);
    });
    crashing.join();
  });
  EXPECT_STREQ(record.module, "crashing");
  EXPECT_EQ(record.step, 7u);
}

TEST(CallRecord, SurvivesAStackOverflow) {
  const auto record = record_of_crash([](CallRecord& r) {
    r.mark(Call::add, 2, "recursive");
    volatile std::size_t end = ~std::size_t{0};  // volatile, so that the compiler cannot see that the recursion has no end
    descend(0, end);
  });
  EXPECT_STREQ(record.module, "recursive");
}

TEST(CallRecord, NamesNoModuleForACrashInTheHost) {
  const auto record = record_of_crash([](CallRecord& r) {
    r.mark(Call::add, 2, "finished");
    r.clear();
    ::raise(SIGSEGV);
  });
  EXPECT_EQ(static_cast<Call>(record.call), Call::none);
  EXPECT_EQ(record.step, no_step);
}

TEST(CallRecord, RejectsAnInvalidFile) {
  const auto path = new_file();
  EXPECT_FALSE(read_call_record(path));
  std::ofstream(path) << std::string(64, 'x');
  EXPECT_FALSE(read_call_record(path));
  std::filesystem::remove(path);
  EXPECT_FALSE(read_call_record(path));
  EXPECT_FALSE(CallRecord::map("/nonexistent/folder/call"));
}

}  // namespace
}  // namespace mole::runtime
