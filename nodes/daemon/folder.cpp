#include "nodes/daemon/folder.hpp"

#include "runtime/staging/cache_folder.hpp"
#include "sdk/model/durable_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>

namespace mole::nodes {
namespace fs = std::filesystem;
namespace {

Error unusable(const fs::path& path, const std::string& why) {
  return invalid("the node's folder " + path.string() + " cannot be used: " + why +
                 "; set --dir to a folder on a local file system that this user can write to and no other node uses");
}

}  // namespace

std::string random_hex() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

bool is_plain_name(const std::string& id) {
  const auto plain = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), plain);
}

Result<NodeFolder> NodeFolder::open(const fs::path& given) {
  std::error_code error;
  const fs::path folder = fs::absolute(given, error);
  fs::create_directories(folder, error);
  if (error) return unusable(folder, error.message());
  fs::permissions(folder, fs::perms::owner_all, error);  // no other user may reach anything in it
  if (error) return unusable(folder, "its mode cannot be set to 0700: " + error.message());
  const int lock = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return unusable(folder, std::strerror(errno));
  NodeFolder node(folder, lock);
  // The daemon of a killed `mole run` is being killed, too, when the next one starts.
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  bool locked = ::flock(lock, LOCK_EX | LOCK_NB) == 0;
  while (!locked && errno == EWOULDBLOCK && std::chrono::steady_clock::now() < patience) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    locked = ::flock(lock, LOCK_EX | LOCK_NB) == 0;
  }
  if (!locked) return invalid("another mole-node uses " + folder.string() + "; stop it, or give each node its own --dir");
  if (const auto prepared = node.prepare(); !prepared) return prepared.error();
  return node;
}

NodeFolder::NodeFolder(NodeFolder&& other) noexcept
    : folder_(std::move(other.folder_)), lock_(std::exchange(other.lock_, -1)), name_(std::move(other.name_)) {}

NodeFolder::~NodeFolder() {
  if (lock_ >= 0) ::close(lock_);
}

Result<> NodeFolder::prepare() {
  std::error_code error;
  fs::remove_all(attempts(), error);  // their workers ended with the previous daemon
  for (const auto& part : {cache(), plugins(), states(), tables(), listings(), attempts(), finished()}) {
    fs::create_directories(part, error);
    if (error) return unusable(part, error.message());
  }
  const fs::path id = folder_ / "id";
  if (const auto name = read_file(id, 64); name && is_plain_name(*name)) {
    name_ = *name;
    return {};
  }
  name_ = "node-" + random_hex().substr(0, 12);
  return durable_write(id, name_);
}

std::vector<Digest> NodeFolder::cached_files() const {
  constexpr std::size_t max_files = 50'000;  // a registration is one message of at most 4 MiB
  std::vector<Digest> out;
  std::error_code error;
  for (std::filesystem::directory_iterator at(cache(), error), end; !error && at != end && out.size() < max_files;
       at.increment(error))
    if (at->path().extension() == ".file")
      if (const auto name = Digest::from_hex(at->path().stem().string())) out.push_back(*name);
  return out;
}

std::uint64_t NodeFolder::cached_bytes() const {
  std::uint64_t bytes = 0;
  if (const auto entries = runtime::cache_folder::entries(cache()))
    for (const auto& entry : *entries) bytes += entry.size;
  return bytes;
}

}  // namespace mole::nodes
