#include "runtime/host/host_services.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>

namespace mole::runtime {
namespace {

constexpr std::size_t max_message = 4096;
std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

struct Services {
  std::string name;
  mole_host table{};
};

// Writes one line. Control characters are replaced, because they could forge other lines.
void log(void* self, std::int32_t level, mole_text message) {
  static constexpr const char* levels[] = {"debug", "info", "warning", "error"};
  const auto* services = static_cast<const Services*>(self);
  std::string text(message.data ? message.data : "", message.data ? std::min<std::size_t>(message.size, max_message) : 0);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  const auto* word = levels[std::clamp(level, 0, 3)];
  std::fprintf(stderr, "%s: %s: %s\n", word, services->name.c_str(), text.c_str());
}

std::int32_t cancelled(void*) { return stop.load(std::memory_order_relaxed) ? 1 : 0; }
const void* extension(void*, const char*) { return nullptr; }

}  // namespace

const mole_host* host_services_for(const std::string& name) {
  static std::mutex mutex;
  static auto& all = *new std::map<std::string, std::unique_ptr<Services>>;  // lives as long as the process
  const std::lock_guard lock(mutex);
  auto& services = all[name];
  if (!services) {
    services = std::make_unique<Services>();
    services->name = name;
    services->table = {sizeof(mole_host), MOLE_ABI_MINOR, services.get(), log, cancelled, extension};
  }
  return &services->table;
}

void cancel_plugins() { stop.store(true, std::memory_order_relaxed); }
bool plugins_cancelled() { return stop.load(std::memory_order_relaxed); }

}  // namespace mole::runtime
