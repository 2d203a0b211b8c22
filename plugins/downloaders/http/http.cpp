#include "plugins/downloaders/http/index.hpp"
#include "plugins/downloaders/web/credentials.hpp"
#include "plugins/downloaders/web/transfer.hpp"
#include "plugins/downloaders/web/url.hpp"

#include <mole/downloader.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {
namespace web = mole::web;
namespace http = mole::http;

constexpr std::uint64_t max_listing = std::uint64_t{256} << 20;
constexpr std::size_t max_folders = 100'000;
constexpr std::size_t max_files = 5'000'000;

// Credentials are sent only to the host that they are for.
mole::Result<web::Authentication> authentication(const web::Url& url) {
  web::Credentials given;
  if (const auto file = web::environment("MOLE_HTTP_CREDENTIALS_FILE"); !file.empty()) {
    MOLE_TRY(given, web::read_credentials(file, url.host));
  } else if (web::environment("MOLE_HTTP_HOST") == url.host) {
    given = {{"user", web::environment("MOLE_HTTP_USER")},
             {"password", web::environment("MOLE_HTTP_PASSWORD")},
             {"token", web::environment("MOLE_HTTP_TOKEN")}};
  }
  if (given["token"].empty() && given["user"].empty()) return web::Authentication();
  if (url.scheme != "https" && !url.is_loopback())
    return mole::denied("the credentials for " + url.host + " would be sent unencrypted; set params.url to an https URL");
  if (!given["token"].empty()) return web::Authentication(web::Bearer{given["token"]});
  return web::Authentication(web::Basic{given["user"], given["password"]});
}

// How a version of the index identifies a file in the headers of a response.
bool is_plain(std::string_view version) { return web::printable(version, version.size()) == version; }
bool is_etag(std::string_view version) { return is_plain(version) && (version.starts_with('"') || version.starts_with("W/\"")); }
bool is_date(std::string_view version) { return is_plain(version) && version.ends_with(" GMT"); }

// Lists the files below a URL by its index pages.
class Crawl {
 public:
  Crawl(const web::Client& client, const web::Url& base, std::uint64_t depth, const mole::IndexRange& range,
        std::function<mole::Result<>(const std::string& name)> found, mole::ObjectSink& sink)
      : client_(client), base_(base), depth_(depth), range_(range), found_(std::move(found)), sink_(sink) {}

  mole::Result<> run() {
    folders_.insert("");
    for (std::vector<Folder> open{{"", 0}}; !open.empty();) {
      const auto folder = std::move(open.back());
      open.pop_back();
      if (auto read = read_page(folder, open); !read) return read;
    }
    return {};
  }

 private:
  struct Folder {
    std::string name;  // below the base, ends with '/'; empty: the base
    std::uint64_t depth;
  };

  mole::Result<> read_page(const Folder& folder, std::vector<Folder>& open) {
    MOLE_TRY(const auto page, client_.send({.url = base_.text() + web::encode_path(folder.name)}));
    const bool refused = page.status == 403 || page.status == 404;
    if (refused && !folder.name.empty()) return pass_over(folder.name, "a folder that the server does not list");
    if (page.status == 404) return mole::invalid(page.place + ": the server has no such page; check params.url");
    if (page.status != 200) return web::status_error(page);
    if (!page.header("content-type").starts_with("text/html"))
      return mole::invalid(page.place + " is not an index page (HTML); set params.listing to the name of a listing of the files");
    MOLE_TRY(const auto at, web::parse_url(page.place, "url"));
    MOLE_TRY(const auto links, http::links_of(page.body));
    for (const auto& link : links)
      if (auto followed = follow(at, link, folder.depth, open); !followed) return followed;
    return {};
  }

  mole::Result<> follow(const web::Url& page, const std::string& link, std::uint64_t depth, std::vector<Folder>& open) {
    const auto to = web::follow_link(page, link);
    if (!to || to->path == page.path) return {};  // mail, scripts, a different order of the same page
    if (!to->same_origin(base_)) return pass_over(link, "a link to a different server");
    if (base_.path.starts_with(to->path) || page.path.starts_with(to->path)) return {};  // a folder above
    if (!to->path.starts_with(base_.path)) return pass_over(link, "a link to a place outside params.url");
    if (link.find('?') != std::string::npos) return pass_over(link, "a link with a query");
    const auto encoded = std::string_view(to->path).substr(base_.path.size());
    auto name = web::decode(encoded);
    if (!name || std::count(name->begin(), name->end(), '/') != std::count(encoded.begin(), encoded.end(), '/'))
      return pass_over(link, "a link that is not percent-encoded as a path");
    const bool is_folder = name->ends_with('/');
    if (const char* why = web::unusable_name(is_folder ? std::string_view(*name).substr(0, name->size() - 1) : *name))
      return pass_over(link, why);
    if (!is_folder) return take_file(std::move(*name));
    if (!may_contain_wanted(*name) || !folders_.insert(*name).second) return {};
    if (depth >= depth_) return pass_over(*name, "a folder deeper than params.depth");
    if (folders_.size() > max_folders)
      return mole::exhausted("the archive has more than 100000 folders; check params.url, or use a listing (params.listing)");
    open.push_back({std::move(*name), depth + 1});
    return {};
  }

  mole::Result<> take_file(std::string name) {
    if (!web::is_wanted(name, range_.prefixes) || !files_.insert(name).second) return {};
    if (files_.size() > max_files)
      return mole::exhausted("the archive has more than 5000000 files; check params.url, or use a listing (params.listing)");
    return found_(name);
  }

  bool may_contain_wanted(std::string_view folder) const {
    return range_.prefixes.empty() || std::any_of(range_.prefixes.begin(), range_.prefixes.end(), [&](std::string_view prefix) {
             return prefix.starts_with(folder) || folder.starts_with(prefix);
           });
  }

  mole::Result<> pass_over(const std::string& link, const char* reason) {
    sink_.passed_over(web::printable(link), reason);
    return {};
  }

  const web::Client& client_;
  const web::Url& base_;
  const std::uint64_t depth_;
  const mole::IndexRange& range_;
  const std::function<mole::Result<>(const std::string& name)> found_;
  mole::ObjectSink& sink_;
  std::set<std::string> folders_, files_;
};

}  // namespace

// Files of a web server used as an archive: those that its index pages link to, or those of a listing.
struct Http {
  static constexpr auto about = mole::downloader("http", "1.0.0", "Reads the files of a web server as an archive");

  struct Params {
    std::string url = {}, listing = {};
    std::uint64_t depth = 8;
  };
  static constexpr auto params =
      mole::params(mole::param("url", &Params::url, "URL of the folder with the files"),
                   mole::param("listing", &Params::listing,
                               "File below url that lists the files: name, size, mtime, digest; empty: the index pages"),
                   mole::param("depth", &Params::depth, mole::range(0, 64), "Levels of subfolders whose index pages are read"));

  explicit Http(const Params& p, const mole::Host& host = {}, web::Settings settings = {})
      : given(p), base(base_of(p)), client(configured(base, host, std::move(settings))) {}

  mole::Result<> index(mole::ObjectSink& found, const mole::IndexRange& range) const {
    if (!given.listing.empty()) return index_listing(found, range);
    return Crawl(
               client, base, given.depth, range, [&](const std::string& name) { return ask_for({.name = name}, found); }, found)
        .run();
  }

  mole::Result<mole::Staged> stage(std::span<const std::string_view>) const { return mole::Staged::ready; }

  mole::Result<> fetch(std::string_view id, mole::ByteSink& out) const { return fetch(id, {}, 0, out); }
  mole::Result<> fetch(const mole::Object& file, std::uint64_t offset, mole::ByteSink& out) const {
    web::Expected expected{.size = file.size};
    if (is_etag(file.version)) expected.etag = file.version;
    if (is_date(file.version)) expected.last_modified = file.version;
    return fetch(file.id, expected, offset, out);
  }

 private:
  static web::Url base_of(const Params& p) {
    if (p.url.empty()) throw mole::Failure(mole::invalid("http: 'url' is empty; set params: {url: https://HOST/FOLDER/}"));
    auto url = web::parse_url(p.url, "url");
    if (!url) throw mole::Failure(url.error());
    if (!url->path.ends_with('/')) url->path += '/';
    return *url;
  }
  static web::Settings configured(const web::Url& base, const mole::Host& host, web::Settings settings) {
    auto given = authentication(base);
    if (!given) throw mole::Failure(given.error());
    settings.authentication = *given;
    settings.ca_file = web::environment("SSL_CERT_FILE");
    if (!settings.cancelled) settings.cancelled = [host] { return host.cancelled(); };
    return settings;
  }

  std::string url_of(std::string_view name) const { return base.text() + web::encode_path(name); }

  mole::Result<> index_listing(mole::ObjectSink& found, const mole::IndexRange& range) const {
    MOLE_TRY(const auto listing, client.send({.url = url_of(given.listing), .max_body = max_listing}));
    if (listing.status == 404) return mole::invalid(listing.place + ": the server has no such listing; check params.listing");
    if (listing.status != 200) return web::status_error(listing);
    return mole::prefixed(listing.place + ": ", http::read_listing(listing.body, [&](const http::Line& line) -> mole::Result<> {
                            if (const char* why = web::unusable_name(line.name))
                              return found.passed_over(web::printable(line.name), why), mole::Result<>();
                            if (!web::is_wanted(line.name, range.prefixes)) return {};
                            if (!line.size) return ask_for(line, found);
                            const auto& version = line.mtime.empty() ? line.digest : line.mtime;
                            return found.found({.id = line.name, .size = *line.size, .version = version, .digest = line.digest});
                          }));
  }

  // Lists a file with the size and version that the server states.
  mole::Result<> ask_for(const http::Line& line, mole::ObjectSink& found) const {
    MOLE_TRY(const auto head, client.send({.method = web::Method::head, .url = url_of(line.name)}));
    const auto pass_over = [&](const char* why) { return found.passed_over(line.name, why), mole::Result<>(); };
    if (head.status == 404 || head.status == 410) return pass_over("a file that the server does not have");
    if (head.status == 403) return pass_over("a file to which the server denies access");
    if (head.status != 200) return web::status_error(head);
    const auto size = web::number(head.header("content-length"));
    if (!size) return pass_over("a file whose size the server does not state");
    const auto& etag = head.header("etag");
    return found.found(
        {.id = line.name, .size = *size, .version = is_etag(etag) ? etag : head.header("last-modified"), .digest = line.digest});
  }

  mole::Result<> fetch(std::string_view id, const web::Expected& expected, std::uint64_t offset, mole::ByteSink& out) const {
    if (web::unusable_name(id))
      return mole::invalid("'" + web::printable(id) + "' is not a name in this archive; index the archive again");
    web::Request request{.url = url_of(id)};
    // A server that has a different file then sends all of it, which is noticed.
    if (offset > 0 && expected.etag.starts_with('"'))
      request.headers.push_back("If-Range: " + expected.etag);
    else if (offset > 0 && !expected.last_modified.empty())
      request.headers.push_back("If-Range: " + expected.last_modified);
    return web::fetch_file(client, std::move(request), expected, offset, out);
  }

  Params given;
  web::Url base;
  web::Client client;
};

MOLE_PLUGINS(Http)
