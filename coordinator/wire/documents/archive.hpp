// The documents that the calls `archive_files` and `archive_gaps` return.
#pragma once

#include "coordinator/wire/documents/lineage.hpp"
#include "coordinator/wire/documents/states.hpp"
#include "sdk/model/task.hpp"

namespace mole::coordinator {

struct ArchiveFile {
  std::string id;
  std::uint64_t size = 0;
  std::string router;
  std::uint64_t sequence = 0;
  Micros from = 0, to = 0;
  std::uint64_t revision = 0;
  FileState state = FileState::unread;
  Digest digest;
  std::string medium;
  std::uint64_t position = 0;

  bool operator==(const ArchiveFile&) const = default;
  static constexpr auto table =
      document("ArchiveFile", "A file in the index of an archive.",  //
               field("id", &ArchiveFile::id, "Name to fetch it by"), field("size", &ArchiveFile::size, "Size").unit("B"),
               field("router", &ArchiveFile::router, "Router in its name; empty: none"),
               field("sequence", &ArchiveFile::sequence, "Sequence number in its name; 0: none"),
               time_field("from", &ArchiveFile::from, "Start of the time it covers"),
               time_field("to", &ArchiveFile::to, "End of that time"),
               field("revision", &ArchiveFile::revision, "Increases when size, version or content changes"),
               field("state", &ArchiveFile::state, "State"),
               field("digest", &ArchiveFile::digest, "Digest of its bytes; empty: not read yet"),
               field("medium", &ArchiveFile::medium, "Tape or other medium it is on; empty: unknown"),
               field("position", &ArchiveFile::position, "Position on the medium"));
};

struct MissingFile {
  std::string router;
  std::optional<std::uint64_t> sequence;
  Micros from = 0, to = 0;
  GapCause cause = GapCause::no_file;
  std::string file = {};
  std::uint64_t size = 0;

  bool operator==(const MissingFile&) const = default;
  static constexpr auto table = document(
      "MissingFile", "A time slot of a router without a usable file.",  //
      field("router", &MissingFile::router, "Router"),
      field("sequence", &MissingFile::sequence, "Sequence number it would have; null: cannot be derived from its neighbours"),
      time_field("from", &MissingFile::from, "Start of the slot"), time_field("to", &MissingFile::to, "End of the slot"),
      field("cause", &MissingFile::cause, "Cause").optional(),
      field("file", &MissingFile::file, "Its file, which is not used; empty: there is none").optional(),
      field("size", &MissingFile::size, "Size of that file").unit("B").optional());
};

struct DamagedFile {
  std::string id;
  FileState state = FileState::damaged;
  std::vector<task::ByteRange> lost_compressed, lost_content;
  Micros from = 0, to = 0;
  Micros exported_from = 0, exported_to = 0;
  std::uint64_t flows_lost = 0;
  bool more_lost = false;
  std::vector<Interval> lost = {};
  std::string decoder = {};

  bool operator==(const DamagedFile&) const = default;
  static constexpr auto table = document(
      "DamagedFile", "A file that is not sound.",  //
      field("id", &DamagedFile::id, "Id of the file"), field("state", &DamagedFile::state, "State"),
      field("lost_compressed", &DamagedFile::lost_compressed, "Lost ranges of the file as stored"),
      field("lost_content", &DamagedFile::lost_content, "Lost ranges of its decompressed content"),
      time_field("from", &DamagedFile::from, "Start of the time in its name"),
      time_field("to", &DamagedFile::to, "End of that time"),
      time_field("exported_from", &DamagedFile::exported_from, "First export time in it"),
      time_field("exported_to", &DamagedFile::exported_to, "Last export time in it"),
      field("flows_lost", &DamagedFile::flows_lost,
            "Flows lost in the damage according to the sequence numbers before and after it")
          .optional(),
      field("more_lost", &DamagedFile::more_lost, "More flows are lost; the sequence numbers do not show how many").optional(),
      field("lost", &DamagedFile::lost, "Export times of which nothing could be read").optional(),
      field("decoder", &DamagedFile::decoder, "Decoder that read it; empty: none recognises its content").optional());
};

struct FileConflict {
  std::string router;
  Micros from = 0, to = 0;
  std::vector<std::string> files;
  bool refused = false;
  std::string message;

  bool operator==(const FileConflict&) const = default;
  static constexpr auto table =
      document("FileConflict", "Several files of one router and time, or a file whose local time has two meanings.",  //
               field("router", &FileConflict::router, "Router; empty: none"),
               time_field("from", &FileConflict::from, "Start of the time it concerns"),
               time_field("to", &FileConflict::to, "End of that time"), field("files", &FileConflict::files, "Their ids"),
               field("refused", &FileConflict::refused, "Requests that read this time fail"),
               field("message", &FileConflict::message, "Cause, and remedy or consequence"));
};

struct ArchiveGaps {
  std::vector<MissingFile> missing;
  std::vector<DamagedFile> damaged;
  std::vector<FileConflict> conflicts;
  std::vector<task::PassedOver> passed_over;
  Micros listed = 0;

  bool operator==(const ArchiveGaps&) const = default;
  static constexpr auto table =
      document("ArchiveGaps", "Missing and damaged files of an archive.",  //
               field("missing", &ArchiveGaps::missing, "Time slots without a usable file, the first 100,000 without any file"),
               field("damaged", &ArchiveGaps::damaged, "Files that are not sound"),
               field("conflicts", &ArchiveGaps::conflicts, "Times with several files or an ambiguous local time, the first 1000"),
               field("passed_over", &ArchiveGaps::passed_over, "Paths that are not files of the archive, by reason"),
               time_field("listed", &ArchiveGaps::listed, "When the archive was last listed").optional());
};

}  // namespace mole::coordinator
