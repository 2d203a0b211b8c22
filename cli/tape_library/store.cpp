#include "cli/tape_library/store.hpp"

#include "sdk/model/durable_file.hpp"
#include "sdk/model/field_json.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <thread>

namespace mole::cli {
namespace {

namespace fs = std::filesystem;

fs::path library_file(const fs::path& folder) { return folder / "library.json"; }
fs::path state_file(const fs::path& folder) { return folder / "state.json"; }
fs::path log_file(const fs::path& folder) { return folder / "log.ndjson"; }

Result<LockedFile> locked(const fs::path& path, int operation) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return invalid("cannot open " + path.string() + ": " + std::generic_category().message(errno) + "; make its folder writable");
  LockedFile file(fd);
  while (::flock(fd, operation) != 0)
    if (errno != EINTR)
      return transient("cannot lock " + path.string() + ": " + std::generic_category().message(errno) + "; try again");
  return file;
}

template <class D>
Result<D> read_json(const fs::path& path) {
  MOLE_TRY(const auto text, read_file(path));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  auto document = read_document<D>(json);
  if (!document) return corrupt(path.string() + ": " + document.error().message + "; create the library again");
  return document;
}

Micros real_time() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

LockedFile::~LockedFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<TapeLibrary> read_library(const fs::path& folder) {
  std::error_code failed;
  if (!fs::exists(library_file(folder), failed))
    return missing(folder.string() + " is not a tape library; create one with mole archive tape-library create");
  return read_json<TapeLibrary>(library_file(folder));
}

Result<std::unique_ptr<OpenLibrary>> OpenLibrary::open(const fs::path& folder) {
  auto out = std::make_unique<OpenLibrary>();
  out->folder_ = folder;
  MOLE_TRY(out->library_, read_library(folder));
  MOLE_TRY(out->lock_, locked(folder / "lock", LOCK_EX));
  TapeState state;
  std::error_code failed;
  if (fs::exists(state_file(folder), failed)) {
    MOLE_TRY(state, read_json<TapeState>(state_file(folder)));
  }
  out->model_ = std::make_unique<TapeModel>(out->library_, std::move(state), [log = &out->events_](const TapeEvent& event) {
    *log += json_text(nlohmann::json(event)) + "\n";
  });
  out->quiet_ = out->model_->follow(real_time());
  return out;
}

Result<> OpenLibrary::commit() {
  const auto temporary = folder_ / "state.json.new";
  if (auto written = write_file(temporary, json_text(nlohmann::json(model_->state()))); !written) return written;
  std::ofstream log(log_file(folder_), std::ios::app);
  log << events_ << std::flush;
  std::error_code failed;
  if (log) fs::rename(temporary, state_file(folder_), failed);
  if (!log || failed) return exhausted("cannot write to " + folder_.string() + "; free space on its disk");
  events_.clear();
  return {};
}

Result<> write_library(const fs::path& folder, const TapeLibrary& library) {
  std::error_code failed;
  if (fs::exists(library_file(folder), failed))
    return invalid(folder.string() + " already contains a tape library; remove it or choose a different folder");
  fs::create_directories(folder, failed);
  if (failed) return invalid("cannot create " + folder.string() + ": " + failed.message() + "; choose a different folder");
  return write_file(library_file(folder), json_text(nlohmann::json(library)));
}

Result<std::vector<TapeEvent>> read_log(const fs::path& folder) {
  std::vector<TapeEvent> events;
  std::ifstream log(log_file(folder));
  for (std::string line; std::getline(log, line);) {
    auto event = read_document<TapeEvent>(nlohmann::json::parse(line, nullptr, false));
    if (!event) return corrupt(log_file(folder).string() + ": " + event.error().message + "; create the library again");
    events.push_back(std::move(*event));
  }
  return events;
}

Result<LockedFile> mark_reader(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder / "readers", failed);
  return locked(folder / "readers" / std::to_string(::getpid()), LOCK_EX);
}

void wait_for_readers(const fs::path& folder, Micros patience) {
  const auto own = std::to_string(::getpid());
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(patience);
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder / "readers", failed)) {
    if (entry.path().filename() == own) continue;
    const int fd = ::open(entry.path().c_str(), O_RDWR | O_CLOEXEC);
    const LockedFile file(fd);
    while (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) != 0 && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (std::chrono::steady_clock::now() < end) fs::remove(entry.path(), failed);
  }
}

}  // namespace mole::cli
