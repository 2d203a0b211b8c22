// A coordinator behind a real socket that grants the tasks a test adds.
#pragma once

#include "coordinator/wire/client.hpp"
#include "coordinator/wire/frame_server.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/wire/fake_api.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace mole::testing {

class FakeCoordinator final : public FakeApi {
 public:
  FakeCoordinator() {
    registration = coordinator::Registration{1, minute_us, 20'000};
    start();
    client = std::make_unique<coordinator::RemoteCoordinator>(address());
  }
  ~FakeCoordinator() override { stop(); }

  coordinator::Address address() const { return *coordinator::parse_address("unix:" + (folder / "coordinator").string()); }
  void stop() { server.reset(); }
  void start() {
    server = std::make_unique<coordinator::FrameServer>(coordinator::serve_coordinator(*this), std::vector{address()});
    const auto started = server->start();
    EXPECT_TRUE(started) << started.error().message;
  }

  void add_task(task::Spec spec) {
    const std::lock_guard lock(mutex);
    grants.push_back(std::move(spec));
  }
  // Grants are repeated until they are held or completed, as the interface requires.
  Result<std::vector<task::Spec>> lease(const coordinator::LeaseRequest& sent) override {
    const std::lock_guard lock(mutex);
    lease_requests.push_back(sent);
    if (refuse_leases) return invalid("unknown incarnation");
    std::vector<task::Spec> out;
    for (const auto& spec : grants)
      if (out.size() < sent.free_slots && std::find(sent.held.begin(), sent.held.end(), spec.id) == sent.held.end())
        out.push_back(spec);
    return out;
  }
  Result<coordinator::Registration> register_node(const coordinator::NodeInfo& node) override {
    refuse_leases = false;
    return FakeApi::register_node(node);
  }
  Result<coordinator::HeartbeatReply> heartbeat(const coordinator::Heartbeat& h) override {
    auto reply = FakeApi::heartbeat(h);
    const std::lock_guard lock(mutex);
    heartbeat_reply.reregister = false;
    return reply;
  }
  Result<std::uint64_t> put_blob(const Digest& digest, std::uint64_t offset, std::string_view bytes,
                                 std::uint64_t total) override {
    if (put_error) return *put_error;
    return FakeApi::put_blob(digest, offset, bytes, total);
  }
  Result<std::vector<coordinator::Verdict>> complete(const std::vector<coordinator::Completion>& all) override {
    if (complete_error && complete_error->first(all)) return complete_error->second;
    const std::lock_guard lock(mutex);
    for (const auto& completion : all) std::erase_if(grants, [&](const auto& spec) { return spec.id == completion.spec.id; });
    completions.insert(completions.end(), all.begin(), all.end());
    return std::vector(all.size(), coordinator::Verdict::accepted);
  }

  std::size_t completed() {
    const std::lock_guard lock(mutex);
    return completions.size();
  }
  coordinator::Completion completion(std::size_t i = 0) {
    const std::lock_guard lock(mutex);
    return completions.at(i);
  }
  coordinator::NodeInfo registered(std::size_t i) {
    const std::lock_guard lock(mutex);
    return nodes.at(i);
  }
  coordinator::Heartbeat last_heartbeat() {
    const std::lock_guard lock(mutex);
    return heartbeats.empty() ? coordinator::Heartbeat{} : heartbeats.back();
  }

  TempFolder folder;
  std::atomic<bool> refuse_leases{false};
  std::optional<Error> put_error;
  std::optional<std::pair<std::function<bool(const std::vector<coordinator::Completion>&)>, Error>> complete_error;
  std::unique_ptr<coordinator::FrameServer> server;
  std::unique_ptr<coordinator::RemoteCoordinator> client;
};

}  // namespace mole::testing
