// Decoder and downloader plugins opened with their parameters.
#pragma once

#include "runtime/host/plugin_set.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace mole::runtime {

// Immutable once open. Must outlive the decoders that FlowReader creates from it.
class DecoderModule {
 public:
  static Result<std::unique_ptr<DecoderModule>> open(const PluginSet& plugins, const task::PluginUse& use);
  // Opens a decoder that is linked into this process (tests, tools).
  static Result<std::unique_ptr<DecoderModule>> open(const mole_decoder_v1* vtable, const Descriptor& descriptor,
                                                     const nlohmann::json& params, CallRecord& record);
  ~DecoderModule();
  DecoderModule(const DecoderModule&) = delete;
  DecoderModule& operator=(const DecoderModule&) = delete;

  const mole_decoder_v1* vtable() const { return vtable_; }
  const mole_module* module() const { return module_; }
  const std::string& name() const { return name_; }  // "decoder netflow5", for the call record

  // Runs `body` (a FlowReader's next), marked in the call record as one step of the decoder.
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

// Immutable once open. Any thread.
class DownloaderModule {
 public:
  static Result<std::unique_ptr<DownloaderModule>> open(const PluginSet& plugins, const task::PluginUse& use);
  static Result<std::unique_ptr<DownloaderModule>> open(const mole_downloader_v1* vtable, const Descriptor& descriptor,
                                                        const nlohmann::json& params, CallRecord& record);
  ~DownloaderModule();
  DownloaderModule(const DownloaderModule&) = delete;
  DownloaderModule& operator=(const DownloaderModule&) = delete;

  // Calls `found` for every file, in the downloader's order. An error of `found` stops the listing and is returned.
  Result<> index(const std::function<Result<>(const task::IndexEntry&)>& found) const;
  // Requests files. True: all are ready; false: call again later.
  Result<bool> stage(std::span<const std::string> ids) const;
  // Passes the bytes of a file to `write` in pieces. An error of `write` stops the transfer and is returned.
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
