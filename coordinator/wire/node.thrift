// What nodes ask each other (docs/formats/wire.md).
namespace cpp mole.wire

include "coordinator.thrift"

service NodePeer {
  // A piece of a state blob this node keeps: at most `limit` (<= 1 MiB) bytes from `offset`, empty at the end. Failure
  // `missing` if it is not here (any more): states are a cache.
  binary get_blob(1: string digest, 2: i64 offset, 3: i32 limit) throws (1: coordinator.Failure failure)
}
