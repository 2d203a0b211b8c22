// The service of a node for other nodes (docs/formats/wire.md).
namespace cpp mole.wire

include "coordinator.thrift"

// A piece of a file of the node's cache (docs/formats/cache.md). `digest` and `size` are those of the whole file.
struct FilePiece {
  1: string digest,
  2: i64 size,
  3: binary bytes
}

service NodePeer {
  // Returns at most `limit` (<= 1 MiB) bytes of a state blob from `offset`, empty at the end. Fails with `missing` if the
  // node does not have it or has evicted it.
  binary get_blob(1: string digest, 2: i64 offset, 3: i32 limit) throws (1: coordinator.Failure failure)
  // Returns at most `limit` (<= 1 MiB) bytes from `offset`, empty at the end, of the entry with this name in the node's cache.
  // Fails with `missing` if there is no such entry.
  FilePiece get_file(1: string name, 2: i64 offset, 3: i32 limit) throws (1: coordinator.Failure failure)
}
