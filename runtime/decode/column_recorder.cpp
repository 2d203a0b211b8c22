#include "runtime/decode/column_recorder.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

namespace mole::runtime {

ColumnRecorder::ColumnRecorder(std::unique_ptr<FlowSource> from, ColumnSet wanted, RecordingOptions options, Done done)
    : from_(std::move(from)), wanted_(wanted), options_(std::move(options)), done_(std::move(done)) {
  try {
    writer_ = std::make_unique<ColumnFileWriter>(options_.identity, options_.columns, options_.sink);
    if (options_.threads > 1) thread_ = std::thread([this] { compress(); });
  } catch (const std::bad_alloc&) {  // read without recording
  } catch (const std::system_error&) {
  }
}

ColumnRecorder::~ColumnRecorder() { stop_thread(true); }

Result<bool> ColumnRecorder::next(FlowBatch& batch) {
  auto more = from_->next(batch);
  if (!more) {
    abandon();
  } else if (*more) {
    record(batch);
    for (std::size_t c = 0; c < batch.columns.size(); ++c)
      if (!wanted_[c]) batch.columns[c] = nullptr;
  } else {
    finish();
  }
  return more;
}

void ColumnRecorder::record(const FlowBatch& batch) {
  if (!writer_) return;
  if (thread_.joinable())
    enqueue(batch);
  else
    write(batch);
  if (!thread_.joinable() && failed_) abandon();
}

void ColumnRecorder::abandon() {
  stop_thread(true);
  writer_.reset();
}

void ColumnRecorder::finish() {
  if (!writer_) return;
  stop_thread(false);
  try {
    const auto report = from_->report();
    if (!failed_ && writer_->finish(report, from_->evidence(), from_->presence()) && writer_->bytes() <= options_.limit)
      done_(report);
  } catch (const std::bad_alloc&) {
  }
  writer_.reset();
}

void ColumnRecorder::write(const FlowBatch& batch) {
  bool written = false;
  try {
    written = writer_->add(batch) && writer_->bytes() <= options_.limit;
  } catch (const std::bad_alloc&) {
  }
  if (written) return;
  const std::lock_guard lock(mutex_);
  failed_ = true;
}

// ---- the thread

// Returns false if the elements need too much memory.
bool ColumnRecorder::Copy::assign(const FlowBatch& from) {
  batch = from;
  batch.columns = buffers.view();
  for (int c = 0; c < MOLE_COLUMN_COUNT; ++c)
    if (void* column = buffers.columns()[static_cast<std::size_t>(c)])
      std::memcpy(column, from.columns[static_cast<std::size_t>(c)], from.rows * column_width(c, from.address_family));
  if (!elements.copy(from, max_stored_element_bytes)) return false;
  elements.finish(batch);
  return true;
}

void ColumnRecorder::enqueue(const FlowBatch& batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return failed_ || waiting_.size() < max_waiting; });
  if (failed_) {
    lock.unlock();
    return abandon();
  }
  std::unique_ptr<Copy> item;
  if (!spare_.empty()) {
    item = std::move(spare_.back());
    spare_.pop_back();
  }
  lock.unlock();
  try {
    if (!item) item = std::make_unique<Copy>(options_.columns);
    if (!item->assign(batch)) return abandon();
  } catch (const std::bad_alloc&) {
    return abandon();
  }
  lock.lock();
  waiting_.push_back(std::move(item));
  changed_.notify_all();
}

void ColumnRecorder::compress() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return failed_ || stopping_ || !waiting_.empty(); });
    if (failed_ || waiting_.empty()) return;
    auto item = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    changed_.notify_all();
    lock.unlock();
    write(item->batch);
    lock.lock();
    spare_.push_back(std::move(item));
    if (failed_) changed_.notify_all();
  }
}

void ColumnRecorder::stop_thread(bool discard_waiting) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    failed_ = failed_ || discard_waiting;
  }
  changed_.notify_all();
  thread_.join();
}

}  // namespace mole::runtime
