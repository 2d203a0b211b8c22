#include "plugins/downloaders/web/client.hpp"

#include "plugins/downloaders/web/url.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <mutex>
#include <thread>

namespace mole::web {
namespace {

constexpr std::size_t max_header_bytes = 64 * 1024;
constexpr std::uint64_t max_refusal = 64 * 1024;   // body of a response that is not a success
constexpr std::chrono::seconds repeat_within{25};  // of the start of the first attempt
constexpr int attempts = 3;
constexpr int max_redirects = 5;
constexpr long slowest = 100;  // bytes a second
constexpr std::size_t idle_handles = 8;

bool is_success(int status) { return status == 200 || status == 206; }
bool is_busy(int status) { return status == 429 || status == 503; }
bool may_pass(int status) { return is_busy(status) || status == 408 || status == 500 || status == 502 || status == 504; }
bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

// One request and what has been received for it.
struct Transfer {
  const Settings& settings;
  const Receiver* receiver;
  std::uint64_t max_body;
  bool loopback;  // the URL names this machine
  Response response = {};
  std::size_t header_bytes = 0;
  std::optional<Error> error = {};

  bool refuse(Error e) {
    error = std::move(e);
    return false;
  }

  bool take_header(std::string_view line) {
    header_bytes += line.size();
    if (header_bytes > max_header_bytes)
      return refuse(transient(response.place + ": the response has more than 64 KiB of headers; check the server"));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {  // also after an informational response
      response.headers.clear();
      return true;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    auto value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    response.headers[name] = value;
    return true;
  }

  bool take_body(std::string_view bytes) {
    const bool to_receiver = receiver && is_success(status_of(handle));
    if (to_receiver) {
      if (!begin()) return false;
      if (auto taken = receiver->write(std::as_bytes(std::span(bytes))); !taken) return refuse(taken.error());
      return true;
    }
    const auto limit = receiver ? max_refusal : max_body;
    if (response.body.size() + bytes.size() > limit)
      return refuse(exhausted(response.place + ": the response is longer than " + std::to_string(limit >> 10) +
                              " KiB; check that the URL leads to an archive"));
    response.body += bytes;
    return true;
  }

  bool begin() {
    if (begun) return true;
    begun = true;
    response.status = status_of(handle);
    if (auto wanted = receiver->begin(response); !wanted) return refuse(wanted.error());
    return true;
  }

  static int status_of(CURL* handle) {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }

  CURL* handle = nullptr;
  bool begun = false;
};

extern "C" {

std::size_t mole_web_header(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->take_header({data, size * count}) ? size * count : 0;
}

std::size_t mole_web_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  return transfer->take_body({data, size * count}) ? size * count : 0;
}

int mole_web_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& settings = static_cast<Transfer*>(self)->settings;
  return settings.cancelled && settings.cancelled() ? 1 : 0;
}

// An archive on the network never leads to services of this machine, nor to link-local ones such as those that hand out
// credentials.
curl_socket_t mole_web_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto* transfer = static_cast<Transfer*>(self);
  bool loopback = false, link_local = false;
  if (address->family == AF_INET) {
    const auto ip = ntohl(reinterpret_cast<const sockaddr_in*>(&address->addr)->sin_addr.s_addr);
    loopback = ip >> 24 == 127 || ip == 0;
    link_local = ip >> 16 == 0xa9fe;
  } else if (address->family == AF_INET6) {
    const auto& ip = reinterpret_cast<const sockaddr_in6*>(&address->addr)->sin6_addr;
    const auto mapped = IN6_IS_ADDR_V4MAPPED(&ip) != 0;
    loopback = IN6_IS_ADDR_LOOPBACK(&ip) || IN6_IS_ADDR_UNSPECIFIED(&ip) || (mapped && ip.s6_addr[12] == 127);
    link_local = IN6_IS_ADDR_LINKLOCAL(&ip) || (mapped && ip.s6_addr[12] == 169 && ip.s6_addr[13] == 254);
  }
  if (link_local || (loopback && !transfer->loopback)) {
    transfer->error = Error{Code::invalid, transfer->response.place + ": the host name leads to " +
                                               (link_local ? "a link-local address" : "this machine") +
                                               "; use the address of an archive server in the manifest"};
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

}  // extern "C"

using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

std::string without_query(const std::string& url) { return printable(url.substr(0, url.find('?')), 16 * 1024); }

Error transport_error(CURLcode code, const char* detail, const Transfer& transfer) {
  const auto& place = transfer.response.place;
  const auto text = place + ": " + printable(*detail ? detail : curl_easy_strerror(code));
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return {Code::cancelled, place + ": cancelled"};
    case CURLE_OPERATION_TIMEDOUT:
      return transient(text + "; the server is slow or does not respond; try again, or check the server and the network");
    case CURLE_COULDNT_RESOLVE_HOST:
      return transient(text + "; check the host name in the manifest, and the name server");
    case CURLE_COULDNT_CONNECT:
      return transient(text + "; check the host and port in the manifest, and that the server runs");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return denied(
          text +
          "; the certificate is not trusted: set SSL_CERT_FILE of mole-node to the certificate of its issuer, or renew it");
    case CURLE_SSL_CACERT_BADFILE:
      return invalid(text + "; set SSL_CERT_FILE of mole-node to a readable file of certificates (PEM)");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return invalid(text + "; check the URL in the manifest");
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return transient(text + "; the connection ended early; try again");
    case CURLE_OUT_OF_MEMORY:
      return exhausted(text + "; give the node more memory");
    default:
      return transient(text + "; check that this is an HTTP server, and try again");
  }
}

}  // namespace

struct Client::State {
  Settings settings;
  std::mutex mutex;
  std::vector<Handle> idle;  // guarded by mutex; they keep their connections

  Handle take() {
    static const auto initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)initialised;
    const std::lock_guard lock(mutex);
    if (idle.empty()) return Handle(curl_easy_init(), &curl_easy_cleanup);
    auto handle = std::move(idle.back());
    idle.pop_back();
    return handle;
  }
  void give(Handle handle) {
    curl_easy_reset(handle.get());  // its options point to variables of the request
    const std::lock_guard lock(mutex);
    if (idle.size() < idle_handles) idle.push_back(std::move(handle));
  }

  bool cancelled() const { return settings.cancelled && settings.cancelled(); }
  Result<Response> once(const Request&, const Receiver*);
  Result<Response> redirected(Request, const Receiver*);
  Result<> pause(std::chrono::milliseconds) const;
};

namespace {

void authenticate(CURL* handle, const Authentication& authentication, const std::string& payload_hash, Headers& headers) {
  const auto add = [&](const std::string& line) { headers.reset(curl_slist_append(headers.release(), line.c_str())); };
  if (const auto* basic = std::get_if<Basic>(&authentication)) {
    curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(handle, CURLOPT_USERNAME, basic->user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, basic->password.c_str());
  } else if (const auto* bearer = std::get_if<Bearer>(&authentication)) {
    curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(handle, CURLOPT_XOAUTH2_BEARER, bearer->token.c_str());
  } else if (const auto* key = std::get_if<Signature>(&authentication)) {
    curl_easy_setopt(handle, CURLOPT_AWS_SIGV4, ("aws:amz:" + key->region + ":s3").c_str());
    curl_easy_setopt(handle, CURLOPT_USERNAME, key->key_id.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, key->secret.c_str());
    add("x-amz-content-sha256: " + payload_hash);
    if (!key->session_token.empty()) add("x-amz-security-token: " + key->session_token);
  }
}

// SHA-256 of nothing, which AWS signatures of requests without a body contain.
constexpr const char* empty_payload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* unsigned_payload = "UNSIGNED-PAYLOAD";

}  // namespace

Result<Response> Client::State::once(const Request& request, const Receiver* receiver) {
  if (cancelled()) return Error{Code::cancelled, without_query(request.url) + ": cancelled"};
  auto owned = take();
  CURL* handle = owned.get();
  if (!handle) return exhausted("cannot start an HTTP request: out of memory; give the node more memory");
  auto url = parse_url(request.url.substr(0, request.url.find('?')), "url");
  Transfer transfer{settings, receiver, request.max_body, url && url->is_loopback()};
  transfer.response.place = without_query(request.url);
  transfer.handle = handle;

  Headers headers(nullptr, &curl_slist_free_all);
  for (const auto& line : request.headers) headers.reset(curl_slist_append(headers.release(), line.c_str()));
  authenticate(handle, settings.authentication, request.body.empty() ? empty_payload : unsigned_payload, headers);
  char detail[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "data-mole");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(settings.connect_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, slowest);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(settings.stall_timeout.count()));
  const std::chrono::seconds total = receiver ? std::chrono::hours(24) : settings.total_timeout;
  curl_easy_setopt(handle, CURLOPT_TIMEOUT, static_cast<long>(total.count()));
  if (!settings.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, settings.ca_file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  if (request.method == Method::head) curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  if (request.method == Method::post) {
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (request.from) curl_easy_setopt(handle, CURLOPT_RANGE, (std::to_string(*request.from) + "-").c_str());
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &mole_web_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &mole_web_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &mole_web_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, &mole_web_socket);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &transfer);

  const auto code = curl_easy_perform(handle);
  transfer.response.status = Transfer::status_of(handle);
  curl_off_t wait = 0;
  if (curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
    transfer.response.retry_after = static_cast<std::uint64_t>(wait);
  if (transfer.error) return *transfer.error;
  if (code != CURLE_OK) return transport_error(code, detail, transfer);
  if (receiver && is_success(transfer.response.status) && !transfer.begin()) return *transfer.error;  // an empty body
  give(std::move(owned));
  return std::move(transfer.response);
}

Result<Response> Client::State::redirected(Request request, const Receiver* receiver) {
  for (int count = 0;; ++count) {
    MOLE_TRY(auto response, once(request, receiver));
    const auto& location = response.header("location");
    if (!is_redirect(response.status) || location.empty()) return response;
    MOLE_TRY(const auto from, parse_url(request.url.substr(0, request.url.find('?')), "url"));
    const auto to = follow_link(from, location);
    if (!to || !to->same_origin(from))
      return denied(response.place + ": the server redirects to " +
                    (to ? printable(to->origin()) : "a place that is not on the web") +
                    ", which is a different server; set the URL in the manifest to that server if you trust it");
    if (request.method == Method::post || request.url.find('?') != std::string::npos || count == max_redirects)
      return invalid(response.place +
                     ": the server redirects too often, or redirects a request that is not repeated elsewhere; check the URL in "
                     "the manifest");
    request.url = to->text();
  }
}

Result<> Client::State::pause(std::chrono::milliseconds length) const {
  const auto end = std::chrono::steady_clock::now() + length;
  while (std::chrono::steady_clock::now() < end) {
    if (cancelled()) return Error{Code::cancelled, "cancelled while waiting for the archive"};
    std::this_thread::sleep_for(
        std::min<std::chrono::nanoseconds>(std::chrono::milliseconds(100), end - std::chrono::steady_clock::now()));
  }
  return {};
}

Client::Client(Settings settings) : state_(std::make_unique<State>()) { state_->settings = std::move(settings); }
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;

Result<Response> Client::send(const Request& request) const {
  const auto end = std::chrono::steady_clock::now() + repeat_within;
  auto wait = state_->settings.first_pause;
  for (int attempt = 1;; ++attempt, wait *= 2) {
    auto response = state_->redirected(request, nullptr);
    const bool failed = response ? may_pass(response->status) : response.error().code == Code::transient;
    if (!failed || attempt == attempts || request.method == Method::post) return response;
    const auto asked = response ? std::min<std::uint64_t>(response->retry_after, 3600) : 0;
    const auto pause = std::max<std::chrono::milliseconds>(wait, std::chrono::seconds(asked));
    if (std::chrono::steady_clock::now() + pause > end) return response;
    if (auto waited = state_->pause(pause); !waited) return waited.error();
  }
}

Result<Response> Client::download(const Request& request, const Receiver& receiver) const {
  return state_->redirected(request, &receiver);
}

const std::string& Response::header(const std::string& name) const {
  static const std::string none;
  const auto found = headers.find(name);
  return found == headers.end() ? none : found->second;
}

Error status_error(const Response& r) {
  const auto text = r.place + ": the server answered with status " + std::to_string(r.status);
  switch (r.status) {
    case 401:
    case 403:
    case 407:
      return denied(text + " (access denied); check the credentials and their rights, and whether they have expired");
    case 404:
    case 410:
      return missing(text + " (not found); index the archive again");
    case 412:
    case 416:
      return missing(text + ": the file has changed since it was listed; index the archive again");
    case 429:
    case 503:
      return busy(text + " (too busy); " +
                  (r.retry_after > 0 ? "try again in " + std::to_string(r.retry_after) + " s" : "try again later"));
    case 408:
    case 500:
    case 502:
    case 504:
      return transient(text + "; try again, or check the server");
    default:
      if (r.status >= 500) return transient(text + "; try again, or check the server");
      return invalid(text + "; check the URL in the manifest");
  }
}

}  // namespace mole::web
