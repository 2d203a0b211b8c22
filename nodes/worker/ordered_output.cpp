#include "nodes/worker/ordered_output.hpp"

#include "sdk/model/program.hpp"

#include <cstdio>
#include <utility>

namespace mole::nodes {

Result<> OrderedOutput::put(std::string_view bytes) {
  auto done = write_all(descriptor_, bytes, "flows");
  if (done) return done;
  const MutexLock lock(mutex_);
  if (!failure_) failure_ = done.error();
  changed_.notify_all();
  return done;
}

Result<> OrderedOutput::write(std::size_t file, std::string_view bytes) {
  {
    const MutexLock lock(mutex_);
    while (!failure_ && file != turn_ && kept_bytes_ + bytes.size() > memory_) changed_.wait(mutex_);
    if (failure_) return *failure_;
    if (file != turn_) {
      kept_[file].output += bytes;
      kept_bytes_ += bytes.size();
      return {};
    }
  }
  return put(bytes);  // the turn cannot change before this file ends
}

void OrderedOutput::end(std::size_t file, std::string messages) {
  const MutexLock lock(mutex_);
  auto& kept = kept_[file];
  kept.messages = std::move(messages);
  kept.ended = true;
  if (file == turn_) take_turns();
}

std::optional<Error> OrderedOutput::failure() const {
  const MutexLock lock(mutex_);
  return failure_;
}

// Writes what is kept of the file whose turn it is, and of the next one as long as they have ended.
void OrderedOutput::take_turns() {
  for (auto next = kept_.find(turn_); next != kept_.end() && next->first == turn_;) {
    auto& kept = next->second;
    if (!failure_)
      if (auto done = write_all(descriptor_, kept.output, "flows"); !done) failure_ = done.error();
    kept_bytes_ -= kept.output.size();
    kept.output.clear();
    if (!kept.ended) break;
    if (!failure_) std::fputs(kept.messages.c_str(), stderr);
    next = kept_.erase(next);
    ++turn_;
  }
  changed_.notify_all();
}

}  // namespace mole::nodes
