// One end of a stream socket between a process with metric plugins and the one that stages its files
// (docs/formats/files_channel.md): messages of JSON, each with at most one file descriptor.
#pragma once

#include "runtime/rows/file_output.hpp"

#include <mole/result.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace mole::runtime {

class FilesChannel {
 public:
  // Does not own the socket. `max_message`: bytes of a received message; longer ones are refused before they are read.
  FilesChannel(int socket, std::size_t max_message) : socket_(socket), max_message_(max_message) {}

  struct Message {
    nlohmann::json body;
    OwnedFd file;  // -1: none
  };
  // `file`: passed to the receiver; -1: none. transient: the other process has ended.
  Result<> send(const nlohmann::json& body, int file = -1) const;
  // Waits for the next message; nullopt: the other process has ended. corrupt: it is not a message. `with_file`: takes a
  // descriptor that comes with it; otherwise the kernel drops what the sender passes.
  Result<std::optional<Message>> receive(bool with_file) const;

 private:
  const int socket_;
  const std::size_t max_message_;
};

}  // namespace mole::runtime
