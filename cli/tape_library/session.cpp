#include "cli/tape_library/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>
#include <map>
#include <thread>

namespace mole::cli {
namespace {

constexpr std::chrono::microseconds max_sleep{100'000};  // another session may request a file, or withdraw a request

// A path as `sls -b` prints it.
std::string escaped(std::string_view path) {
  std::string out;
  for (const char c : path) {
    static constexpr std::string_view special = "\\\n\b\r\t\f \"", letters = "\\nbrtf \"";
    if (const auto at = special.find(c); at != std::string_view::npos)
      out += {'\\', letters[at]};
    else if (c > 040 && c < 0177)
      out += c;
    else
      out += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return out;
}

// "Mar 24 18:32", or "Mar 24  1980" for times that are half a year old or in the future.
std::string sls_time(Micros time, Micros now) {
  const auto seconds = static_cast<std::time_t>(floor_div(time, second_us));
  std::tm tm{};
  ::gmtime_r(&seconds, &tm);
  char text[32];
  const auto age = now - time;
  std::strftime(text, sizeof text, age > 180 * day_us || age < 0 ? "%b %e  %Y" : "%b %e %H:%M", &tm);
  return text;
}

// A command of the session, its options and the files it names.
struct Call {
  std::string name;
  std::string options;  // letters
  std::vector<std::string> paths;
};

class Session {
 public:
  Session(const std::filesystem::path& folder, SessionStreams streams) : folder_(folder), streams_(streams) {}

  int run(const std::vector<std::string>& words);

 private:
  struct Found {
    std::vector<std::uint64_t> files;  // named
    std::vector<std::string> folders;  // named; paths below the root, "" for the root itself
    bool complete = true;
  };
  int run_command(std::vector<std::string> words);
  int run_xargs(std::vector<std::string> words);
  Found find(const TapeLibrary& library, const Call& call);
  int list(const Call& call);
  void list_folder(OpenLibrary& open, const std::string& folder, const Call& call);
  void print(OpenLibrary& open, std::uint64_t file, const Call& call);
  int stage(const Call& call);
  int release(const Call& call);
  int report(const Error& error) {
    streams_.err << error.message << '\n';
    return 1;
  }

  std::filesystem::path folder_;
  SessionStreams streams_;
};

std::string below(const std::string& folder, const std::string& name) { return folder.empty() ? name : folder + "/" + name; }

std::string path_of(const TapeLibrary& library, const std::string& path) {
  return path.empty() ? library.root : library.root + "/" + path;
}

std::vector<std::uint64_t> files_under(const TapeLibrary& library, const std::string& folder) {
  std::vector<std::uint64_t> files;
  for (std::size_t i = 0; i < library.files.size(); ++i)
    if (folder.empty() || library.files[i].path.starts_with(folder + "/")) files.push_back(i);
  return files;
}

int Session::run(const std::vector<std::string>& words) {
  if (!words.empty() && words.front() == "xargs") return run_xargs({words.begin() + 1, words.end()});
  return run_command(words);
}

// Reads words from the standard input, separated by blanks and line ends; quotes and backslashes as in a shell.
int Session::run_xargs(std::vector<std::string> words) {
  const std::string input{std::istreambuf_iterator<char>(streams_.in), {}};
  auto more = shell_words(input);
  if (more.empty()) return 0;
  std::ranges::move(more, std::back_inserter(words));
  return run_command(std::move(words)) == 0 ? 0 : 123;
}

int Session::run_command(std::vector<std::string> words) {
  Call call;
  if (!words.empty()) call.name = words.front().substr(words.front().rfind('/') + 1);
  bool options = true;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (options && words[i] == "--")
      options = false;
    else if (options && words[i].size() > 1 && words[i].starts_with('-'))
      call.options += words[i].substr(1);
    else
      call.paths.push_back(words[i]);
  }
  struct Command {
    const char* options;
    int (Session::*run)(const Call&);
  };
  static const std::map<std::string_view, Command> commands = {{"sls", {"DRbi1", &Session::list}},
                                                               {"ls", {"Rb1", &Session::list}},
                                                               {"stage", {"wfxrV", &Session::stage}},
                                                               {"release", {"frV", &Session::release}}};
  const auto known = commands.find(call.name);
  if (known == commands.end()) {
    streams_.err << call.name << ": command not found; the tape library has sls, ls, stage, release, xargs and sftp\n";
    return 127;
  }
  if (const auto wrong = call.options.find_first_not_of(known->second.options); wrong != std::string::npos) {
    streams_.err << call.name << ": illegal option -- " << call.options[wrong] << '\n';
    return 2;
  }
  return (this->*known->second.run)(call);
}

Session::Found Session::find(const TapeLibrary& library, const Call& call) {
  Found found;
  for (const auto& path : call.paths.empty() ? std::vector{library.root} : call.paths) {
    auto relative = path == library.root ? std::string() : path;
    if (relative.starts_with(library.root + "/")) relative.erase(0, library.root.size() + 1);
    while (relative.ends_with('/')) relative.pop_back();
    if (const auto file = library.find(relative)) {
      found.files.push_back(*file);
    } else if (path.starts_with(library.root) && !files_under(library, relative).empty()) {
      found.folders.push_back(relative);
    } else {
      streams_.err << call.name << ": " << path << ": No such file or directory\n";
      found.complete = false;
    }
  }
  return found;
}

int Session::list(const Call& call) {
  auto library = read_library(folder_);
  if (!library) return report(library.error());
  const auto found = find(*library, call);
  // A client that lists files which it has requested is waiting for them. With a pace, time passes without it.
  if (library->settings.pace == 0)
    if (const auto waited = wait_once(folder_, found.files); !waited) return report(waited.error());
  auto open = OpenLibrary::open(folder_);
  if (!open) return report(open.error());
  for (const auto file : found.files) print(**open, file, call);
  for (const auto& folder : found.folders) list_folder(**open, folder, call);
  return found.complete ? 0 : 1;
}

void Session::print(OpenLibrary& open, std::uint64_t file, const Call& call) {
  const bool escape = call.options.find('b') != std::string::npos;
  if (call.options.find('D') != std::string::npos) {
    streams_.out << sls_details(open.library(), open.model(), file, {escape, call.options.find('i') != std::string::npos});
    return;
  }
  const auto path = path_of(open.library(), open.library().files[file].path);
  streams_.out << (escape ? escaped(path) : path) << '\n';
}

// With -R, the subfolders follow, each after a blank line.
void Session::list_folder(OpenLibrary& open, const std::string& folder, const Call& call) {
  const auto& library = open.library();
  const bool escape = call.options.find('b') != std::string::npos;
  const auto name = [&](const std::string& path) { return escape ? escaped(path_of(library, path)) : path_of(library, path); };
  std::vector<std::string> folders;
  if (call.options.find('R') != std::string::npos) streams_.out << name(folder) << ":\n";
  for (const auto file : files_under(library, folder)) {
    const auto& path = library.files[file].path;
    const auto start = folder.empty() ? 0 : folder.size() + 1;
    const auto slash = path.find('/', start);
    if (slash == std::string::npos) {
      print(open, file, call);
    } else if (folders.empty() || folders.back() != path.substr(start, slash - start)) {
      folders.push_back(path.substr(start, slash - start));
      streams_.out << name(below(folder, folders.back()));
      if (call.options.find('D') != std::string::npos)
        streams_.out
            << ":\n  mode: drwxr-xr-x  links:   2  owner: netflow   group: netflow \n  length:      4096  admin id:      0\n"
               "  access:      none          modification: none        \n";
      streams_.out << '\n';
    }
  }
  if (call.options.find('R') == std::string::npos) return;
  for (const auto& next : folders) {
    streams_.out << '\n';
    list_folder(open, below(folder, next), call);
  }
}

int Session::stage(const Call& call) {
  std::vector<std::uint64_t> files;
  bool complete = true;
  {
    auto open = OpenLibrary::open(folder_);
    if (!open) return report(open.error());
    const auto& library = (*open)->library();
    auto& model = (*open)->model();
    const auto found = find(library, call);
    complete = found.complete;
    files = found.files;
    if (call.options.find('r') != std::string::npos)
      for (const auto& folder : found.folders) std::ranges::copy(files_under(library, folder), std::back_inserter(files));
    for (const auto file : files) {
      if (call.options.find('x') != std::string::npos)
        model.cancel(file);
      else
        model.stage(file);
      if (call.options.find('V') != std::string::npos)
        streams_.out << "stage: " << path_of(library, library.files[file].path) << '\n';
    }
    if (const auto done = (*open)->commit(); !done) return report(done.error());
  }
  if (call.options.find('w') == std::string::npos) return complete ? 0 : 1;
  for (auto waits = Result<bool>(true); *waits;) {
    waits = wait_once(folder_, files);
    if (!waits) return report(waits.error());
  }
  auto open = OpenLibrary::open(folder_);
  if (!open) return report(open.error());
  for (const auto file : files) {
    if ((*open)->model().where(file) == FileWhere::online) continue;
    complete = false;
    streams_.err << "stage: " << path_of((*open)->library(), (*open)->library().files[file].path) << ": I/O error\n";
  }
  return complete ? 0 : 1;
}

int Session::release(const Call& call) {
  auto open = OpenLibrary::open(folder_);
  if (!open) return report(open.error());
  const auto found = find((*open)->library(), call);
  for (const auto file : found.files) (*open)->model().release(file);
  if (const auto done = (*open)->commit(); !done) return report(done.error());
  return found.complete ? 0 : 1;
}

}  // namespace

std::vector<std::string> shell_words(std::string_view line) {
  std::vector<std::string> words;
  char quote = 0;
  bool inside = false;
  std::string word;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
      word += line[++i];
      inside = true;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      inside = true;
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (inside) words.push_back(std::exchange(word, {}));
      inside = false;
    } else {
      word += c;
      inside = true;
    }
  }
  if (inside) words.push_back(word);
  return words;
}

std::string sls_details(const TapeLibrary& library, const TapeModel& model, std::uint64_t number, SlsOptions options) {
  const auto& file = library.files[number];
  const auto now = model.state().clock;
  const auto changes = std::ranges::count(model.state().changes, number);
  const auto modified = file.modified + changes * second_us;
  const auto path = path_of(library, file.path);
  auto text = (options.escape ? escaped(path) : path) +
              fmt::format(":\n  mode: -rw-r--r--  links:   1  owner: netflow   group: netflow \n  length: {:9}  admin id:      0",
                          file.size);
  if (options.inode) text += fmt::format("  inode:   {:6}.{}", 1000 + number, 1 + changes);
  text += "\n  project: default(3)\n";
  bool all_damaged = true;
  std::string copies;
  for (std::size_t i = 0; i < file.copies.size(); ++i) {
    const bool damaged = model.damaged(number, i);
    all_damaged = all_damaged && damaged;
    copies += fmt::format("  copy {}: ----{}- {} {:9x}.{:<4x} m2 {}\n", i + 1, damaged ? 'D' : '-', sls_time(modified, now),
                          file.copies[i].position, 1, file.copies[i].tape);
  }
  if (all_damaged) text += "  damaged;";
  if (model.where(number) != FileWhere::online) text += "  offline;";
  text += "  archdone;\n" + copies;
  const auto time = sls_time(modified, now);
  text += fmt::format(
      "  access:      {0}  modification: {0}\n  changed:     {0}  attributes:   {0}\n  creation:    {0}  residence:    {0}\n\n",
      time);
  return text;
}

Result<bool> wait_once(const std::filesystem::path& folder, const std::vector<std::uint64_t>& files) {
  const auto waits = [&](TapeModel& model) {
    return std::ranges::any_of(files, [&](std::uint64_t file) { return model.where(file) == FileWhere::waiting; });
  };
  if (files.empty()) return false;
  Micros quiet = 0;
  bool paced = false;
  {
    MOLE_TRY(const auto open, OpenLibrary::open(folder));
    if (!waits(open->model())) return false;
    paced = open->library().settings.pace > 0;
    quiet = open->quiet();
  }
  if (paced) {
    std::this_thread::sleep_for(std::min(std::chrono::microseconds(quiet + 1), max_sleep));
    return true;
  }
  wait_for_readers(folder);
  MOLE_TRY(const auto open, OpenLibrary::open(folder));
  if (!waits(open->model())) return true;  // a different client has waited meanwhile
  open->model().advance();
  if (const auto done = open->commit(); !done) return done.error();
  return true;
}

int run_session_command(const std::filesystem::path& folder, const std::string& command_line, SessionStreams streams) {
  return Session(folder, streams).run(shell_words(command_line));
}

}  // namespace mole::cli
