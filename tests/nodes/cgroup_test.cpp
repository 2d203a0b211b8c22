#include "nodes/process/child.hpp"
#include "sdk/model/durable_file.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>

namespace mole::nodes {
namespace {

namespace fs = std::filesystem;
using testing::eventually;
using testing::TempFolder;

constexpr const char* mounts =
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "39 31 0:36 /docker/ab /sys/fs/cgroup/cpu,pids rw,relatime shared:9 - cgroup cgroup rw,cpu,pids\n"
    "40 31 0:37 / / rw - ext4 /dev/sda1 rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

TEST(OwnCgroup, IsFoundInEachHierarchy) {
  const std::string groups = "4:memory:/user/a\n3:pids,cpu:/docker/ab/c\n1:name=systemd:/x\n0::/user.slice/b\n";
  EXPECT_EQ(own_cgroup(mounts, groups, "memory"), "/sys/fs/cgroup/memory/user/a");
  EXPECT_EQ(own_cgroup(mounts, groups, "pids"), "/sys/fs/cgroup/cpu,pids/c");  // a part of the hierarchy is mounted
  EXPECT_EQ(own_cgroup(mounts, groups, ""), "/sys/fs/cgroup/unified/user.slice/b");
  EXPECT_EQ(own_cgroup(mounts, groups, "freezer"), std::nullopt);
  EXPECT_EQ(own_cgroup("", groups, "memory"), std::nullopt);
  EXPECT_EQ(own_cgroup(mounts, "", ""), std::nullopt);
  EXPECT_EQ(own_cgroup(mounts, "3:pids:/docker/abc\n", "pids"), std::nullopt);  // beside the mounted part
  EXPECT_EQ(own_cgroup("odd\n - \n", "odd\n:\n", "memory"), std::nullopt);
}

// Where this user may make no groups, opening them must say so; there is nothing else to see.
class CgroupTest : public ::testing::Test {
 protected:
  CgroupTest() {
    auto opened = Cgroups::open(max_tasks);
    if (opened)
      groups = std::move(*opened);
    else
      EXPECT_NE(opened.error().message.find("cgroup"), std::string::npos) << opened.error().message;
  }
  Command shell(const std::string& script) const {
    return {.launcher = MOLE_LAUNCH,
            .program = "/bin/sh",
            .arguments = {"-c", script},
            .folder = folder.path(),
            .log = folder / "log"};
  }
  ExitStatus run(const std::string& script, std::uint64_t memory = 0) {
    auto command = shell(script);
    command.sandbox.groups = groups;
    command.address_space = memory;
    return *run_child(command, {});
  }
  // A process that leaves its parent and its session. It writes its number to the file.
  std::string detached(const std::string& file) const {
    return "setsid sh -c 'echo $$ > " + (folder / file).string() + "; exec sleep 1000' & until [ -s " + (folder / file).string() +
           " ]; do sleep 0.01; done; ";
  }
  bool runs(const std::string& file) const {
    std::ifstream stat("/proc/" + std::to_string(std::atoi(read_file(folder / file)->c_str())) + "/stat");
    std::string number, name, state;
    return stat >> number >> name >> state && state != "Z" && state != "X";
  }

  static constexpr std::uint64_t max_tasks = 32;
  TempFolder folder;
  std::shared_ptr<Cgroups> groups;
};

TEST_F(CgroupTest, EndsWithAllItsProcesses) {
  if (!groups) return;
  EXPECT_EQ(run(detached("pid") + "exit 7").value, 7);
  EXPECT_TRUE(eventually([&] { return !runs("pid"); }));
  EXPECT_EQ(run("exit 0").value, 0);  // in the same group
}

TEST_F(CgroupTest, LimitsTheMemoryOfItsProcessesTogether) {
  if (!groups) return;
  const fs::path shared = "/dev/shm/mole-test-" + std::to_string(::getpid());
  fs::create_directories(shared);
  const auto fill = [&](const std::string& name) { return "head -c 60000000 /dev/zero > " + (shared / name).string() + "; "; };
  EXPECT_FALSE(run(fill("a"), std::uint64_t{50} << 20).out_of_memory);
  EXPECT_TRUE(run(fill("b") + fill("c"), std::uint64_t{50} << 20).out_of_memory);
  fs::remove_all(shared);
  const auto next = run("exit 0");
  EXPECT_TRUE(next.clean());
  EXPECT_FALSE(next.out_of_memory);
}

TEST_F(CgroupTest, LimitsTheNumberOfItsProcesses) {
  if (!groups) return;
  EXPECT_FALSE(run("for i in $(seq 100); do sleep 1000 & done; exit 0").clean());
  EXPECT_NE(read_file(folder / "log")->find("fork"), std::string::npos);
  EXPECT_TRUE(run("for i in $(seq 10); do sleep 1000 & done; exit 0").clean());
}

TEST_F(CgroupTest, IsRemovedAfterTheEndOfItsDaemon) {
  if (!groups) return;
  const auto own = *groups->take(0);
  const int daemon = ::fork();
  if (daemon == 0) {
    auto opened = Cgroups::open(max_tasks);
    auto command = shell(detached("pid") + "sleep 1000");
    std::ofstream(folder / "entry") << (*(*opened)->take(0))->entries().front().string();  // the same is used again
    command.sandbox.groups = std::move(*opened);
    (void)run_child(command, {});
    ::_exit(0);
  }
  ASSERT_TRUE(eventually([&] { return fs::exists(folder / "pid") && fs::file_size(folder / "pid") > 0; }));
  const fs::path entry = *read_file(folder / "entry");
  EXPECT_TRUE(Cgroups::open(max_tasks));  // another daemon starts
  EXPECT_TRUE(fs::exists(entry));
  EXPECT_TRUE(runs("pid"));
  ::kill(daemon, SIGKILL);
  ::waitpid(daemon, nullptr, 0);
  EXPECT_TRUE(Cgroups::open(max_tasks));
  EXPECT_TRUE(eventually([&] { return !runs("pid"); }));
  EXPECT_FALSE(fs::exists(entry));
  EXPECT_TRUE(std::ranges::all_of(own->entries(), [](const auto& each) { return fs::exists(each); }));
}

}  // namespace
}  // namespace mole::nodes
