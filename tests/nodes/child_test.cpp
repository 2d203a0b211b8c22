#include "nodes/process/child.hpp"

#include "nodes/process/bounded_log.hpp"
#include "sdk/model/durable_file.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

namespace mole::nodes {
namespace {

using testing::eventually;
using testing::TempFolder;

// Returns whether the process exists and is not a zombie.
bool alive(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return stat >> number >> name >> state && state != "Z" && state != "X";
}

class Child : public ::testing::Test {
 protected:
  Command shell(const std::string& script) const {
    Command command;
    command.launcher = MOLE_LAUNCH;
    command.program = "/bin/sh";
    command.arguments = {"-c", script};
    command.folder = folder.path();
    command.log = folder / "log";
    return command;
  }
  std::string log() const { return *read_file(folder / "log"); }
  TempFolder folder;
};

TEST_F(Child, EndsWithItsExitCode) {
  EXPECT_TRUE(run_child(shell("exit 0"), {})->clean());
  const auto exit_status = run_child(shell("exit 7"), {});
  EXPECT_EQ(exit_status->kind, ExitStatus::Kind::exited);
  EXPECT_EQ(exit_status->value, 7);
}

TEST_F(Child, EndsWithTheSignalThatKilledIt) {
  const auto exit_status = run_child(shell("kill -SEGV $$"), {});
  EXPECT_EQ(exit_status->kind, ExitStatus::Kind::killed);
  EXPECT_EQ(exit_status->value, SIGSEGV);
}

TEST_F(Child, WritesBothStreamsToItsLog) {
  ASSERT_TRUE(run_child(shell("echo one; echo two >&2"), {}));
  ASSERT_TRUE(run_child(shell("echo three"), {}));
  EXPECT_EQ(log(), "one\ntwo\nthree\n");
}

TEST_F(Child, InheritsOnlyTheHandover) {
  const int leaked = ::open("/etc/passwd", O_RDONLY);  // not close-on-exec
  auto command = shell("ls /proc/self/fd | tr '\\n' ' '; echo data >&3");
  command.handover = ::open((folder / "handover").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_TRUE(run_child(command, {}));
  EXPECT_EQ(log(), "0 1 2 3 4 ");  // 4: the folder that ls reads
  EXPECT_EQ(*read_file(folder / "handover"), "data\n");
  ::close(leaked);
  ::close(command.handover);
}

TEST_F(Child, HasACleanEnvironmentAndWorkingFolder) {
  ::setenv("MOLE_LEAKED", "x", 1);
  ASSERT_TRUE(run_child(shell("env | cut -d= -f1 | grep -v -e PWD -e OLDPWD -e _ | sort | tr '\\n' ' '; pwd"), {}));
  EXPECT_EQ(log(), "HOME LANG PATH TMPDIR TZ " + folder.path().string() + "\n");
}

TEST_F(Child, GetsTheVariablesOfItsCommand) {
  auto command = shell("echo \"$MOLE_HTTP_USER\"");
  command.environment = {"MOLE_HTTP_USER=a = b"};
  ASSERT_TRUE(run_child(command, {}));
  EXPECT_EQ(log(), "a = b\n");
}

TEST_F(Child, HasDefaultSignalsAndItsOwnGroup) {
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(run_child(shell("[ $(ps -o pgid= -p $$) = $$ ] && echo own; kill -PIPE $$"), {})->value, SIGPIPE);
  EXPECT_EQ(log(), "own\n");
}

TEST_F(Child, HasResourceLimits) {
  auto command = shell("ulimit -c; ulimit -n; ulimit -v; ulimit -f");
  command.address_space = std::uint64_t{1} << 30;
  ASSERT_TRUE(run_child(command, {}));
  EXPECT_EQ(log(), "0\n1024\n1048576\n33554432\n");
}

// In the folder of the programs, which is on a disk: what is written to memory is limited with it.
TEST_F(Child, IsKilledWhenItHasWrittenTooMuch) {
  const TempFolder disk(std::filesystem::path(MOLE_LAUNCH).parent_path());
  const auto file = (disk / "file").string();
  auto command = shell("head -c 5000000 /dev/zero > " + file + "; exit 7");
  command.sandbox.write_limit = 20'000'000;
  EXPECT_EQ(run_child(command, {})->value, 7);
  // By a process that has ended, and to a removed file
  for (const std::string script : {"head -c 50000000 /dev/zero > " + file + "; sleep 1000",
                                   "exec 5> " + file + "; rm " + file + "; head -c 50000000 /dev/zero >&5; sleep 1000"}) {
    command = shell(script);
    command.sandbox.write_limit = 20'000'000;
    EXPECT_EQ(run_child(command, {})->kind, ExitStatus::Kind::wrote_too_much) << script;
  }
}

TEST_F(Child, IsKilledAtItsWallLimit) {
  Watch watch;
  watch.wall_limit = 50'000;
  EXPECT_EQ(run_child(shell("sleep 100"), watch)->kind, ExitStatus::Kind::timed_out);
}

TEST_F(Child, IsKilledWhenItMakesNoProgress) {
  Watch watch;
  watch.stall_limit = 50'000;
  watch.progress = [] { return 1; };
  EXPECT_EQ(run_child(shell("sleep 100"), watch)->kind, ExitStatus::Kind::stalled);
}

TEST_F(Child, RunsAsLongAsItMakesProgress) {
  Watch watch;
  watch.stall_limit = 50'000;
  std::uint64_t progress = 0;
  watch.progress = [&] { return ++progress; };
  EXPECT_TRUE(run_child(shell("sleep 0.3"), watch)->clean());
}

TEST_F(Child, IsKilledWithItsChildrenWhenCancelled) {
  Cancellation cancel;
  Watch watch;
  watch.cancel = &cancel;
  std::thread canceller([&] {
    EXPECT_TRUE(eventually([&] { return std::filesystem::exists(folder / "grandchild"); }));
    cancel.request();
  });
  const auto exit_status =
      run_child(shell("sh -c 'echo $$ > grandchild.tmp; mv grandchild.tmp grandchild; sleep 100' & wait"), watch);
  canceller.join();
  EXPECT_EQ(exit_status->kind, ExitStatus::Kind::cancelled);
  const int grandchild = std::stoi(*read_file(folder / "grandchild"));
  EXPECT_TRUE(eventually([&] { return !alive(grandchild); }));
}

TEST_F(Child, LeavesNoChildrenBehind) {
  ASSERT_TRUE(run_child(shell("sleep 100 & echo $! > grandchild"), {}));
  const int grandchild = std::stoi(*read_file(folder / "grandchild"));
  EXPECT_TRUE(eventually([&] { return !alive(grandchild); }));
}

TEST_F(Child, CannotFillTheDiskWithItsLog) {
  std::uint64_t largest = 0;
  Watch watch;
  watch.wall_limit = second_us;
  watch.stall_limit = hour_us;
  watch.progress = [&] { return largest = std::max<std::uint64_t>(largest, std::filesystem::file_size(folder / "log")); };
  EXPECT_EQ(run_child(shell("yes 'a line that is printed endlessly' & yes & wait"), watch)->kind, ExitStatus::Kind::timed_out);
  EXPECT_GT(largest, 0u);
  EXPECT_LE(largest, BoundedLog::max_bytes);
  EXPECT_LE(std::filesystem::file_size(folder / "log"), BoundedLog::max_bytes);
}

TEST_F(Child, IsNotBlockedByWhatItPrints) {
  EXPECT_TRUE(run_child(shell("head -c 50000000 /dev/zero | tr '\\0' x >&2; echo; echo last"), {})->clean());
  EXPECT_TRUE(log().ends_with("x\nlast\n"));
  EXPECT_LE(log().size(), BoundedLog::max_bytes);
}

TEST_F(Child, IsNotBlockedByAProcessThatKeepsItsOutputOpen) {
  EXPECT_TRUE(run_child(shell("setsid sh -c 'yes & echo $! > writer.tmp; mv writer.tmp writer; wait' & "
                              "while [ ! -e writer ]; do sleep 0.01; done; echo done"),
                        {})
                  ->clean());
  ::kill(std::stoi(*read_file(folder / "writer")), SIGKILL);
  EXPECT_LE(log().size(), BoundedLog::max_bytes);
}

TEST_F(Child, ContinuesWithoutOutputWhenItClosesBothStreams) {
  EXPECT_TRUE(run_child(shell("echo one; exec >&- 2>&-; sleep 0.2"), {})->clean());
  EXPECT_EQ(log(), "one\n");
}

TEST(BoundedLog, KeepsTheLastBytes) {
  TempFolder folder;
  BoundedLog log(folder / "log");
  std::string all;
  for (int i = 0; i < 300'000; ++i) {
    const auto line = "line " + std::to_string(i) + "\n";
    log.append(line);
    all += line;
  }
  const auto kept = *read_file(folder / "log");
  EXPECT_LE(kept.size(), BoundedLog::max_bytes);
  EXPECT_GE(kept.size(), BoundedLog::max_bytes / 2);
  EXPECT_TRUE(all.ends_with(kept));
  log.append(std::string(5 << 20, 'y'));
  EXPECT_EQ(read_file(folder / "log")->find_last_not_of('y') + 1 + BoundedLog::max_bytes / 2, read_file(folder / "log")->size());
}

TEST(BoundedLog, ContinuesAnExistingFile) {
  TempFolder folder;
  BoundedLog(folder / "log").append("one\n");
  BoundedLog(folder / "log").append("two\n");
  EXPECT_EQ(*read_file(folder / "log"), "one\ntwo\n");
}

TEST_F(Child, IsKilledWhenTheProcessThatStartedItEnds) {
  const int middle = ::fork();
  if (middle == 0) {
    (void)run_child(shell("echo $$ > child.tmp; mv child.tmp child; sleep 100"), {});
    ::_exit(0);
  }
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(folder / "child"); }));
  const int child = std::stoi(*read_file(folder / "child"));
  EXPECT_TRUE(alive(child));
  ::kill(middle, SIGKILL);
  ::waitpid(middle, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return !alive(child); }));
}

// Skips nothing: where the kernel refuses namespaces, the launcher must say so and run nothing.
class IsolatedChild : public Child {
 protected:
  Command shell(const std::string& script) const {
    auto command = Child::shell(script);
    command.sandbox.namespaces = true;
    command.sandbox.network = false;
    return command;
  }
  bool possible() {
    if (run_child(shell("exit 0"), {})->clean()) return true;
    EXPECT_NE(log().find("mole-launch: cannot m"), std::string::npos) << log();
    EXPECT_FALSE(run_child(shell("touch ran"), {})->clean());
    EXPECT_FALSE(std::filesystem::exists(folder / "ran"));
    return false;
  }
};

TEST_F(IsolatedChild, EndsAsItsProgramEnds) {
  if (!possible()) return;
  EXPECT_EQ(run_child(shell("exit 7"), {})->value, 7);
  const auto exit_status = run_child(shell("kill -SEGV $$"), {});
  EXPECT_EQ(exit_status->kind, ExitStatus::Kind::killed);
  EXPECT_EQ(exit_status->value, SIGSEGV);
}

TEST_F(IsolatedChild, ReachesNoOtherProcess) {
  if (!possible()) return;
  ASSERT_TRUE(run_child(
      shell("kill -9 $PPID 1; ls /proc | grep -c '^[0-9]'; kill -9 " + std::to_string(::getpid()) + " || echo none"), {}));
  EXPECT_NE(log().find("none\n"), std::string::npos) << log();
  EXPECT_NE(log().find("4\n"), std::string::npos) << log();  // the first process, the shell, ls, grep
}

TEST_F(IsolatedChild, EndsWithAllThatItHasStarted) {
  if (!possible()) return;
  const auto marked = "sleep 1234." + std::to_string(::getpid());
  const auto running = [&] {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "cmdline");
      std::string word, text;
      while (std::getline(file, word, '\0')) text += text.empty() ? word : " " + word;
      if (text == marked) return true;
    }
    return false;
  };
  EXPECT_TRUE(run_child(shell("setsid " + marked + " & while ! pgrep -f '^" + marked + "'; do sleep 0.01; done"), {})->clean());
  EXPECT_FALSE(running());
  Watch watch;
  watch.wall_limit = 300'000;
  EXPECT_EQ(run_child(shell("setsid " + marked + " & wait"), watch)->kind, ExitStatus::Kind::timed_out);
  EXPECT_FALSE(running());
}

TEST_F(IsolatedChild, EndsWhenTheProcessThatStartedItEnds) {
  if (!possible()) return;
  const int middle = ::fork();
  if (middle == 0) {
    (void)run_child(shell("touch started; sleep 0.2; while :; do date +%s%N > beat; sleep 0.01; done"), {});
    ::_exit(0);
  }
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(folder / "beat"); }));
  ::kill(middle, SIGKILL);
  ::waitpid(middle, nullptr, 0);
  EXPECT_TRUE(eventually([&] {  // it stops writing
    const auto before = read_file(folder / "beat");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return *before == *read_file(folder / "beat");
  }));
}

TEST_F(Child, ReachesOnlyItsFiles) {
  auto command = shell("cat /etc/hostname; echo a > allowed/file; cat allowed/file; echo b > file");
  std::filesystem::create_directories(folder / "allowed");
  command.sandbox.read = {"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"};
  command.sandbox.write = {"/dev/null", folder / "allowed"};
  ASSERT_TRUE(run_child(command, {}));
  EXPECT_FALSE(std::filesystem::exists(folder / "file"));
  if (log().find("mole-launch: cannot restrict") != std::string::npos) return;  // not on this kernel: then nothing runs
  EXPECT_EQ(*read_file(folder / "allowed/file"), "a\n");
  EXPECT_NE(log().find("cat: /etc/hostname: Permission denied"), std::string::npos) << log();
}

TEST_F(Child, ReportsAMissingProgram) {
  Command command = shell("");
  command.program = folder / "mole-worker";
  const auto exit_status = run_child(command, {});
  ASSERT_FALSE(exit_status);
  EXPECT_EQ(exit_status.error().code, Code::invalid);
  EXPECT_NE(exit_status.error().message.find("install it beside mole-node"), std::string::npos);
}

}  // namespace
}  // namespace mole::nodes
