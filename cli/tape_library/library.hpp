// A simulated tape library: the files of a folder, their copies on tapes, and the times that robot and drives take
// (docs/formats/tape_library.md).
#pragma once

#include "sdk/model/field_table.hpp"

#include <mole/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mole::cli {

// How files, in the order of their names, were written to tapes.
enum class TapeLayout {
  sequential,   // one tape after the other
  interleaved,  // to all tapes in turn
  shuffled,     // in random order, one tape after the other
};

// What goes wrong with a file.
enum class TapeFault {
  stage,   // staging it fails; its copies stay undamaged
  read,    // the drive reports an error half way through copy 1
  hang,    // the SFTP server stops answering half way through the file
  reset,   // the connection ends half way through the file
  shrink,  // the file on disk is shorter than the listing states
  change,  // the file is replaced while it is read
};

}  // namespace mole::cli

namespace mole {

template <>
inline constexpr auto name_table<cli::TapeLayout> = names<cli::TapeLayout>("TapeLayout", "a layout",
                                                                           {{cli::TapeLayout::sequential, "sequential"},
                                                                            {cli::TapeLayout::interleaved, "interleaved"},
                                                                            {cli::TapeLayout::shuffled, "shuffled"}});
template <>
inline constexpr auto name_table<cli::TapeFault> = names<cli::TapeFault>("TapeFault", "a fault",
                                                                         {{cli::TapeFault::stage, "stage"},
                                                                          {cli::TapeFault::read, "read"},
                                                                          {cli::TapeFault::hang, "hang"},
                                                                          {cli::TapeFault::reset, "reset"},
                                                                          {cli::TapeFault::shrink, "shrink"},
                                                                          {cli::TapeFault::change, "change"}});

}  // namespace mole

namespace mole::cli {

inline constexpr std::uint64_t tape_block_bytes = 256 << 10;  // positions on tapes are numbers of blocks of this size

// A file that fails, the first `times` times.
struct FileFault {
  TapeFault kind = TapeFault::stage;
  std::string file;
  std::uint64_t times = 0;
  static constexpr auto table = document("FileFault", "A fault of a file.", field("kind", &FileFault::kind, "What fails"),
                                         field("file", &FileFault::file, "Its path below the folder"),
                                         field("times", &FileFault::times, "How often it fails; 0: always"));
};

struct DriveFault {
  std::uint64_t drive = 0;
  Micros after = 0;
  static constexpr auto table =
      document("DriveFault", "A drive that stops working.", field("drive", &DriveFault::drive, "Its number, from 1"),
               duration_field("after", &DriveFault::after, "Simulated time from the start of the library"));
};

// The times are those of an IBM 3592 drive in a large library, rounded.
struct TapeSettings {
  std::uint64_t drives = 2;
  Micros move = 15 * second_us, load = 20 * second_us, unload = 20 * second_us, rewind = 60 * second_us;
  Micros locate = 4 * second_us, traverse = 90 * second_us;
  std::uint64_t read_rate = 5'000'000, capacity = std::uint64_t{300} << 30, scale = 1, disk = std::uint64_t{1} << 40;
  std::uint64_t others_per_hour = 0;
  Micros others_hold = 10 * minute_us, poll = 0;
  std::uint64_t pace = 0;
  std::uint64_t read_errors_per_million = 0, read_attempts = 2, seed = 1;
  std::vector<FileFault> faults;
  std::vector<DriveFault> drive_faults;
  static constexpr auto table =
      document("TapeSettings", "What the simulated library consists of, and how long it takes.",
               field("drives", &TapeSettings::drives, "Number of drives"),
               duration_field("move", &TapeSettings::move, "The robot's only arm carries a tape to or from a drive"),
               duration_field("load", &TapeSettings::load, "The drive loads an inserted tape"),
               duration_field("unload", &TapeSettings::unload, "The drive ejects a rewound tape"),
               duration_field("rewind", &TapeSettings::rewind, "Rewinding from the end of the tape; less from nearer positions"),
               duration_field("locate", &TapeSettings::locate, "Every change of position takes this long"),
               duration_field("traverse", &TapeSettings::traverse,
                              "And this long from one end of the tape to the other; less for shorter distances"),
               field("read_rate", &TapeSettings::read_rate, "A drive reads this many").unit("bytes/s"),
               field("capacity", &TapeSettings::capacity, "Of a tape").unit("bytes"),
               field("scale", &TapeSettings::scale, "A byte of a file counts as this many on tape"),
               field("disk", &TapeSettings::disk, "Staged files take at most this much disk").unit("bytes"),
               field("others_per_hour", &TapeSettings::others_per_hour, "Tapes that other users mount in an hour"),
               duration_field("others_hold", &TapeSettings::others_hold, "How long they use one, on average"),
               duration_field("poll", &TapeSettings::poll,
                              "A client that waits looks again after this time, or when the next file has settled"),
               field("read_errors_per_million", &TapeSettings::read_errors_per_million, "Reads that fail at random"),
               field("read_attempts", &TapeSettings::read_attempts, "A copy that fails this often in one request is damaged"),
               field("seed", &TapeSettings::seed, "Of all that is random"),
               field("faults", &TapeSettings::faults, "Files that fail").optional(),
               field("drive_faults", &TapeSettings::drive_faults, "Drives that stop working").optional(),
               field("pace", &TapeSettings::pace, "Simulated seconds in a second of real time; 0: time only passes for clients")
                   .optional());
};

struct TapeCopy {
  std::string tape;
  std::uint64_t position = 0;
  static constexpr auto table =
      document("TapeCopy", "A copy of a file on a tape.", field("tape", &TapeCopy::tape, "The tape's volume serial name (VSN)"),
               field("position", &TapeCopy::position, "Where it begins").unit("blocks"));
};

struct TapeFile {
  std::string path;
  std::uint64_t size = 0;
  Micros modified = 0;
  std::vector<TapeCopy> copies;
  static constexpr auto table = document("TapeFile", "A file of the library.", field("path", &TapeFile::path, "Below the folder"),
                                         field("size", &TapeFile::size, "Its length").unit("bytes"),
                                         time_field("modified", &TapeFile::modified, "When it was last modified"),
                                         field("copies", &TapeFile::copies, "Copies in the order in which they are used"));
};

struct TapeLibrary {
  std::uint64_t schema = 1;
  std::string folder, root = "/sam";
  Micros start = 0;
  TapeSettings settings;
  std::vector<TapeFile> files;
  static constexpr auto table = document(
      "TapeLibrary", "A simulated tape library: library.json.", field("schema", &TapeLibrary::schema, "1"),
      field("folder", &TapeLibrary::folder, "Absolute path of the folder with the files"),
      field("root", &TapeLibrary::root, "Path of the folder in the library's file system"),
      time_field("start", &TapeLibrary::start, "Simulated time at the beginning"),
      field("settings", &TapeLibrary::settings, "Drives and times"), field("files", &TapeLibrary::files, "Sorted by path"));

  // Returns the index of the file with this path; nullopt if there is none.
  std::optional<std::uint64_t> find(std::string_view path) const;
};

std::uint64_t blocks_of(const TapeSettings& settings, std::uint64_t size);  // that a file occupies on tape, at least 1
Micros seek_time(const TapeSettings& settings, std::uint64_t from, std::uint64_t to);
Micros read_time(const TapeSettings& settings, std::uint64_t size);
Micros rewind_time(const TapeSettings& settings, std::uint64_t from);

struct LayoutSpec {
  TapeLayout layout = TapeLayout::sequential;
  std::uint64_t tapes = 4, copies = 1;
};

// Lists the regular files below `library.folder` and assigns their copies to tapes. Files are spread over the whole length of
// each tape, as on tapes that hold files of other users, too. invalid: the folder has no files, an option is out of range, or a
// fault names a file or drive that does not exist.
Result<> fill_library(TapeLibrary& library, const LayoutSpec& spec);

// "KIND:FILE[:TIMES]" and "DRIVE@DURATION".
Result<FileFault> parse_file_fault(std::string_view text);
Result<DriveFault> parse_drive_fault(std::string_view text);

}  // namespace mole::cli
