// The service of a node for other nodes (docs/formats/wire.md).
namespace cpp mole.wire

include "coordinator.thrift"

service NodePeer {
  // Returns at most `limit` (<= 1 MiB) bytes of a state blob from `offset`, empty at the end. Fails with `missing` if the
  // node does not have it or has evicted it.
  binary get_blob(1: string digest, 2: i64 offset, 3: i32 limit) throws (1: coordinator.Failure failure)
}
