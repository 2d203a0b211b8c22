// What a task reports of the files that it read or fetched.
#pragma once

#include "sdk/model/enums.hpp"
#include "sdk/model/export_delay.hpp"
#include "sdk/model/field_json.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mole::task {

struct ByteRange {
  std::uint64_t from = 0, to = 0;
  std::string reason;

  bool operator==(const ByteRange&) const = default;
  static constexpr auto table =
      document("ByteRange", "Lost bytes of a file.",  //
               field("from", &ByteRange::from, "First lost byte").unit("B"),
               field("to", &ByteRange::to, "First byte after them").unit("B"), field("reason", &ByteRange::reason, "Cause"));
};

struct FileReport {
  std::string id;
  std::uint64_t size = 0;
  Digest digest;
  FileState state = FileState::unread;
  std::vector<ByteRange> lost_compressed, lost_content;
  std::uint64_t content_bytes = 0, datagrams = 0, flows = 0, flows_lost = 0;
  Micros exported_first = 0, exported_last = 0;
  std::vector<TimeRange> readable;
  FlowSource source = FlowSource::none;
  DelayCounts delays;
  Digest columns = {};
  std::uint64_t exporters = 0, flows_lost_in_damage = 0, flows_repeated = 0;
  std::string decoder = {};

  static constexpr auto table = document(
      "FileReport", "The results of decoding a file.",  //
      field("id", &FileReport::id, "File"), field("size", &FileReport::size, "Bytes staged").unit("B"),
      field("digest", &FileReport::digest, "Digest of the staged bytes"), field("state", &FileReport::state, "State"),
      field("lost_compressed", &FileReport::lost_compressed, "Lost ranges of the file as stored"),
      field("lost_content", &FileReport::lost_content, "Lost ranges of the decompressed content"),
      field("content_bytes", &FileReport::content_bytes, "Decompressed and readable").unit("B"),
      field("datagrams", &FileReport::datagrams, "Datagrams"), field("flows", &FileReport::flows, "Flows"),
      field("flows_lost", &FileReport::flows_lost, "Flows missing according to sequence numbers, outside damage"),
      field("exported_first", &FileReport::exported_first, "First export time").unit("us"),
      field("exported_last", &FileReport::exported_last, "Last export time").unit("us"),
      field("readable", &FileReport::readable, "Export times that could be read"),
      field("source", &FileReport::source, "Where this run got the flows: not a property of the file, not part of the lineage"),
      field("delays", &FileReport::delays, "`verify`: its flows by export delay; not part of the lineage").optional(),
      field("columns", &FileReport::columns, "Name of its columns in the node's cache; empty: not kept. Not part of the lineage")
          .optional(),
      field("exporters", &FileReport::exporters,
            "`verify`: exporters whose datagrams alternate in the file, if it is known; not part of the lineage")
          .optional(),
      field("flows_lost_in_damage", &FileReport::flows_lost_in_damage, "Flows missing by sequence numbers around damage")
          .optional(),
      field("decoder", &FileReport::decoder, "Name of the decoder that read it; empty: not read, or none recognises its content")
          .optional(),
      field("flows_repeated", &FileReport::flows_repeated, "Those of `flows` in repeated datagrams").optional());
};

struct FetchReport {
  std::string id;
  std::uint64_t size = 0;
  Digest digest;
  FetchOutcome outcome = FetchOutcome::failed;
  FailureCode code = FailureCode::none;
  std::string message, medium;
  double wait_seconds = 0, transfer_seconds = 0;
  std::uint64_t bytes = 0;

  static constexpr auto table = document(
      "FetchReport", "The result of fetching a file into the node's cache.",  //
      field("id", &FetchReport::id, "File"), field("size", &FetchReport::size, "Its size").unit("B"),
      field("digest", &FetchReport::digest, "Digest of its bytes; empty: `failed`"),
      field("outcome", &FetchReport::outcome, "Outcome"), field("code", &FetchReport::code, "Kind of the failure"),
      field("message", &FetchReport::message, "Cause and remedy of the failure"),
      field("medium", &FetchReport::medium, "Medium it was read from; empty: not known"),
      field("wait_seconds", &FetchReport::wait_seconds,
            "How long the task waited for the archive before this transfer, without transferring another file. The waits and "
            "transfers of a task follow each other")
          .unit("s"),
      field("transfer_seconds", &FetchReport::transfer_seconds, "Duration of its transfer").unit("s"),
      field("bytes", &FetchReport::bytes, "Bytes transferred, more than its size if it was transferred again").unit("B"));
};

}  // namespace mole::task
