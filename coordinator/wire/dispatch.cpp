#include "coordinator/wire/dispatch.hpp"

#include "coordinator/wire/limits.hpp"

#include <thrift/TConfiguration.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

namespace mole::coordinator {
namespace {

using apache::thrift::TConfiguration;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;

// The protocol's limits, not Thrift's message limit, are what stops a claim of 2^31 elements (docs/formats/wire.md).
std::shared_ptr<TBinaryProtocol> strict(const std::shared_ptr<TMemoryBuffer>& buffer) {
  return std::make_shared<TBinaryProtocol>(buffer, request_bytes, container_items, true, true);
}

}  // namespace

FrameHandler frames_to(std::shared_ptr<apache::thrift::TProcessor> processor) {
  return [processor](std::string_view frame) -> std::optional<std::string> {
    auto* bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(frame.data()));  // OBSERVE: only read
    const auto size = static_cast<std::uint32_t>(frame.size());
    auto reading = std::make_shared<TConfiguration>(request_bytes, request_bytes, nesting);
    auto writing = std::make_shared<TConfiguration>(reply_bytes, reply_bytes, nesting);
    auto in = std::make_shared<TMemoryBuffer>(bytes, size, TMemoryBuffer::OBSERVE, reading);
    auto out = std::make_shared<TMemoryBuffer>(writing);
    try {
      if (!processor->process(strict(in), strict(out), nullptr)) return std::nullopt;
      return out->getBufferAsString();
    } catch (const std::exception&) {  // not our protocol, or out of memory: this connection is given up, no other
      return std::nullopt;
    }
  };
}

}  // namespace mole::coordinator
