// Chooses the decoder of each file of an archive and opens it.
//
//   Decoders decoders(plugins, spec.archive->candidates());
//   auto choice = decoders.choose(std::move(content));
//   auto reader = make_reader(std::move(*choice), file, wanted, router);
//
// A single decoder reads every file. Of several, the first one by name that recognises the first 4096 bytes of the content reads
// the file. If none does, the start may be damaged: each decoder reads the first 16 MiB, and the one that finds most flows reads
// the file, of several the first by name; if none finds a flow, the file is unreadable (docs/decisions/0174). The choice depends
// only on the file and the decoders.
#pragma once

#include "runtime/decode/content_source.hpp"
#include "runtime/decode/flow_reader.hpp"
#include "runtime/host/stream_modules.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mole::runtime {

// Not thread-safe: use from one thread at a time.
class Decoders {
 public:
  struct Choice {
    const DecoderModule* decoder = nullptr;  // null: no decoder reads the file
    std::string name;                        // of the decoder
    std::string reason;                      // why none reads it, and what to do
    std::unique_ptr<ContentSource> content;  // from its start
  };

  // `candidates`: by name, at least one. `plugins` must outlive it.
  Decoders(const PluginSet& plugins, std::vector<task::PluginUse> candidates)
      : plugins_(plugins), candidates_(std::move(candidates)) {}

  // Opens decoders when they are first needed. Returns the errors of DecoderModule::open, and of reading the content.
  Result<Choice> choose(std::unique_ptr<ContentSource> content);
  // Records progress within the current call: input was read or decompressed.
  void progress() const { plugins_.record().progress(); }

 private:
  Result<const DecoderModule*> open(const task::PluginUse& use);
  std::string why_none(std::span<const std::uint8_t> head) const;

  const PluginSet& plugins_;
  const std::vector<task::PluginUse> candidates_;
  std::map<std::string, std::unique_ptr<DecoderModule>> opened_;
};

// Returns the reader of a file with the chosen decoder, which must outlive it. See FlowReader.
std::unique_ptr<FlowReader> make_reader(Decoders::Choice choice, const task::File& file, ColumnSet wanted, std::uint32_t router);

}  // namespace mole::runtime
