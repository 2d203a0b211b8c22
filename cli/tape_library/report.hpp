// What the log of a simulated tape library shows: mounts, busy times, and the least time that the same files need.
#pragma once

#include "cli/tape_library/model.hpp"

namespace mole::cli {

struct DriveReport {
  std::uint64_t drive = 0, mounts = 0, files = 0;
  Micros mounting = 0, removing = 0, seeking = 0, reading = 0, others = 0;
  static constexpr auto table = document(
      "DriveReport", "What a drive did.", field("drive", &DriveReport::drive, "Its number"),
      field("mounts", &DriveReport::mounts, "For clients of the library"), field("files", &DriveReport::files, "Files read"),
      duration_field("mounting", &DriveReport::mounting, "Waiting for the robot, insertion and loading"),
      duration_field("removing", &DriveReport::removing, "Rewinding, unloading, waiting for the robot and removal"),
      duration_field("seeking", &DriveReport::seeking, "Changes of position"),
      duration_field("reading", &DriveReport::reading, "Reads, also failed ones"),
      duration_field("others", &DriveReport::others, "Mounts and use by other users"));
};

struct TapeReport {
  std::uint64_t requests = 0, files = 0, bytes = 0, failed = 0, read_errors = 0, evicted = 0, tapes = 0, mounts = 0,
                most_drives = 0;
  Micros from = 0, to = 0, work = 0, busiest_tape = 0, least = 0;
  std::string busiest;
  std::vector<DriveReport> drives;
  static constexpr auto table =
      document("TapeReport", "The log of a simulated tape library in figures.",
               field("requests", &TapeReport::requests, "Requests for files"), field("files", &TapeReport::files, "Files read"),
               field("bytes", &TapeReport::bytes, "Of these files").unit("bytes"),
               field("failed", &TapeReport::failed, "Requests that failed"),
               field("read_errors", &TapeReport::read_errors, "Failed reads"),
               field("evicted", &TapeReport::evicted, "Files evicted from disk"),
               field("tapes", &TapeReport::tapes, "Tapes of which a file was read"),
               field("mounts", &TapeReport::mounts, "Mounts for clients"),
               field("most_drives", &TapeReport::most_drives,
                     "Most drives in use for clients at the same time, from the mount to the last read"),
               time_field("from", &TapeReport::from, "First request"),
               time_field("to", &TapeReport::to, "Last file read or request failed"),
               duration_field("work", &TapeReport::work, "Mounting, seeking and reading of all drives"),
               field("busiest", &TapeReport::busiest, "The tape that needs the longest time even in the best order"),
               duration_field("busiest_tape", &TapeReport::busiest_tape,
                              "That time: one mount, its files in the order of their positions"),
               duration_field("least", &TapeReport::least,
                              "The larger of that time and the best times of all tapes divided by the number of drives"),
               field("drives", &TapeReport::drives, "Each drive"));
};

TapeReport report_of(const TapeLibrary& library, const std::vector<TapeEvent>& events);

}  // namespace mole::cli
