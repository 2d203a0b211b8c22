// Downloaders: list the files of an archive and fetch them.
//
//   struct Directory {
//     static constexpr auto about = mole::downloader("directory", "1.0.0", "Reads a directory as an archive");
//
//     struct Params { std::string root; };
//     static constexpr auto params = mole::params(mole::param("root", &Params::root, mole::format::path, "Folder to read"));
//
//     explicit Directory(const Params& p);
//     mole::Result<> index(mole::ObjectSink& found) const;                             // lists all files, in any order
//     mole::Result<mole::Staged> stage(std::span<const std::string_view> ids) const;   // makes files ready; idempotent
//     mole::Result<> fetch(std::string_view id, mole::ByteSink& out) const;            // writes the bytes of a ready file
//   };
//   MOLE_PLUGINS(Directory)
//
// There is one object per process, shared by all threads: the three functions are const and may run concurrently. The host hashes
// the written bytes, limits their rate, decides where they are stored, and publishes a file only when it is complete.
#pragma once

#include <mole/detail/boundary.hpp>
#include <mole/detail/entry.hpp>
#include <mole/params.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace mole {

enum class Staged { ready, pending };  // pending: the host calls `stage` again later

// One file of an archive. The strings need to be valid only during the call.
struct Object {
  std::string_view id;       // passed to fetch; its last path component is matched against `files` of the manifest
  std::uint64_t size = 0;    // bytes
  std::string_view version;  // changes when the content may have changed (mtime, etag); empty if unknown
  std::string_view medium;   // the tape; empty if there is none
  std::uint64_t position = 0;
};

class ObjectSink {
 public:
  explicit ObjectSink(const mole_index_sink* sink) : sink_(sink) {}

  // On failure, stop and return the error.
  Result<> found(const Object& o) {
    const mole_object raw{sizeof raw, 0, detail::text_of(o.id), o.size, detail::text_of(o.version), detail::text_of(o.medium),
                          o.position};
    const auto code = sink_->found(sink_->self, &raw);
    if (code == MOLE_OK) return {};
    return Error{static_cast<Code>(code), "the host could not record the file"};
  }

 private:
  const mole_index_sink* sink_;
};

class ByteSink {
 public:
  explicit ByteSink(const mole_writer* writer) : writer_(writer) {}

  // Copies the bytes. On failure, stop and return the error.
  Result<> write(std::span<const std::byte> bytes) {
    const auto code = writer_->write(writer_->self, bytes.data(), bytes.size());
    if (code == MOLE_OK) return {};
    return Error{static_cast<Code>(code), "the host could not store the bytes"};
  }

 private:
  const mole_writer* writer_;
};

namespace detail {

template <class D>
struct DownloaderCalls {
  static std::int32_t open(const mole_host*, const mole_value* params, std::uint32_t count, mole_module** out, mole_error* e) {
    return guarded(e, [&] {
      const auto p = read_params<D>(params, count);
      if constexpr (requires { D::params; })
        *out = as_module(new D(p));
      else
        *out = as_module(new D());
    });
  }
  static void close(mole_module* m) { delete reinterpret_cast<D*>(m); }

  static std::int32_t index(const mole_module* m, const mole_index_sink* sink, mole_error* e) {
    return guarded(e, [&] {
      ObjectSink found(sink);
      return module_of<D>(m).index(found);
    });
  }
  static std::int32_t stage(const mole_module* m, const mole_text* ids, std::uint32_t count, mole_error* e) {
    return guarded(e, [&]() -> std::int32_t {
      std::vector<std::string_view> views;
      for (std::uint32_t i = 0; i < count; ++i) views.push_back(view(ids[i]));
      const Result<Staged> staged = module_of<D>(m).stage(views);
      if (!staged) return put_error(e, staged.error());
      return *staged == Staged::ready ? MOLE_OK : MOLE_PENDING;
    });
  }
  static std::int32_t fetch(const mole_module* m, mole_text id, const mole_writer* writer, mole_error* e) {
    return guarded(e, [&] {
      ByteSink out(writer);
      return module_of<D>(m).fetch(view(id), out);
    });
  }
};

template <>
struct Glue<Kind::downloader> {
  static constexpr const char* kind_id = "mole.downloader/1";
  template <class D>
  static std::string describe() {
    return describe_about(D::about).raw("params", describe_params<D>()).str();
  }
  template <class D>
  static constexpr mole_downloader_v1 vtable{sizeof(mole_downloader_v1), 0,
                                             DownloaderCalls<D>::open,   DownloaderCalls<D>::close,
                                             DownloaderCalls<D>::index,  DownloaderCalls<D>::stage,
                                             DownloaderCalls<D>::fetch};
};

}  // namespace detail
}  // namespace mole
