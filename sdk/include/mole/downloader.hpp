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
// A downloader of a store in which listing, staging or transfer is expensive defines any of these instead of, or besides, the
// function of the same name above:
//
//  mole::Result<> index(mole::ObjectSink& found, const mole::IndexRange& range) const;          // at least the files of a range
//  mole::Result<> stage(std::span<const std::string_view> ids, mole::StageSink& states) const;  // reports the state of each
//  mole::Result<> fetch(const mole::Object& expected, std::uint64_t offset, mole::ByteSink& out) const;  // resumes at `offset`
//  mole::Result<> release(std::span<const std::string_view> ids) const;                         // these are no longer needed
//
// `stage` gets the files in the order in which they are wanted, returns without waiting for the medium, and is called again while
// a file is pending. `fetch` fails with Code::missing if size or version is not the expected one. Errors say who must act:
// Code::denied (wrong credentials or host key), Code::missing (the file is gone or changed), Code::busy (throttled; later),
// Code::transient (a broken connection; again), Code::corrupt (the medium cannot be read).
//
// A downloader that waits for a network defines the constructor D(const Params&, const mole::Host&) and polls host.cancelled().
//
// There is one object per process, shared by all threads: the functions are const and may run concurrently. The host hashes
// the written bytes, limits their rate, decides where they are stored, and publishes a file only when it is complete.
#pragma once

#include <mole/columns.hpp>
#include <mole/detail/boundary.hpp>
#include <mole/detail/entry.hpp>
#include <mole/host.hpp>
#include <mole/params.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace mole {

enum class Staged { ready, pending };  // pending: the host calls `stage` again later

// One file of an archive. The strings need to be valid only during the call.
struct Object {
  std::string_view id = {};       // passed to fetch; the end of this path is matched against `files` of the manifest
  std::uint64_t size = 0;         // bytes
  std::string_view version = {};  // changes when the content may have changed (mtime, etag); empty if unknown
  std::string_view medium = {};   // the tape; empty if there is none
  std::uint64_t position = 0;
  std::string_view digest = {};  // of the bytes: "sha256:" or "md5:" and hexadecimal digits; empty if unknown
  bool offline = false;          // must be staged before it can be fetched
};

// The part of an archive that is needed. A downloader may list more.
struct IndexRange {
  Time from, to;                               // files whose time, by their name, is in [from, to)
  std::span<const std::string_view> prefixes;  // ids of needed files begin with one of these; empty: with anything
};

namespace detail {

inline mole_object raw_object(const Object& o) {
  return {sizeof(mole_object), 0, text_of(o.id), o.size, text_of(o.version), text_of(o.medium), o.position, text_of(o.digest),
          o.offline ? 1 : 0,   0};
}
inline Object object_of(const mole_object& o) {
  return {view(o.id), o.size, view(o.version), view(o.medium), o.position, view(o.digest), o.offline != 0};
}

}  // namespace detail

class ObjectSink {
 public:
  explicit ObjectSink(const mole_index_sink* sink) : sink_(sink) {}

  // On failure, stop and return the error.
  Result<> found(const Object& o) {
    const mole_object raw = detail::raw_object(o);
    const auto code = sink_->found(sink_->self, &raw);
    if (code == MOLE_OK) return {};
    return Error{static_cast<Code>(code), "the host could not record the file"};
  }

  // Names a path that is not listed, such as an unreadable folder, and why: the same sentence for all paths of a kind. Both are
  // UTF-8. The host counts them and keeps some paths, and the user sees them.
  void passed_over(std::string_view path, std::string_view reason) {
    sink_->passed_over(sink_->self, detail::text_of(path), detail::text_of(reason));
  }

 private:
  const mole_index_sink* sink_;
};

// Receives the states of files that are being staged. `index`: the number of the file in the call's ids.
class StageSink {
 public:
  explicit StageSink(const mole_stage_sink* sink) : sink_(sink) {}

  void ready(std::size_t index) { put(index, MOLE_OK, {}); }
  void pending(std::size_t index) { put(index, MOLE_PENDING, {}); }
  // This file cannot be staged; the others are not affected.
  void failed(std::size_t index, const Error& error) { put(index, static_cast<std::int32_t>(error.code), error.message); }

 private:
  void put(std::size_t index, std::int32_t code, std::string_view message) {
    sink_->staged(sink_->self, static_cast<std::uint32_t>(index), code, detail::text_of(message));
  }

  const mole_stage_sink* sink_;
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
concept IndexesRange = requires(const D& d, ObjectSink& sink, const IndexRange& range) {
  d.index(sink, range);
};
template <class D>
concept StagesEach = requires(const D& d, std::span<const std::string_view> ids, StageSink& sink) {
  d.stage(ids, sink);
};
template <class D>
concept FetchesFrom = requires(const D& d, const Object& o, std::uint64_t offset, ByteSink& out) {
  d.fetch(o, offset, out);
};
template <class D>
concept Releases = requires(const D& d, std::span<const std::string_view> ids) {
  d.release(ids);
};

inline std::vector<std::string_view> views_of(const mole_text* texts, std::uint32_t count) {
  std::vector<std::string_view> out;
  for (std::uint32_t i = 0; i < count; ++i) out.push_back(view(texts[i]));
  return out;
}

// Stages files of a downloader that reports the state of each: MOLE_OK if all are ready.
template <class D>
std::int32_t stage_all(const D& downloader, std::span<const std::string_view> ids, mole_error* e) {
  struct States {
    std::vector<bool> ready;  // a file that is not reported is pending
    std::int32_t failed = MOLE_OK;
    std::string message;
  } states;
  states.ready.resize(ids.size());
  const mole_stage_sink raw{&states, [](void* self, std::uint32_t index, std::int32_t code, mole_text message) {
                              auto& s = *static_cast<States*>(self);
                              if (index < s.ready.size()) s.ready[index] = code == MOLE_OK;
                              if (code >= 0 || s.failed != MOLE_OK) return;
                              s.failed = code;
                              s.message = view(message);
                            }};
  StageSink sink(&raw);
  const Result<> done = downloader.stage(ids, sink);
  if (!done) return put_error(e, done.error());
  if (states.failed != MOLE_OK) return put_error(e, {static_cast<Code>(states.failed), states.message});
  return std::find(states.ready.begin(), states.ready.end(), false) == states.ready.end() ? MOLE_OK : MOLE_PENDING;
}

template <class D>
struct DownloaderCalls {
  static std::int32_t open(const mole_host* host, const mole_value* params, std::uint32_t count, mole_module** out,
                           mole_error* e) {
    return guarded(e, [&] {
      const auto p = read_params<D>(params, count);
      if constexpr (requires { D(p, Host(host)); })
        *out = as_module(new D(p, Host(host)));
      else if constexpr (requires { D::params; })
        *out = as_module(new D(p));
      else
        *out = as_module(new D());
    });
  }
  static void close(mole_module* m) { delete reinterpret_cast<D*>(m); }

  static std::int32_t index(const mole_module* m, const mole_index_sink* sink, mole_error* e) {
    return guarded(e, [&] {
      ObjectSink found(sink);
      if constexpr (requires { module_of<D>(m).index(found); })
        return module_of<D>(m).index(found);
      else
        return module_of<D>(m).index(found, IndexRange{{INT64_MIN}, {INT64_MAX}, {}});
    });
  }
  static std::int32_t index_range(const mole_module* m, const mole_index_range* raw, const mole_index_sink* sink, mole_error* e) {
    return guarded(e, [&] {
      ObjectSink found(sink);
      const auto prefixes = views_of(raw->prefixes, raw->prefix_count);
      return module_of<D>(m).index(found, IndexRange{{raw->start_us}, {raw->end_us}, prefixes});
    });
  }
  static std::int32_t stage(const mole_module* m, const mole_text* ids, std::uint32_t count, mole_error* e) {
    return guarded(e, [&]() -> std::int32_t {
      const auto views = views_of(ids, count);
      if constexpr (requires { module_of<D>(m).stage(views); }) {
        const Result<Staged> staged = module_of<D>(m).stage(views);
        if (!staged) return put_error(e, staged.error());
        return *staged == Staged::ready ? MOLE_OK : MOLE_PENDING;
      } else {
        return stage_all(module_of<D>(m), views, e);
      }
    });
  }
  static std::int32_t stage_each(const mole_module* m, const mole_text* ids, std::uint32_t count, const mole_stage_sink* raw,
                                 mole_error* e) {
    return guarded(e, [&] {
      StageSink sink(raw);
      return module_of<D>(m).stage(views_of(ids, count), sink);
    });
  }
  static std::int32_t fetch(const mole_module* m, mole_text id, const mole_writer* writer, mole_error* e) {
    return guarded(e, [&] {
      ByteSink out(writer);
      if constexpr (requires { module_of<D>(m).fetch(view(id), out); })
        return module_of<D>(m).fetch(view(id), out);
      else
        return Result<>(unsupported("this downloader needs a host with ABI 1.3; update Data Mole"));
    });
  }
  static std::int32_t fetch_from(const mole_module* m, const mole_object* expected, std::uint64_t offset,
                                 const mole_writer* writer, mole_error* e) {
    return guarded(e, [&] {
      ByteSink out(writer);
      return module_of<D>(m).fetch(object_of(*expected), offset, out);
    });
  }
  static std::int32_t release(const mole_module* m, const mole_text* ids, std::uint32_t count, mole_error* e) {
    return guarded(e, [&] { return module_of<D>(m).release(views_of(ids, count)); });
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
  static constexpr mole_downloader_v1 vtable = [] {
    using Calls = DownloaderCalls<D>;
    mole_downloader_v1 out{};
    out.struct_size = sizeof out;
    out.open = Calls::open;
    out.close = Calls::close;
    out.index = Calls::index;
    out.stage = Calls::stage;
    out.fetch = Calls::fetch;
    if constexpr (IndexesRange<D>) out.index_range = Calls::index_range;
    if constexpr (StagesEach<D>) out.stage_each = Calls::stage_each;
    if constexpr (FetchesFrom<D>) out.fetch_from = Calls::fetch_from;
    if constexpr (Releases<D>) out.release = Calls::release;
    return out;
  }();
};

}  // namespace detail
}  // namespace mole
