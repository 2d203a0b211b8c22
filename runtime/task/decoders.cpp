#include "runtime/task/decoders.hpp"

#include "runtime/decode/held_source.hpp"

namespace mole::runtime {
namespace {

constexpr std::size_t head_bytes = 4096;
constexpr std::uint64_t trial_bytes = std::uint64_t{16} << 20;  // 300,000 flows of NetFlow v5

// Returns how many flows the decoder finds in the content. A decoder that fails on content that it does not recognise finds none.
Result<std::uint64_t> flows_in(std::unique_ptr<ContentSource> content, const DecoderModule& decoder) {
  FlowReader reader({}, std::move(content), decoder.vtable(), decoder.module(), ColumnSet().set(MOLE_COLUMN_START), 0);
  FlowBatch batch;
  for (std::uint64_t number = 0;; ++number) {
    const auto more = decoder.step(number, [&] { return reader.next(batch); });
    if (!more && (more.error().code == Code::exhausted || more.error().code == Code::cancelled)) return more.error();
    if (!more) return std::uint64_t{0};
    if (!*more) return reader.flows();
  }
}

}  // namespace

Result<const DecoderModule*> Decoders::open(const task::PluginUse& use) {
  auto& opened = opened_[use.name];
  if (!opened) {
    MOLE_TRY(opened, DecoderModule::open(plugins_, use));
  }
  return opened.get();
}

Result<Decoders::Choice> Decoders::choose(std::unique_ptr<ContentSource> content) {
  Choice choice;
  if (candidates_.size() == 1) {
    MOLE_TRY(choice.decoder, open(candidates_.front()));
    choice.name = candidates_.front().name;
    choice.content = std::move(content);
    return choice;
  }
  auto held = std::make_unique<HeldSource>(std::move(content));
  if (auto read = held->hold(head_bytes); !read) return read.error();
  const auto head = held->head(head_bytes);
  for (const auto& use : candidates_) {
    if (head.empty()) break;
    MOLE_TRY(const auto* decoder, open(use));
    if (!decoder->recognises(head)) continue;
    choice = {decoder, use.name, {}, std::move(held)};
    return choice;
  }
  if (auto read = held->hold(head.empty() ? 0 : trial_bytes); !read) return read.error();
  std::uint64_t most = 0;
  for (const auto& use : candidates_) {
    if (head.empty()) break;
    MOLE_TRY(const auto* decoder, open(use));
    MOLE_TRY(const auto flows, flows_in(held->excerpt(trial_bytes), *decoder));
    if (flows <= most) continue;
    most = flows;
    choice.decoder = decoder;
    choice.name = use.name;
  }
  if (!choice.decoder && !head.empty()) choice.reason = why_none(head);
  choice.content = std::move(held);
  return choice;
}

std::string Decoders::why_none(std::span<const std::uint8_t> head) const {
  std::string names;
  for (const auto& use : candidates_) names += (names.empty() ? "" : ", ") + use.name;
  const auto named = why_unreadable(head, "no installed decoder reads (" + names + ")");
  if (!named.empty()) return named;
  return "no installed decoder recognises the content or finds a flow in it (" + names +
         "); install a decoder for it, or name the decoder that can read it";
}

std::unique_ptr<FlowReader> make_reader(Decoders::Choice choice, const task::File& file, ColumnSet wanted, std::uint32_t router) {
  if (!choice.decoder) return std::make_unique<FlowReader>(file, std::move(choice.content), choice.reason);
  auto reader = std::make_unique<FlowReader>(file, std::move(choice.content), choice.decoder->vtable(), choice.decoder->module(),
                                             wanted, router);
  reader->set_decoder_name(choice.name);
  return reader;
}

}  // namespace mole::runtime
