#include "runtime/host/stream_modules.hpp"

#include "runtime/host/host_services.hpp"
#include "runtime/host/plugin_call.hpp"

#include <optional>

namespace mole::runtime {
namespace {

// Opens a decoder or downloader; only the type of the table differs.
template <class Vtable>
Result<mole_module*> open_module(const Vtable* vtable, const Descriptor& descriptor, const nlohmann::json& given,
                                 const std::string& name, CallRecord& record) {
  auto params = resolve_params(descriptor, given);
  if (!params) return Error{params.error().code, name + ": " + params.error().message};
  auto values = to_values(descriptor, *params);
  if (!values) return values.error();
  mole_module* module = nullptr;
  auto opened = plugin_call(record, Call::open, no_step, name, 0, [&](mole_error* e) {
    return vtable->open(host_services_for(name), values->data(), static_cast<std::uint32_t>(values->size()), &module, e);
  });
  if (!opened) return opened.error();
  if (*opened != MOLE_OK) return call_error(name, Call::open, *opened, {});
  return module;
}

std::string text_of(mole_text t) { return t.data ? std::string(t.data, t.size) : std::string(); }

constexpr std::uint64_t max_text = 64 * 1024;  // of an id, version or medium

struct Listing {
  const std::function<Result<>(const task::IndexEntry&)>& found;
  std::optional<Error> error;

  static std::int32_t take(void* self, const mole_object* object) {
    auto* listing = static_cast<Listing*>(self);
    Result<> taken;
    if (object->struct_size < sizeof(mole_object) || object->id.size == 0 || object->id.size > max_text ||
        object->version.size > max_text || object->medium.size > max_text)
      taken = internal("the downloader listed a file with an empty or too long id; report this bug to its author");
    else
      taken = listing->found(
          {text_of(object->id), object->size, text_of(object->version), text_of(object->medium), object->position});
    if (taken) return MOLE_OK;
    listing->error = taken.error();
    return static_cast<std::int32_t>(taken.error().code);
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

Result<std::unique_ptr<DecoderModule>> DecoderModule::open(const PluginSet& plugins, const task::PluginUse& use) {
  auto loaded = plugins.load(use, PluginKind::decoder);
  if (!loaded) return loaded.error();
  return open(static_cast<const mole_decoder_v1*>(loaded->plugin->vtable), loaded->descriptor, use.params, plugins.record());
}

Result<std::unique_ptr<DecoderModule>> DecoderModule::open(const mole_decoder_v1* vtable, const Descriptor& descriptor,
                                                           const nlohmann::json& params, CallRecord& record) {
  std::unique_ptr<DecoderModule> decoder(new DecoderModule(vtable, "decoder " + descriptor.name, record));
  auto module = open_module(vtable, descriptor, params, decoder->name_, record);
  if (!module) return module.error();
  decoder->module_ = *module;
  return decoder;
}

DecoderModule::~DecoderModule() {
  if (!module_) return;
  record_.mark(Call::close, no_step, name_);
  vtable_->close(module_);
  record_.clear();
}

Result<std::unique_ptr<DownloaderModule>> DownloaderModule::open(const PluginSet& plugins, const task::PluginUse& use) {
  auto loaded = plugins.load(use, PluginKind::downloader);
  if (!loaded) return loaded.error();
  return open(static_cast<const mole_downloader_v1*>(loaded->plugin->vtable), loaded->descriptor, use.params, plugins.record());
}

Result<std::unique_ptr<DownloaderModule>> DownloaderModule::open(const mole_downloader_v1* vtable, const Descriptor& descriptor,
                                                                 const nlohmann::json& params, CallRecord& record) {
  std::unique_ptr<DownloaderModule> downloader(new DownloaderModule(vtable, "downloader " + descriptor.name, record));
  auto module = open_module(vtable, descriptor, params, downloader->name_, record);
  if (!module) return module.error();
  downloader->module_ = *module;
  return downloader;
}

DownloaderModule::~DownloaderModule() {
  if (!module_) return;
  record_.mark(Call::close, no_step, name_);
  vtable_->close(module_);
  record_.clear();
}

Result<> DownloaderModule::index(const std::function<Result<>(const task::IndexEntry&)>& found) const {
  Listing listing{found, {}};
  const mole_index_sink sink{&listing, &Listing::take};
  auto done =
      plugin_call(record_, Call::index, no_step, name_, 0, [&](mole_error* e) { return vtable_->index(module_, &sink, e); });
  if (listing.error) return *listing.error;
  if (!done) return done.error();
  return *done == MOLE_OK || *done == MOLE_END ? Result<>() : call_error(name_, Call::index, *done, {});
}

Result<bool> DownloaderModule::stage(std::span<const std::string> ids) const {
  std::vector<mole_text> texts;
  for (const auto& id : ids) texts.push_back(to_text(id));
  auto done = plugin_call(record_, Call::stage, no_step, name_, 0, [&](mole_error* e) {
    return vtable_->stage(module_, texts.data(), static_cast<std::uint32_t>(texts.size()), e);
  });
  if (!done) return done.error();
  return *done != MOLE_PENDING;
}

Result<> DownloaderModule::fetch(const std::string& id, const std::function<Result<>(std::string_view)>& write) const {
  Transfer transfer{write, record_, {}};
  const mole_writer writer{&transfer, &Transfer::take};
  auto done = plugin_call(record_, Call::fetch, no_step, name_, 0,
                          [&](mole_error* e) { return vtable_->fetch(module_, to_text(id), &writer, e); });
  if (transfer.error) return *transfer.error;  // from `write`: the disk, the size limit
  if (!done) return done.error();
  return *done == MOLE_PENDING ? Result<>(transient(name_ + ": fetch: the file is not ready yet; stage it first")) : Result<>();
}

}  // namespace mole::runtime
