#include "runtime/host/stream_modules.hpp"

#include "runtime/host/host_services.hpp"
#include "runtime/host/plugin_call.hpp"

#include <cstddef>
#include <optional>

namespace mole::runtime {
namespace {

std::string text_of(mole_text t) { return t.data ? std::string(t.data, t.size) : std::string(); }

constexpr std::uint64_t max_text = 64 * 1024;  // of an id, version or medium
constexpr std::uint64_t max_digest = 256;

std::vector<mole_text> texts_of(std::span<const std::string> strings) {
  std::vector<mole_text> texts;
  for (const auto& s : strings) texts.push_back(to_text(s));
  return texts;
}

struct Listing {
  const std::function<Result<>(const task::IndexEntry&)>& found;
  CallRecord& record;
  std::vector<task::PassedOver>* passed_over;
  std::optional<Error> error = {};

  static std::int32_t take(void* self, const mole_object* object) {
    auto* listing = static_cast<Listing*>(self);
    listing->record.progress();
    Result<> taken;
    const bool since_1_3 = object->struct_size >= sizeof(mole_object);
    const std::string digest = since_1_3 && object->digest.size <= max_digest ? text_of(object->digest) : std::string();
    if (object->struct_size < offsetof(mole_object, digest) || object->id.size == 0 || object->id.size > max_text ||
        object->version.size > max_text || object->medium.size > max_text)
      taken = internal("the downloader listed a file with an empty id or a string over 64 KiB; report this bug to its author");
    else
      taken = listing->found({text_of(object->id), object->size, text_of(object->version), text_of(object->medium),
                              object->position, digest, since_1_3 && object->offline != 0});
    if (taken) return MOLE_OK;
    listing->error = taken.error();
    return static_cast<std::int32_t>(taken.error().code);
  }

  static void pass_over(void* self, mole_text path, mole_text reason) {
    auto* listing = static_cast<Listing*>(self);
    listing->record.progress();
    constexpr std::size_t max_shown = 4096;
    if (listing->passed_over)
      task::pass_over(*listing->passed_over, text_of(reason).substr(0, max_shown), text_of(path).substr(0, max_shown));
  }
};

// The states of files that are being staged; what a downloader does not report is pending.
struct Staging {
  std::vector<Result<bool>>& states;
  CallRecord& record;
  std::string name;

  static void take(void* self, std::uint32_t index, std::int32_t code, mole_text message) {
    auto* staging = static_cast<Staging*>(self);
    staging->record.progress();
    if (index >= staging->states.size()) return;
    if (code >= 0)
      staging->states[index] = code != MOLE_PENDING;
    else
      staging->states[index] = call_error(staging->name, Call::stage, code, text_of(message));
  }
};

struct Transfer {
  const std::function<Result<>(std::string_view)>& write;
  CallRecord& record;
  std::optional<Error> error;

  static std::int32_t take(void* self, const void* data, std::uint64_t size) {
    auto* transfer = static_cast<Transfer*>(self);
    transfer->record.progress();
    auto taken = transfer->write({static_cast<const char*>(data), size});
    if (taken) return MOLE_OK;
    transfer->error = taken.error();
    return static_cast<std::int32_t>(taken.error().code);
  }
};

}  // namespace

template <class Module, class Vtable, PluginKind kind>
Result<std::unique_ptr<Module>> StreamModule<Module, Vtable, kind>::open(const PluginSet& plugins, const task::PluginUse& use) {
  MOLE_TRY(auto loaded, plugins.load(use, kind));
  return open(static_cast<const Vtable*>(loaded.plugin->vtable), loaded.descriptor, use.params, plugins.record());
}

template <class Module, class Vtable, PluginKind kind>
Result<std::unique_ptr<Module>> StreamModule<Module, Vtable, kind>::open(const Vtable* vtable, const Descriptor& descriptor,
                                                                         const nlohmann::json& given, CallRecord& record) {
  const auto name = name_of(kind) + (" " + descriptor.name);
  MOLE_TRY(auto params, prefixed(name + ": ", resolve_params(descriptor, given)));
  MOLE_TRY(auto values, to_values(descriptor, params));
  mole_module* opened = nullptr;
  MOLE_TRY(auto outcome, plugin_call(record, Call::open, no_step, name, 0, [&](mole_error* e) {
             return vtable->open(host_services_for(name), values.data(), static_cast<std::uint32_t>(values.size()), &opened, e);
           }));
  if (outcome != MOLE_OK) return call_error(name, Call::open, outcome, {});
  auto out = std::make_unique<Module>();
  StreamModule& module = *out;
  module.vtable_ = vtable;
  module.name_ = name;
  module.record_ = &record;
  module.module_ = opened;
  return out;
}

template <class Module, class Vtable, PluginKind kind>
StreamModule<Module, Vtable, kind>::~StreamModule() {
  if (!module_) return;
  record_->mark(Call::close, no_step, name_);
  vtable_->close(module_);
  record_->clear();
}

template class StreamModule<DecoderModule, mole_decoder_v1, PluginKind::decoder>;
template class StreamModule<DownloaderModule, mole_downloader_v1, PluginKind::downloader>;

bool DecoderModule::recognises(std::span<const std::uint8_t> head) const {
  record_->mark(Call::recognises, no_step, name_);
  const bool recognised = vtable_->recognises(head.data(), head.size()) == 1;
  record_->clear();
  return recognised;
}

Result<> DownloaderModule::index(const std::function<Result<>(const task::IndexEntry&)>& found,
                                 std::vector<task::PassedOver>* passed_over) const {
  Listing listing{found, *record_, passed_over};
  const mole_index_sink sink{&listing, &Listing::take, &Listing::pass_over};
  auto done =
      plugin_call(*record_, Call::index, no_step, name_, 0, [&](mole_error* e) { return vtable_->index(module_, &sink, e); });
  if (listing.error) return *listing.error;
  if (!done) return done.error();
  return *done == MOLE_OK || *done == MOLE_END ? Result<>() : call_error(name_, Call::index, *done, {});
}

Result<bool> DownloaderModule::stage(std::span<const std::string> ids) const {
  const auto texts = texts_of(ids);
  auto done = plugin_call(*record_, Call::stage, no_step, name_, 0, [&](mole_error* e) {
    return vtable_->stage(module_, texts.data(), static_cast<std::uint32_t>(texts.size()), e);
  });
  if (!done) return done.error();
  return *done != MOLE_PENDING;
}

Result<std::vector<Result<bool>>> DownloaderModule::stage_each(std::span<const std::string> ids) const {
  const auto texts = texts_of(ids);
  std::vector<Result<bool>> states(ids.size(), false);
  Staging staging{states, *record_, name_};
  const mole_stage_sink sink{&staging, &Staging::take};
  auto done = plugin_call(*record_, Call::stage, no_step, name_, 0, [&](mole_error* e) {
    return vtable_->stage_each(module_, texts.data(), static_cast<std::uint32_t>(texts.size()), &sink, e);
  });
  if (!done) return done.error();
  return states;
}

Result<> DownloaderModule::fetch(const task::File& file, std::uint64_t offset,
                                 const std::function<Result<>(std::string_view)>& write) const {
  Transfer transfer{write, *record_, {}};
  const mole_writer writer{&transfer, &Transfer::take};
  auto done = plugin_call(*record_, Call::fetch, no_step, name_, 0, [&](mole_error* e) {
    if (!resumes()) return vtable_->fetch(module_, to_text(file.id), &writer, e);
    const mole_object expected{sizeof(mole_object),
                               0,
                               to_text(file.id),
                               file.size,
                               to_text(file.version),
                               to_text(file.medium),
                               file.position,
                               to_text(file.stated_digest),
                               0,
                               0};
    return vtable_->fetch_from(module_, &expected, offset, &writer, e);
  });
  if (transfer.error) return *transfer.error;  // from `write`: the disk, the size limit
  if (!done) return done.error();
  return *done == MOLE_PENDING ? Result<>(transient(name_ + ": fetch: the file is not ready yet; stage it first")) : Result<>();
}

Result<> DownloaderModule::release(std::span<const std::string> ids) const {
  if (!has(offsetof(mole_downloader_v1, release)) || !vtable_->release) return {};
  const auto texts = texts_of(ids);
  auto done = plugin_call(*record_, Call::release, no_step, name_, 0, [&](mole_error* e) {
    return vtable_->release(module_, texts.data(), static_cast<std::uint32_t>(texts.size()), e);
  });
  return done ? Result<>() : done.error();
}

}  // namespace mole::runtime
