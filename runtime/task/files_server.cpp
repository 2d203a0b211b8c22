// The other end of a RemoteFiles.
#include "runtime/task/remote_files.hpp"
#include "sdk/model/flow_columns.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

namespace mole::runtime {
namespace {

using nlohmann::json;

constexpr std::size_t max_request = std::size_t{1} << 20;  // all columns, and the numbers of all files of a task
constexpr std::size_t piece = std::size_t{1} << 20;        // of columns, read at once

json error_json(const Error& error) { return {{"code", static_cast<int>(error.code)}, {"message", error.message}}; }

json file_json(const TaskFile& file) {
  json out{{"fetched", file.fetched}, {"columns", file.columns}, {"size", file.size}, {"digest", file.digest.hex()}};
  if (file.error) out["error"] = error_json(*file.error);
  return out;
}

// Columns that arrive through a pipe, at most `limit` bytes of them.
class IncomingColumns {
 public:
  IncomingColumns(ColumnsPart part, OwnedFd pipe, std::uint64_t limit)
      : part_(std::move(part)), pipe_(std::move(pipe)), limit_(limit) {}

  int pipe() const { return pipe_.get(); }  // -1: nothing more comes, or is taken
  // Takes what is in the pipe now. False: nothing was.
  bool take(std::string& buffer) {
    buffer.resize(piece);
    const auto n = pipe_ ? ::read(pipe_.get(), buffer.data(), buffer.size()) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    const auto size = static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    received_ += size;
    if (n <= 0 || received_ > limit_ || !part_.append({buffer.data(), size})) pipe_ = OwnedFd(), whole_ = whole_ && n == 0;
    return n > 0;
  }
  // Whether exactly `size` bytes have come, and are in the part.
  bool is_whole(std::uint64_t size, std::string& buffer) {
    while (received_ < size && take(buffer)) {
    }
    return whole_ && received_ == size;
  }
  ColumnsPart part() && { return std::move(part_); }

 private:
  ColumnsPart part_;
  OwnedFd pipe_;
  const std::uint64_t limit_;
  std::uint64_t received_ = 0;
  bool whole_ = true;
};

class Server {
 public:
  Server(int socket, const task::Spec& spec, StagedFiles& files, const std::vector<std::string>& bad_copies)
      : socket_(socket), channel_(socket, max_request), spec_(spec), files_(files), bad_copies_(bad_copies) {}

  Result<> run() {
    while (true) {
      wait_for_request();
      MOLE_TRY(const auto request, channel_.receive(false));
      if (!request) return {};
      reply_ = json::object();
      file_ = OwnedFd();
      try {
        if (auto done = answer(request->body); !done) reply_["error"] = error_json(done.error());
      } catch (const json::exception& wrong) {
        return corrupt(std::string("the worker sent a wrong request about its files: ") + wrong.what());
      }
      reply_["unstaged"] = files_.unstaged();
      reply_["bad_copies"] = bad_copies_;
      if (auto sent = channel_.send(reply_, file_.get()); !sent) return {};  // the worker has ended
    }
  }

 private:
  // Meanwhile takes the columns that arrive.
  void wait_for_request() {
    while (true) {
      std::vector<pollfd> waited{{socket_, POLLIN, 0}};
      for (const auto& [number, columns] : incoming_) waited.push_back({columns.pipe(), POLLIN, 0});
      ::poll(waited.data(), waited.size(), -1);
      if (waited.front().revents != 0) return;
      std::size_t at = 1;
      for (auto& [number, columns] : incoming_)
        if (waited[at++].revents != 0) columns.take(buffer_);
    }
  }

  Result<> answer(const json& request) {
    const auto& call = request.at("call").get_ref<const std::string&>();
    if (call == "acquire") return acquire(request);
    MOLE_TRY(const auto number, number_of(request.at("number")));
    if (call == "open") return open(number);
    if (call == "begin_columns") return begin_columns(number);
    if (call == "publish_columns") return publish_columns(number, request.at("size"));
    if (call == "drop_columns") return incoming_.erase(number), Result<>();
    if (call == "remove_columns") return files_.remove_columns(number);
    if (call == "is_intact") {
      MOLE_TRY(reply_["intact"], files_.is_intact(number));
      return {};
    }
    if (call != "replace_columns") return invalid("unknown call");
    MOLE_TRY(const auto file, files_.replace_columns(number));
    reply_["file"] = file_json(file);
    return {};
  }

  Result<std::uint32_t> number_of(const json& value) const {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= spec_.files.size())
      return invalid("the task has no file with this number");
    return value.get<std::uint32_t>();
  }

  Result<> acquire(const json& request) {
    std::optional<std::vector<int>> columns;
    if (const auto names = request.find("columns"); names != request.end()) {
      columns.emplace();
      for (const auto& name : *names) {
        columns->push_back(flow_column_named(name.get_ref<const std::string&>()));
        if (columns->back() < 0 || columns->size() > MOLE_COLUMN_LIMIT) return invalid("the task names a column that does not exist");
      }
    }
    std::vector<std::uint32_t> whole;
    for (const auto& value : request.at("whole")) {
      MOLE_TRY(const auto number, number_of(value));
      whole.push_back(number);
    }
    MOLE_TRY(const auto files, files_.acquire(columns, whole));
    auto& entries = reply_["files"] = json::array();
    for (const auto& file : files) entries.push_back(file_json(file));
    return {};
  }

  Result<> open(std::uint32_t number) {
    MOLE_TRY(const auto file, files_.open(number));
    file_ = OwnedFd(::fcntl(file.descriptor(), F_DUPFD_CLOEXEC, 0));
    return {};
  }

  Result<> begin_columns(std::uint32_t number) {
    incoming_.erase(number);
    MOLE_TRY(auto part, files_.begin_part(number));
    int ends[2];
    if (!part || ::pipe2(ends, O_CLOEXEC) != 0) return {};
    OwnedFd own(ends[0]);
    file_ = OwnedFd(ends[1]);
    ::fcntl(own.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(own.get(), F_SETPIPE_SZ, piece);  // may be refused
    incoming_.try_emplace(number, std::move(*part), std::move(own), max_column_bytes(spec_.files[number].size));
    return {};
  }

  Result<> publish_columns(std::uint32_t number, const json& size) {
    auto columns = incoming_.extract(number);
    if (columns.empty()) return invalid("the columns of this file were not begun");
    if (!size.is_number_unsigned() || !columns.mapped().is_whole(size.get<std::uint64_t>(), buffer_))
      return invalid("the columns are not complete, or more than the space for them");
    MOLE_TRY(const auto file, files_.publish(number, std::move(columns.mapped()).part()));
    reply_["file"] = file_json(file);
    return {};
  }

  const int socket_;
  const FilesChannel channel_;
  const task::Spec& spec_;
  StagedFiles& files_;
  const std::vector<std::string>& bad_copies_;
  std::map<std::uint32_t, IncomingColumns> incoming_;  // by file
  std::string buffer_;
  json reply_;
  OwnedFd file_;  // of the reply
};

}  // namespace

Result<> serve_files(int socket, const task::Spec& spec, StagedFiles& files, const std::vector<std::string>& bad_copies) {
  return Server(socket, spec, files, bad_copies).run();
}

void refuse_files(int socket, const Error& error) {
  const FilesChannel channel(socket, max_request);
  for (auto request = channel.receive(false); request && *request; request = channel.receive(false))
    if (!channel.send({{"error", error_json(error)}})) return;
}

}  // namespace mole::runtime
