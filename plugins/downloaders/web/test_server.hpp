// For tests of downloaders: runs test_server.py, and calls a downloader as the host does.
#pragma once

#include "plugins/downloaders/web/client.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mole/downloader.hpp>

#include <array>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mole::web {

// One server for all tests of a program; it ends with the program.
class TestServer {
 public:
  static std::string url() { return "http://127.0.0.1:" + server().lines_[0]; }
  // The same by TLS, with a certificate that its own key has signed.
  static std::string tls_url() { return "https://127.0.0.1:" + server().lines_[1]; }
  static std::string certificate() { return server().lines_[2]; }

 private:
  TestServer() {
    std::array<int, 2> in{}, out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) std::abort();
    if (::fork() == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::execlp("python3", "python3", MOLE_TEST_SERVER, nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    for (auto& line : lines_)
      for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(out[0]);
  }
  static const TestServer& server() {
    static const TestServer only;
    return only;
  }
  std::array<std::string, 3> lines_;
};

// Sets environment variables for the life of a test.
class Variables {
 public:
  explicit Variables(std::map<std::string, std::string> values) : values_(std::move(values)) {
    for (const auto& [name, value] : values_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const auto& [name, value] : values_) ::unsetenv(name.c_str());
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  std::map<std::string, std::string> values_;
};

// Short waits.
inline Settings impatient() {
  return {.connect_timeout = std::chrono::seconds(2),
          .stall_timeout = std::chrono::seconds(2),
          .total_timeout = std::chrono::seconds(3),
          .first_pause = std::chrono::milliseconds(1)};
}

struct ListedFile {
  std::uint64_t size = 0;
  std::string version, digest;
  bool offline = false;
};
struct Listed {
  std::map<std::string, ListedFile> files;
  std::map<std::string, std::string> passed_over;  // path -> reason

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, unused] : files) out.push_back(name);
    return out;
  }
};

// The names of the server's complete archives.
inline const std::vector<std::string> archive_names{"100%.bz2",       "2007/b.bz2", "2007/deep/c.bz2", "a&b<c>.bz2",
                                                    "a+b.bz2",        "a.bz2",      "empty.bz2",       "hash#question?.bz2",
                                                    "with space.bz2", "zürich.bz2"};

template <class D>
Result<Listed> list(const D& downloader, const std::vector<std::string_view>& prefixes = {}) {
  Listed out;
  const mole_index_sink raw{
      &out,
      [](void* self, const mole_object* o) -> std::int32_t {
        const auto object = detail::object_of(*o);
        auto& files = static_cast<Listed*>(self)->files;
        EXPECT_FALSE(files.contains(std::string(object.id))) << "listed twice: " << object.id;
        files[std::string(object.id)] = {object.size, std::string(object.version), std::string(object.digest), object.offline};
        return MOLE_OK;
      },
      [](void* self, mole_text path, mole_text why) {
        static_cast<Listed*>(self)->passed_over[std::string(detail::view(path))] = detail::view(why);
      }};
  ObjectSink sink(&raw);
  if (auto done = downloader.index(sink, IndexRange{{INT64_MIN}, {INT64_MAX}, prefixes}); !done) return done.error();
  return out;
}

template <class D>
Result<std::string> fetch(const D& downloader, const Object& file, std::uint64_t offset = 0) {
  std::string out;
  const mole_writer raw{&out, [](void* self, const void* data, std::uint64_t size) -> std::int32_t {
                          static_cast<std::string*>(self)->append(static_cast<const char*>(data), size);
                          return MOLE_OK;
                        }};
  ByteSink sink(&raw);
  if (auto done = downloader.fetch(file, offset, sink); !done) return done.error();
  return out;
}

template <class D>
void expect_every_listed_file_can_be_fetched(const D& downloader) {
  const auto listed = list(downloader);
  ASSERT_TRUE(listed);
  for (const auto& [name, file] : listed->files) {
    const auto content = fetch(downloader, {.id = name, .size = file.size, .version = file.version});
    ASSERT_TRUE(content) << content.error().message;
    EXPECT_EQ(content->size(), file.size);
    EXPECT_TRUE(content->starts_with(name) || name == "empty.bz2");
  }
}

// The code of an error; `internal` with the value if there is none.
template <class T>
Code code_of(const Result<T>& result) {
  return result ? Code::internal : result.error().code;
}

inline std::string content_of(const std::string& name, std::size_t repeated) {
  std::string out;
  for (std::size_t i = 0; i < repeated; ++i) out += name + "\n";
  return out;
}

}  // namespace mole::web
