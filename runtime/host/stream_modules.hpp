// Decoder and downloader plugins opened with their parameters.
#pragma once

#include "runtime/host/plugin_set.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

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
  // Requests files in the order in which they are wanted. True: all are ready; false: call again later.
  Result<bool> stage(std::span<const std::string> ids) const;
  // Whether stage_each and a fetch from an offset are available (since ABI 1.3).
  bool stages_each() const { return has(offsetof(mole_downloader_v1, stage_each)) && vtable_->stage_each; }
  bool resumes() const { return has(offsetof(mole_downloader_v1, fetch_from)) && vtable_->fetch_from; }
  // As stage; returns the state of each file: true: ready; false: not yet; an error of this file alone.
  Result<std::vector<Result<bool>>> stage_each(std::span<const std::string> ids) const;
  // Passes the bytes of a file from `offset` on to `write` in pieces. An error from `write` stops the transfer and is returned.
  // offset: 0 unless resumes().
  Result<> fetch(const task::File& file, std::uint64_t offset, const std::function<Result<>(std::string_view)>& write) const;
  // Tells the archive that these files are no longer needed, if the downloader can.
  Result<> release(std::span<const std::string> ids) const;

 private:
  bool has(std::size_t member) const { return vtable_->struct_size > member; }
};

}  // namespace mole::runtime
