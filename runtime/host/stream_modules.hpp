// Decoder and downloader plugins opened with their parameters.
#pragma once

#include "runtime/host/plugin_set.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace mole::runtime {

// The common part of decoders and downloaders. Immutable once open.
template <class Module, class Vtable, PluginKind kind>
class StreamModule {
 public:
  static Result<std::unique_ptr<Module>> open(const PluginSet& plugins, const task::PluginUse& use);
  // Opens a plugin that is linked into this process (tests, tools).
  static Result<std::unique_ptr<Module>> open(const Vtable* vtable, const Descriptor& descriptor, const nlohmann::json& params,
                                              CallRecord& record);
  StreamModule(const StreamModule&) = delete;
  StreamModule& operator=(const StreamModule&) = delete;

  const Vtable* vtable() const { return vtable_; }
  const mole_module* module() const { return module_; }
  const std::string& name() const { return name_; }  // "decoder netflow5", for the call record

 protected:
  StreamModule() = default;
  ~StreamModule();

  const Vtable* vtable_ = nullptr;
  std::string name_;
  CallRecord* record_ = nullptr;
  mole_module* module_ = nullptr;
};

// Must outlive the decoders that FlowReader creates from it.
class DecoderModule : public StreamModule<DecoderModule, mole_decoder_v1, PluginKind::decoder> {
 public:
  // Whether content that begins like this has the decoder's format.
  bool recognises(std::span<const std::uint8_t> head) const;
  // Runs `body` (a FlowReader's next), marked in the call record as one step of the decoder.
  template <class F>
  auto step(std::uint64_t batch, F&& body) const {
    record_->mark(Call::next, no_step, name_, batch);
    auto result = body();
    record_->clear();
    return result;
  }
};

// Any thread.
class DownloaderModule : public StreamModule<DownloaderModule, mole_downloader_v1, PluginKind::downloader> {
 public:
  // Calls `found` for every file, in the downloader's order. An error from `found` stops the listing and is returned.
  // `passed_over`: counts the paths that the downloader does not list; null: not wanted.
  Result<> index(const std::function<Result<>(const task::IndexEntry&)>& found,
                 std::vector<task::PassedOver>* passed_over = nullptr) const;
  // Requests files. True: all are ready; false: call again later.
  Result<bool> stage(std::span<const std::string> ids) const;
  // Passes the bytes of a file to `write` in pieces. An error from `write` stops the transfer and is returned.
  Result<> fetch(const std::string& id, const std::function<Result<>(std::string_view)>& write) const;
};

}  // namespace mole::runtime
