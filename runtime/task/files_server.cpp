// The other end of a RemoteFiles.
#include "runtime/task/remote_files.hpp"

#include <unistd.h>

#include <map>
#include <utility>

namespace mole::runtime {
namespace {

using nlohmann::json;

constexpr std::size_t max_request = std::size_t{1} << 20;  // all columns, and the numbers of all files of a task

json error_json(const Error& error) { return {{"code", static_cast<int>(error.code)}, {"message", error.message}}; }

json file_json(const TaskFile& file) {
  json out{{"columns", file.columns}, {"size", file.size}, {"digest", file.digest.hex()}};
  if (file.error) out["error"] = error_json(*file.error);
  return out;
}

// The state of one conversation.
class Server {
 public:
  Server(int socket, const task::Spec& spec, StagedFiles& files, const std::vector<std::string>& bad_copies)
      : channel_(socket, max_request), spec_(spec), files_(files), bad_copies_(bad_copies) {}

  Result<> run() {
    while (true) {
      MOLE_TRY(const auto request, channel_.receive());
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
  Result<> answer(const json& request) {
    const auto& call = request.at("call").get_ref<const std::string&>();
    if (call == "acquire") return acquire(request);
    const auto number = request.at("number").get<std::uint32_t>();
    if (number >= spec_.files.size()) return invalid("the task has no file " + std::to_string(number));
    if (call == "open") return open(number);
    if (call == "begin_columns") return begin_columns(number);
    if (call == "publish_columns") return publish_columns(number);
    if (call == "drop_columns") return parts_.erase(number), Result<>();
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

  Result<> acquire(const json& request) {
    const auto columns = request.find("columns");
    const auto ids = columns == request.end() ? std::nullopt : std::optional(columns->get<std::vector<int>>());
    MOLE_TRY(const auto files, files_.acquire(ids, request.at("whole").get<std::vector<std::uint32_t>>()));
    auto& entries = reply_["files"] = json::array();
    for (const auto& file : files) entries.push_back(file_json(file));
    return {};
  }

  Result<> open(std::uint32_t number) {
    MOLE_TRY(const auto file, files_.open(number));
    file_ = OwnedFd(::dup(file.descriptor()));
    return {};
  }

  Result<> begin_columns(std::uint32_t number) {
    parts_.erase(number);
    MOLE_TRY(auto part, files_.begin_part(number));
    if (!part) return {};
    file_ = OwnedFd(::dup(part->descriptor()));
    parts_.emplace(number, std::move(*part));
    return {};
  }

  Result<> publish_columns(std::uint32_t number) {
    auto part = parts_.extract(number);
    if (part.empty()) return invalid("the columns of file " + std::to_string(number) + " were not begun");
    if (auto sized = part.mapped().take_size(); !sized) return sized;
    MOLE_TRY(const auto file, files_.publish(number, std::move(part.mapped())));
    reply_["file"] = file_json(file);
    return {};
  }

  FilesChannel channel_;
  const task::Spec& spec_;
  StagedFiles& files_;
  const std::vector<std::string>& bad_copies_;
  std::map<std::uint32_t, ColumnsPart> parts_;  // columns that the worker writes, by file
  json reply_;
  OwnedFd file_;  // of the reply
};

}  // namespace

Result<> serve_files(int socket, const task::Spec& spec, StagedFiles& files, const std::vector<std::string>& bad_copies) {
  return Server(socket, spec, files, bad_copies).run();
}

}  // namespace mole::runtime
