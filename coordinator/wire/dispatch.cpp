#include "coordinator/wire/dispatch.hpp"

#include "coordinator/wire/limits.hpp"
#include "coordinator/wire/protocol.hpp"

#include <thrift/TApplicationException.h>
#include <thrift/TConfiguration.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <utility>

namespace mole::coordinator {
namespace {

using apache::thrift::TApplicationException;
using apache::thrift::TConfiguration;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::protocol::TProtocolException;
using apache::thrift::protocol::TType;
using apache::thrift::protocol::TVirtualProtocol;
using apache::thrift::transport::TMemoryBuffer;

// Strict binary protocol that rejects a list with more elements than the rest of the frame can hold: Thrift allocates all
// elements of a list before it reads the first, and limits only their number (docs/formats/wire.md).
class BoundedProtocol final : public TVirtualProtocol<BoundedProtocol, TBinaryProtocol> {
 public:
  explicit BoundedProtocol(const std::shared_ptr<TMemoryBuffer>& frame) : TVirtualProtocol(frame), frame_(*frame) {
    setStringSizeLimit(request_bytes);
    setContainerSizeLimit(container_items);
    setStrict(true, true);
  }

  std::uint32_t readListBegin(TType& type, std::uint32_t& size) {
    const auto read = TBinaryProtocol::readListBegin(type, size);
    check(size, min_bytes(type));
    return read;
  }
  std::uint32_t readSetBegin(TType& type, std::uint32_t& size) {
    const auto read = TBinaryProtocol::readSetBegin(type, size);
    check(size, min_bytes(type));
    return read;
  }
  std::uint32_t readMapBegin(TType& key, TType& value, std::uint32_t& size) {
    const auto read = TBinaryProtocol::readMapBegin(key, value, size);
    check(size, min_bytes(key) + min_bytes(value));
    return read;
  }

 private:
  // The minimum size of an element. Our writers write every field of a struct, so each struct in a request has at least 16 bytes.
  static std::uint64_t min_bytes(TType type) {
    switch (type) {
      case apache::thrift::protocol::T_STRUCT:
        return 16;
      case apache::thrift::protocol::T_I64:
      case apache::thrift::protocol::T_DOUBLE:
        return 8;
      case apache::thrift::protocol::T_STRING:
      case apache::thrift::protocol::T_LIST:
      case apache::thrift::protocol::T_SET:
      case apache::thrift::protocol::T_MAP:
      case apache::thrift::protocol::T_I32:
        return 4;
      default:
        return 1;
    }
  }
  void check(std::uint64_t size, std::uint64_t bytes_each) const {
    if (size * bytes_each > frame_.available_read()) throw TProtocolException(TProtocolException::SIZE_LIMIT);
  }

  const TMemoryBuffer& frame_;
};

// The reply to a request with a field that cannot be read: the client receives the reason as an `invalid` error.
std::string rejection(TProtocol& request, const RejectedField& rejected) {
  std::string method;
  apache::thrift::protocol::TMessageType type{};
  std::int32_t number = 0;
  request.readMessageBegin(method, type, number);
  const auto out = std::make_shared<TMemoryBuffer>();
  TBinaryProtocol reply(out, 0, 0, true, true);
  reply.writeMessageBegin(method, apache::thrift::protocol::T_EXCEPTION, number);
  TApplicationException(TApplicationException::PROTOCOL_ERROR, rejected.what()).write(&reply);
  reply.writeMessageEnd();
  return out->getBufferAsString();
}

}  // namespace

FrameHandler make_frame_handler(std::shared_ptr<apache::thrift::TProcessor> processor) {
  return [processor = std::move(processor)](std::string_view frame) -> std::optional<std::string> {
    auto* bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(frame.data()));  // OBSERVE does not write
    const auto size = static_cast<std::uint32_t>(frame.size());
    auto reading = std::make_shared<TConfiguration>(request_bytes, request_bytes, nesting);
    auto writing = std::make_shared<TConfiguration>(reply_bytes, reply_bytes, nesting);
    const auto request = [&] {
      return std::make_shared<BoundedProtocol>(std::make_shared<TMemoryBuffer>(bytes, size, TMemoryBuffer::OBSERVE, reading));
    };
    auto out = std::make_shared<TMemoryBuffer>(writing);
    try {
      auto reply = std::make_shared<TBinaryProtocol>(out, 0, 0, true, true);
      if (!processor->process(request(), reply, nullptr)) return std::nullopt;
      return out->getBufferAsString();
    } catch (const RejectedField& rejected) {
      return rejection(*request(), rejected);
    } catch (const std::exception&) {  // a different protocol, or out of memory: only this connection is closed
      return std::nullopt;
    }
  };
}

}  // namespace mole::coordinator
