#include "plugins/downloaders/s3/listing.hpp"
#include "plugins/downloaders/web/credentials.hpp"
#include "plugins/downloaders/web/transfer.hpp"
#include "plugins/downloaders/web/url.hpp"

#include <mole/downloader.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {
namespace web = mole::web;
namespace s3 = mole::s3;

// Error codes of S3 whose HTTP status does not say who must act.
struct Meaning {
  std::string_view error;
  mole::Code code;
  const char* remedy;
};
constexpr std::array meanings{
    Meaning{"ExpiredToken", mole::Code::denied, "the session has expired; renew AWS_SESSION_TOKEN and the keys of mole-node"},
    Meaning{"InvalidToken", mole::Code::denied, "correct AWS_SESSION_TOKEN of mole-node"},
    Meaning{"InvalidAccessKeyId", mole::Code::denied, "correct AWS_ACCESS_KEY_ID of mole-node"},
    Meaning{"SignatureDoesNotMatch", mole::Code::denied, "correct AWS_SECRET_ACCESS_KEY of mole-node"},
    Meaning{"RequestTimeTooSkewed", mole::Code::denied, "set the clock of this node (NTP)"},
    Meaning{"AuthorizationHeaderMalformed", mole::Code::denied, "set params.region to the region of the bucket"},
    Meaning{"PermanentRedirect", mole::Code::denied, "set params.region to the region of the bucket"},
    Meaning{"NoSuchBucket", mole::Code::invalid, "correct params.bucket"},
    Meaning{"InvalidBucketName", mole::Code::invalid, "correct params.bucket"},
    Meaning{"InvalidObjectState", mole::Code::invalid, "the object is in cold storage; set params.restore to have it restored"},
    Meaning{"RequestTimeout", mole::Code::transient, "try again"},
    Meaning{"GlacierExpeditedRetrievalNotAvailable", mole::Code::busy, "try again later, or set params.restore to standard"},
};

constexpr std::uint64_t max_pages = 1'000'000;

mole::Error error_of(const web::Response& r) {
  const auto code = s3::error_code(r.body);
  const auto found = std::find_if(meanings.begin(), meanings.end(), [&](const Meaning& m) { return m.error == code; });
  const auto& region = r.header("x-amz-bucket-region");
  if (r.status == 301 && !region.empty())
    return mole::denied(r.place + ": the bucket is in the region " + web::printable(region, 64) + "; set params.region to it");
  if (r.status == 400 && code.empty())  // of a HEAD request, which has no body
    return mole::denied(r.place + ": the server refused the request; check whether the credentials of mole-node have expired");
  if (found == meanings.end()) return web::status_error(r);
  return {found->code, r.place + ": the server refused the request (" + code + "); " + found->remedy};
}

// Of AWS_SHARED_CREDENTIALS_FILE, else of the variables with the keys. Without any, requests are not signed: the bucket is
// public.
mole::Result<web::Authentication> authentication(const std::string& region, const std::string& profile) {
  web::Signature key{web::environment("AWS_ACCESS_KEY_ID"), web::environment("AWS_SECRET_ACCESS_KEY"),
                     web::environment("AWS_SESSION_TOKEN"), region};
  if (const auto file = web::environment("AWS_SHARED_CREDENTIALS_FILE"); key.key_id.empty() && !file.empty()) {
    MOLE_TRY(auto given, web::read_credentials(file, profile));
    key = {given["aws_access_key_id"], given["aws_secret_access_key"], given["aws_session_token"], region};
    if (key.key_id.empty() || key.secret.empty())
      return mole::denied("the credentials file " + file +
                          " has no aws_access_key_id and aws_secret_access_key in its section [" + web::printable(profile) +
                          "]; add them, or correct params.profile");
  }
  if (key.key_id.empty()) return web::Authentication();
  if (key.secret.empty()) return mole::denied("AWS_ACCESS_KEY_ID is set but not AWS_SECRET_ACCESS_KEY; set both for mole-node");
  return web::Authentication(std::move(key));
}

void require(const std::string& text, std::string_view allowed, const char* parameter) {
  if (text.empty() || text.size() > 63 || text.find_first_not_of(allowed) != std::string::npos)
    throw mole::Failure(mole::invalid("s3: params." + std::string(parameter) + " is empty or not a name of S3; correct it"));
}

// "md5:..." of an ETag that is one, which those of uploads in parts are not.
std::string md5_of(std::string_view etag) {
  if (etag.size() != 34 || etag.front() != '"' || etag.back() != '"') return {};
  const auto digits = etag.substr(1, 32);
  return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos ? "md5:" + std::string(digits) : std::string();
}

// Prefixes none of which begins with another one, so that no object is listed twice.
std::vector<std::string> separate(std::span<const std::string_view> prefixes) {
  std::vector<std::string> sorted(prefixes.begin(), prefixes.end());
  if (sorted.empty()) sorted.emplace_back();
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> out;
  for (auto& prefix : sorted)
    if (out.empty() || !prefix.starts_with(out.back())) out.push_back(std::move(prefix));
  return out;
}

// Whether other objects may be staged nevertheless.
bool is_of_object(const mole::Error& e) { return e.code == mole::Code::missing || e.code == mole::Code::invalid; }

bool is_cold(std::string_view storage_class) { return storage_class == "GLACIER" || storage_class == "DEEP_ARCHIVE"; }

}  // namespace

// A bucket of S3, or of a server that speaks its protocol, used as an archive. Objects in cold storage are restored if
// params.restore allows it.
struct S3 {
  static constexpr auto about = mole::downloader("s3", "1.0.0", "Reads a bucket of S3 or of a compatible server as an archive");

  struct Params {
    std::string bucket = {}, prefix = {}, region = "us-east-1", endpoint = {}, profile = "default", restore = "none";
    std::uint64_t restore_days = 7;
    bool etag_is_md5 = true;
  };
  static constexpr auto params = mole::params(
      mole::param("bucket", &Params::bucket, "Name of the bucket"),
      mole::param("prefix", &Params::prefix, "Folder in the bucket; empty: all of it"),
      mole::param("region", &Params::region, "Region of the bucket"),
      mole::param("endpoint", &Params::endpoint, "URL of a compatible server, below which /BUCKET/KEY is read; empty: Amazon's"),
      mole::param("profile", &Params::profile, "Section of the credentials file"),
      mole::param("restore", &Params::restore, mole::one_of("none", "bulk", "standard", "expedited"),
                  "How objects in cold storage are restored, which costs money; none: they are not"),
      mole::param("restore_days", &Params::restore_days, mole::range(1, 365), "Days for which a restored object can be read"),
      mole::param("etag_is_md5", &Params::etag_is_md5, "Check files against their ETag; false: for encryption with KMS keys"));

  explicit S3(const Params& p, const mole::Host& host = {}, web::Settings settings = {})
      : given(p), base(base_of(p)), client(configured(p, host, std::move(settings))) {
    if (!given.prefix.empty() && !given.prefix.ends_with('/')) given.prefix += '/';
  }

  mole::Result<> index(mole::ObjectSink& found, const mole::IndexRange& range) const {
    for (const auto& prefix : separate(range.prefixes))
      if (auto listed = list(prefix, found); !listed) return listed;
    return {};
  }

  // Only objects that may be in cold storage cost a request each.
  mole::Result<> stage(std::span<const std::string_view> ids, mole::StageSink& states) const {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto ready = given.restore == "none" ? mole::Result<mole::Staged>(mole::Staged::ready) : stage(ids[i]);
      if (!ready && !is_of_object(ready.error())) return ready.error();
      if (!ready)
        states.failed(i, ready.error());
      else if (*ready == mole::Staged::ready)
        states.ready(i);
      else
        states.pending(i);
    }
    return {};
  }

  mole::Result<> fetch(std::string_view id, mole::ByteSink& out) const { return fetch(id, {}, 0, out); }
  mole::Result<> fetch(const mole::Object& file, std::uint64_t offset, mole::ByteSink& out) const {
    return fetch(file.id, {.size = file.size, .etag = std::string(file.version)}, offset, out);
  }

  // Where an object is, by its id.
  std::string url_of(std::string_view id) const { return base + web::encode_path(given.prefix) + web::encode_path(id); }

 private:
  static std::string base_of(const Params& p) {
    require(p.bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", "bucket");
    require(p.region, "abcdefghijklmnopqrstuvwxyz0123456789-", "region");
    if (p.endpoint.empty()) {
      const auto host = "s3." + p.region + ".amazonaws.com" + (p.region.starts_with("cn-") ? ".cn" : "");
      // Amazon's certificate does not match host names with more dots.
      return "https://" + (p.bucket.find('.') == std::string::npos ? p.bucket + "." + host + "/" : host + "/" + p.bucket + "/");
    }
    const auto url = web::parse_url(p.endpoint, "endpoint");
    if (!url) throw mole::Failure(url.error());
    return url->text() + (url->path.ends_with('/') ? "" : "/") + p.bucket + "/";
  }
  static web::Settings configured(const Params& p, const mole::Host& host, web::Settings settings) {
    auto given = authentication(p.region, p.profile);
    if (!given) throw mole::Failure(given.error());
    settings.authentication = *given;
    settings.ca_file = web::environment("SSL_CERT_FILE");
    if (!settings.cancelled) settings.cancelled = [host] { return host.cancelled(); };
    return settings;
  }

  // Signatures require the parameters of a query in alphabetical order.
  mole::Result<> list(const std::string& prefix, mole::ObjectSink& found) const {
    std::string next;
    for (std::uint64_t number = 0; number < max_pages; ++number) {
      const auto continued = next.empty() ? std::string() : "continuation-token=" + web::encode(next) + "&";
      MOLE_TRY(const auto response, client.send({.url = base + "?" + continued + "encoding-type=url&list-type=2&prefix=" +
                                                        web::encode(given.prefix + prefix)}));
      if (response.status == 404 && s3::error_code(response.body).empty())
        return mole::invalid(response.place + ": the server has no such bucket; check params.bucket and params.endpoint");
      if (response.status != 200) return error_of(response);
      MOLE_TRY(const auto page, mole::prefixed(response.place + ": ", s3::parse_page(response.body)));
      for (const auto& entry : page.entries)
        if (auto listed = take(entry, prefix, found); !listed) return mole::prefixed(response.place + ": ", std::move(listed));
      if (page.next.empty()) return {};
      if (page.next == next) return mole::transient(response.place + ": the list of objects does not end; check the server");
      next = page.next;
    }
    return mole::exhausted("the bucket " + given.bucket +
                           " has more than 1000000 pages of objects; set params.prefix to a folder");
  }

  mole::Result<> take(const s3::Entry& entry, const std::string& prefix, mole::ObjectSink& found) const {
    const auto& key = entry.key;
    if (!key.starts_with(given.prefix + prefix))
      return mole::transient("the server lists objects that were not asked for; check that params.endpoint is an S3 server");
    const auto id = key.substr(given.prefix.size());
    if (id.empty() || (id.ends_with('/') && entry.size == 0)) return {};  // stands for a folder
    if (const char* why = web::unusable_name(id)) return found.passed_over(web::printable(id), why), mole::Result<>();
    const auto digest = given.etag_is_md5 ? md5_of(entry.etag) : std::string();
    const auto version = web::printable(entry.etag, entry.etag.size());  // becomes a header
    return found.found(
        {.id = id, .size = entry.size, .version = version, .digest = digest, .offline = is_cold(entry.storage_class)});
  }

  mole::Result<mole::Staged> stage(std::string_view id) const {
    MOLE_TRY(const auto head, client.send({.method = web::Method::head, .url = url_of(id)}));
    if (head.status != 200) return error_of(head);
    const auto& restored = head.header("x-amz-restore");
    const bool cold = is_cold(head.header("x-amz-storage-class")) || !head.header("x-amz-archive-status").empty();
    if (!cold || restored.find("ongoing-request=\"false\"") != std::string::npos) return mole::Staged::ready;
    if (!restored.empty()) return mole::Staged::pending;
    MOLE_TRY(const auto asked,
             client.send({.method = web::Method::post, .url = url_of(id) + "?restore=", .body = restore_request(head)}));
    if (asked.status == 200) return mole::Staged::ready;
    if (asked.status == 202 || asked.status == 409) return mole::Staged::pending;  // 409: asked for already
    return error_of(asked);
  }

  // Objects of intelligent tiering return to a warm tier without a limit, and S3 refuses one.
  std::string restore_request(const web::Response& head) const {
    const bool keeps = head.header("x-amz-storage-class") == "INTELLIGENT_TIERING";
    auto tier = given.restore;
    tier[0] = static_cast<char>(tier[0] - 'a' + 'A');
    return "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" +
           (keeps ? "" : "<Days>" + std::to_string(given.restore_days) + "</Days>") + "<GlacierJobParameters><Tier>" + tier +
           "</Tier></GlacierJobParameters></RestoreRequest>";
  }

  mole::Result<> fetch(std::string_view id, const web::Expected& expected, std::uint64_t offset, mole::ByteSink& out) const {
    web::Request request{.url = url_of(id)};
    if (!expected.etag.empty()) request.headers.push_back("If-Match: " + expected.etag);
    const auto refused = [this](const web::Response& r) {
      if (given.restore == "none" || s3::error_code(r.body) != "InvalidObjectState") return error_of(r);
      return mole::transient(r.place +
                             ": the object has not been restored yet, or its restored copy has expired; stage it again");
    };
    return web::fetch_file(client, std::move(request), expected, offset, out, refused);
  }

  Params given;
  std::string base;  // URL of the bucket, ends with '/'
  web::Client client;
};

MOLE_PLUGINS(S3)
