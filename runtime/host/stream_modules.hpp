// Decoder and downloader plugins opened with their parameters.
#pragma once

#include "runtime/host/plugin_set.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace mole::runtime {

// Immutable once open; FlowReader makes decoders from it. Lives at least as long as they.
class DecoderModule {
 public:
  static Result<std::unique_ptr<DecoderModule>> open(const PluginSet& plugins, const task::PluginUse& use);
  // A decoder that is already in this process (tests, tools).
  static Result<std::unique_ptr<DecoderModule>> open(const mole_decoder_v1* vtable, const Descriptor& descriptor,
                                                     const nlohmann::json& params, CallRecord& record);
  ~DecoderModule();
  DecoderModule(const DecoderModule&) = delete;
  DecoderModule& operator=(const DecoderModule&) = delete;

  const mole_decoder_v1* vtable() const { return vtable_; }
  const mole_module* module() const { return module_; }
  const std::string& name() const { return name_; }  // "decoder netflow5", for the call record

  // One step of the decoder, through `body` (a FlowReader's next): marked before, cleared after.
  template <class F>
  auto step(std::uint64_t batch, F&& body) const {
    record_.mark(Call::next, no_step, name_, batch);
    auto result = body();
    record_.clear();
    return result;
  }

 private:
  DecoderModule(const mole_decoder_v1* vtable, std::string name, CallRecord& record)
      : vtable_(vtable), name_(std::move(name)), record_(record) {}

  const mole_decoder_v1* vtable_;
  std::string name_;
  CallRecord& record_;
  mole_module* module_ = nullptr;
};

// Immutable once open; may be asked by several threads.
class DownloaderModule {
 public:
  static Result<std::unique_ptr<DownloaderModule>> open(const PluginSet& plugins, const task::PluginUse& use);
  static Result<std::unique_ptr<DownloaderModule>> open(const mole_downloader_v1* vtable, const Descriptor& descriptor,
                                                        const nlohmann::json& params, CallRecord& record);
  ~DownloaderModule();
  DownloaderModule(const DownloaderModule&) = delete;
  DownloaderModule& operator=(const DownloaderModule&) = delete;

  // Calls `found` for every file, in the downloader's order; what it returns stops the listing.
  Result<> index(const std::function<Result<>(const task::IndexEntry&)>& found) const;
  // True: all are ready; false: ask again later.
  Result<bool> stage(std::span<const std::string> ids) const;
  // The bytes of a file, in pieces; what `write` returns stops the transfer and is returned.
  Result<> fetch(const std::string& id, const std::function<Result<>(std::string_view)>& write) const;

 private:
  DownloaderModule(const mole_downloader_v1* vtable, std::string name, CallRecord& record)
      : vtable_(vtable), name_(std::move(name)), record_(record) {}

  const mole_downloader_v1* vtable_;
  std::string name_;
  CallRecord& record_;
  mole_module* module_ = nullptr;
};

}  // namespace mole::runtime
