// A small HTTP client over libcurl for downloaders: every wait, size and number of repetitions is bounded, certificates are
// checked, no redirect leads to a different host, and the host's request to stop is obeyed within a second or two.
//
//   const Client client({.cancelled = ..., .authentication = Basic{"user", "password"}});
//   MOLE_TRY(const auto page, client.send({.url = "https://archive.example.org/flows/"}));
//   if (page.status != 200) return status_error(page);
#pragma once

#include <mole/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace mole::web {

struct Basic {
  std::string user, password;
};
struct Bearer {
  std::string token;
};
// AWS Signature Version 4 for S3, computed by libcurl.
struct Signature {
  std::string key_id, secret, session_token, region;
};
using Authentication = std::variant<std::monostate, Basic, Bearer, Signature>;

struct Settings {
  // A node stops a worker that makes no progress for 2 minutes, so `send` returns in less, with its repetitions.
  std::chrono::seconds connect_timeout{20};
  std::chrono::seconds stall_timeout{30};      // with less than 100 bytes a second
  std::chrono::seconds total_timeout{90};      // of an attempt of `send`; a file may take a day
  std::chrono::milliseconds first_pause{500};  // before the first repetition; then doubled
  std::string ca_file = {};                    // trusted certificates; empty: the system's
  Authentication authentication = {};
  std::function<bool()> cancelled = {};  // polled during transfers and pauses; any thread
};

enum class Method { get, head, post };

struct Request {
  Method method = Method::get;
  std::string url;
  std::vector<std::string> headers = {};             // "Name: value"
  std::optional<std::uint64_t> from = {};            // the first byte wanted
  std::string body = {};                             // of a post
  std::uint64_t max_body = std::uint64_t{16} << 20;  // of the response to `send`; a larger one is `exhausted`
};

struct Response {
  int status = 0;
  std::map<std::string, std::string> headers = {};  // names in lower case
  std::string body = {};                            // from `download` only if it is refused
  std::string place = {};                           // the URL without its query, for messages
  std::uint64_t retry_after = 0;                    // seconds; 0: not stated

  const std::string& header(const std::string& name) const;  // empty: none
};

// Receives a file.
struct Receiver {
  // Called with the status and headers before the first byte. An error refuses the body and is returned.
  std::function<Result<>(const Response&)> begin;
  std::function<Result<>(std::span<const std::byte>)> write;
};

// Any thread; connections are kept for the next request.
class Client {
 public:
  explicit Client(Settings);
  ~Client();
  Client(Client&&) noexcept;

  // Returns the response, whatever its status. Repeats a GET or HEAD twice that failed on its way, or that the server was too
  // busy for, after the pause that the server asks for, within 25 s of the first attempt.
  // transient: no complete response. denied: a redirect to a different host, or a certificate that is not trusted.
  Result<Response> send(const Request&) const;

  // Passes the body of a response with status 200 or 206 to `receiver` as it arrives; other bodies are in the response. Not
  // repeated.
  Result<Response> download(const Request&, const Receiver& receiver) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The error for a response that is not a success: what it means, and the remedy. `missing`: 404, 410, 412 (changed), 416.
Error status_error(const Response&);

}  // namespace mole::web
