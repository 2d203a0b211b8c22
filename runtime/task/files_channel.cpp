#include "runtime/task/files_channel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>

namespace mole::runtime {
namespace {

union Control {  // aligned as a cmsghdr
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

Error ended() { return transient("the process at the other end of the task has ended; see its log"); }

// Sends the bytes, and the descriptor with the first of them.
Result<> send_all(int socket, std::string_view bytes, int file) {
  while (!bytes.empty()) {
    Control control{};
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (file >= 0) {
      message.msg_control = control.bytes.data();
      message.msg_controllen = sizeof control.bytes;
      auto* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof file);
      std::memcpy(CMSG_DATA(header), &file, sizeof file);
    }
    const auto n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == ETOOMANYREFS) {  // too many descriptors of this user are on their way
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    if (n < 0) return ended();
    file = -1;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// Fills the buffer and takes a descriptor that comes with it, if `file` is not null. False: the stream ended before the first
// byte.
Result<bool> receive_all(int socket, std::span<char> into, OwnedFd* file) {
  std::size_t done = 0;
  while (done < into.size()) {
    Control control{};
    iovec part{into.data() + done, into.size() - done};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (file) {
      message.msg_control = control.bytes.data();
      message.msg_controllen = sizeof control.bytes;
    }
    const auto n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 && done == 0) return false;
    if (n <= 0) return ended();
    const auto* header = file ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int))) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(header), sizeof received);
      *file = OwnedFd(received);
    }
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

Result<> FilesChannel::send(const nlohmann::json& body, int file) const {
  const auto text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const auto size = static_cast<std::uint32_t>(text.size());
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return send_all(socket_, bytes + text, file);
}

Result<std::optional<FilesChannel::Message>> FilesChannel::receive(bool with_file) const {
  Message message;
  auto* file = with_file ? &message.file : nullptr;
  std::array<char, sizeof(std::uint32_t)> head{};
  MOLE_TRY(const auto more, receive_all(socket_, head, file));
  if (!more) return std::optional<Message>();
  std::uint32_t size = 0;
  std::memcpy(&size, head.data(), sizeof size);
  if (size > max_message_) return corrupt("a message about the files of the task has " + std::to_string(size) + " bytes");
  std::string text(size, '\0');
  MOLE_TRY(const auto whole, receive_all(socket_, text, file));
  if (!whole && size > 0) return ended();
  message.body = nlohmann::json::parse(text, nullptr, false);
  if (!message.body.is_object()) return corrupt("a message about the files of the task is not a JSON object");
  return std::optional(std::move(message));
}

}  // namespace mole::runtime
