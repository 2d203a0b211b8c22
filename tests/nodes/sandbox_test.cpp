// What the processes of an attempt may reach.
#include "nodes/daemon/sandbox.hpp"
#include "tests/support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace mole::nodes {
namespace {

namespace fs = std::filesystem;

class SandboxTest : public ::testing::Test {
 protected:
  SandboxTest() {
    auto opened = NodeFolder::open(folder_.path() / "node");
    EXPECT_TRUE(opened);
    node_.emplace(std::move(*opened));
    options_.sandbox = {SandboxPart::limits, SandboxPart::namespaces, SandboxPart::landlock};
  }
  // A task that reads files of a remote archive.
  static task::Spec spec(task::Kind kind) {
    task::Spec out;
    out.id = "1-1";
    out.kind = kind;
    out.archive.emplace();
    out.archive->downloader.name = "s3";
    return out;
  }
  bool writes_cache(const Sandbox& sandbox) const {
    return std::ranges::find(sandbox.write, node_->cache()) != sandbox.write.end();
  }

  mole::testing::TempFolder folder_;
  std::optional<NodeFolder> node_;
  Options options_;
};

TEST_F(SandboxTest, AProcessWithMetricsHasNeitherCacheNorNetwork) {
  const auto attempt = node_->attempts() / "1-1";
  for (const auto kind : {task::Kind::compute, task::Kind::merge, task::Kind::verify}) {
    auto one = spec(kind);
    EXPECT_TRUE(is_staged_apart(one));
    const auto worker = worker_sandbox(options_, *node_, one, attempt);
    EXPECT_FALSE(worker.network);
    EXPECT_FALSE(writes_cache(worker));
    const auto staging = staging_sandbox(options_, *node_, one, attempt, node_->attempts() / "1-1.staging");
    EXPECT_TRUE(staging.network);
    EXPECT_TRUE(writes_cache(staging));
    one.archive.reset();  // reads rows of other modules only
    EXPECT_FALSE(is_staged_apart(one));
    EXPECT_FALSE(worker_sandbox(options_, *node_, one, attempt).network);
    EXPECT_FALSE(writes_cache(worker_sandbox(options_, *node_, one, attempt)));
  }
}

TEST_F(SandboxTest, AProcessWithDownloadersOnlyHasBoth) {
  for (const auto kind : {task::Kind::index, task::Kind::fetch}) {
    EXPECT_FALSE(is_staged_apart(spec(kind)));
    const auto worker = worker_sandbox(options_, *node_, spec(kind), node_->attempts() / "1-1");
    EXPECT_TRUE(worker.network);
    EXPECT_TRUE(writes_cache(worker));
  }
}

}  // namespace
}  // namespace mole::nodes
