#include "listing.hpp"
#include "ssh.hpp"

#include <mole/file_id.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

namespace {

using samfs::CommandEnd;
using samfs::Connection;
using samfs::Entry;

constexpr std::size_t files_per_command = 500;
constexpr int command_not_found = 127;

// For a POSIX shell.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// For the standard input of xargs, which cannot receive line ends in names.
std::string xargs_line(std::string_view path) {
  static constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:=@%,";
  std::string out;
  for (const char c : path) {
    if (plain.find(c) == std::string_view::npos) out += '\\';
    out += c;
  }
  return out + '\n';
}

// The error messages of a command, "sls: PATH: REASON", by path.
std::map<std::string, std::string> reasons_by_path(std::string_view errors, std::string_view command) {
  std::map<std::string, std::string> out;
  while (!errors.empty()) {
    auto line = errors.substr(0, errors.find('\n'));
    errors.remove_prefix(std::min(errors.size(), line.size() + 1));
    const auto prefix = std::string(command) + ": ";
    const auto at = line.find(prefix);
    const auto reason = line.rfind(": ");
    if (at == std::string_view::npos || reason < at + prefix.size()) continue;
    out.emplace(line.substr(at + prefix.size(), reason - at - prefix.size()), line.substr(reason + 2));
  }
  return out;
}

}  // namespace

// An archive on tapes of a SAM-FS (SAM-QFS) store, reached over SSH: sls lists it, stage brings files to the store's disk, SFTP
// copies them, release gives the disk back.
struct Samfs {
  static constexpr auto about = mole::downloader("samfs", "1.0.0", "Reads a tape archive of SAM-FS over SSH");

  struct Params {
    std::string host;
    std::uint64_t port = 22;
    std::string user, root, key_file, host_key, known_hosts, commands;
    std::uint64_t drives = 2, timeout = 60;
  };
  static constexpr auto params = mole::params(
      mole::param("host", &Params::host, "Name or address of the store"),
      mole::param("port", &Params::port, mole::range(1, 65535), "Port of its SSH server"),
      mole::param("user", &Params::user, "User on the store"),
      mole::param("root", &Params::root, "Absolute path of the archive there"),
      mole::param("key_file", &Params::key_file, mole::format::path,
                  "Private key that only its owner may read, without passphrase; empty: $MOLE_SSH_KEY_FILE"),
      mole::param("host_key", &Params::host_key, "Fingerprint of the store's host key, SHA256:..., as ssh-keygen -l prints it"),
      mole::param("known_hosts", &Params::known_hosts, mole::format::path, "Instead of host_key: a file of known host keys"),
      mole::param("commands", &Params::commands, "Folder of sls, stage and release on the store; empty: in the user's PATH"),
      mole::param("drives", &Params::drives, mole::range(1, 64), "Connections at the same time, one per tape drive in use"),
      mole::param("timeout", &Params::timeout, mole::unit::second, mole::range(1, 86400), "Longest silence of the store"));

  Samfs(const Params& p, const mole::Host& host)
      : given(with_key_file(p)),
        connections({p.host, p.port, p.user, given.key_file, p.host_key, p.known_hosts, p.timeout, host}, p.drives) {
    while (given.root.size() > 1 && given.root.ends_with('/')) given.root.pop_back();
    if (!given.commands.empty() && !given.commands.ends_with('/')) given.commands += '/';
  }
  Params given;
  samfs::Connections connections;

  mole::Result<> index(mole::ObjectSink& found, const mole::IndexRange& range) const {
    if (auto sound = check_params(); !sound) return sound;
    return connections.with([&](Connection& store) { return list(store, folders_of(range.prefixes), found); });
  }

  mole::Result<> stage(std::span<const std::string_view> ids, mole::StageSink& states) const {
    if (auto sound = check_params(); !sound) return sound;
    return connections.with([&](Connection& store) -> mole::Result<> {
      for (std::size_t first = 0; first < ids.size(); first += files_per_command) {
        const auto count = std::min(files_per_command, ids.size() - first);
        if (auto done = stage_part(store, ids.subspan(first, count), first, states); !done) return done;
      }
      return {};
    });
  }

  mole::Result<> fetch(const mole::Object& expected, std::uint64_t offset, mole::ByteSink& out) const {
    if (auto sound = check_params(); !sound) return sound;
    return connections.with([&](Connection& store) -> mole::Result<> {
      MOLE_TRY(const auto file, state_of(store, expected.id));
      if (file.size != expected.size || (!expected.version.empty() && file.version != expected.version))
        return mole::missing(file.path + " has changed since it was listed; index the archive again");
      return store.copy(file.path, offset, file.size, out);
    });
  }
  mole::Result<> fetch(std::string_view id, mole::ByteSink& out) const {
    if (auto sound = check_params(); !sound) return sound;
    return connections.with([&](Connection& store) -> mole::Result<> {
      MOLE_TRY(const auto file, state_of(store, id));
      return store.copy(file.path, 0, file.size, out);
    });
  }

  // Withdraws requests and removes files from the store's disk.
  mole::Result<> release(std::span<const std::string_view> ids) const {
    if (auto sound = check_params(); !sound) return sound;
    return connections.with([&](Connection& store) -> mole::Result<> {
      for (std::size_t first = 0; first < ids.size(); first += files_per_command) {
        std::string input;
        for (const auto id : ids.subspan(first, std::min(files_per_command, ids.size() - first)))
          if (const auto path = path_of(id)) input += xargs_line(*path);
        for (const auto& [command, arguments] : {std::pair{"stage", " -x"}, std::pair{"release", ""}})
          if (auto end = run(store, "xargs " + program(command) + arguments, input); !end) return end.error();
      }
      return {};
    });
  }

 private:
  static Params with_key_file(Params p) {
    const auto* file =
        p.key_file.empty() ? std::getenv("MOLE_SSH_KEY_FILE") : nullptr;  // NOLINT(concurrency-mt-unsafe): never changed
    if (file != nullptr) p.key_file = file;
    return p;
  }

  using Entries = std::map<std::string, Entry>;  // by path

  mole::Result<> check_params() const {
    const std::pair<const char*, const std::string&> needed[] = {
        {"host", given.host}, {"user", given.user}, {"root", given.root}, {"key_file", given.key_file}};
    for (const auto& [name, value] : needed)
      if (value.empty())
        return mole::invalid(std::string("samfs: '") + name + "' is empty; set params." + name +
                             (&value == &given.key_file ? " or the variable MOLE_SSH_KEY_FILE of the node" : ""));
    if (!given.root.starts_with('/')) return mole::invalid("samfs: root '" + given.root + "' is not an absolute path");
    if (given.host_key.empty() == given.known_hosts.empty())
      return mole::invalid("samfs: the store's host key must be known; set either params.host_key or params.known_hosts");
    if (!given.host_key.empty() && !given.host_key.starts_with("SHA256:"))
      return mole::invalid("samfs: host_key '" + given.host_key + "' is not SHA256:...; write what ssh-keygen -lf FILE prints");
    return {};
  }

  std::string program(const char* name) const { return quoted(given.commands + name); }

  mole::Result<std::string> path_of(std::string_view id) const {
    const auto name = mole::file_name(id);
    if (name.find('\n') != std::string::npos)
      return mole::unsupported("'" + std::string(id) + "' has a line end in its name; rename it on the store");
    if (('/' + name + '/').find("/../") != std::string::npos)
      return mole::invalid("'" + std::string(id) + "' is outside " + given.root + "; index the archive again");
    return (given.root == "/" ? "" : given.root) + '/' + name;
  }

  // The path below the root; "" if it is elsewhere.
  std::string name_of(const std::string& path) const {
    const auto prefix = given.root == "/" ? given.root : given.root + '/';
    return path.starts_with(prefix) ? path.substr(prefix.size()) : std::string();
  }

  // Runs a command that may fail for some files, of which its error messages tell.
  mole::Result<CommandEnd> run(
      Connection& store, const std::string& command, std::string_view input = {},
      const std::function<mole::Result<>(std::string_view)>& on_line = [](std::string_view) { return mole::Result<>(); }) const {
    auto end = store.run(command, input, on_line);
    if (end && end->exit == command_not_found)
      return mole::invalid("the store has no command for '" + command.substr(0, 60) +
                           "'; set params.commands to the folder of sls, stage and release");
    if (end && end->exit != 0 && end->errors.empty())
      return mole::transient("'" + command.substr(0, 60) + "' ended with code " + std::to_string(end->exit) +
                             " and no message; check the store");
    return end;
  }

  // The folders that contain all files whose ids begin with one of the prefixes, without those inside another.
  std::vector<std::string> folders_of(std::span<const std::string_view> prefixes) const {
    std::set<std::string> folders;
    for (const auto prefix : prefixes) {
      const auto name = mole::file_name(prefix);
      const auto slash = name.rfind('/');
      folders.insert(slash == std::string::npos ? given.root : given.root + '/' + name.substr(0, slash));
    }
    if (folders.empty() || folders.contains(given.root) || folders.size() > files_per_command) return {given.root};
    std::vector<std::string> outermost;
    for (const auto& folder : folders)
      if (outermost.empty() || !folder.starts_with(outermost.back() + '/')) outermost.push_back(folder);
    return outermost;
  }

  mole::Result<> list(Connection& store, const std::vector<std::string>& folders, mole::ObjectSink& found) const {
    mole::Result<> stored;
    samfs::Listing listing;
    listing.unreadable = [&](const std::string& path, const std::string& reason) {
      found.passed_over(mole::file_id(path), reason + "; check what sls -DRbi prints");
    };
    listing.found = [&](const Entry& entry) {
      if (stored) stored = put(entry, found);
    };
    std::string command = program("sls") + " -DRbi";
    for (const auto& folder : folders) command += ' ' + quoted(folder);
    MOLE_TRY(const auto end, run(store, command, {}, [&](std::string_view line) {
               listing.line(line);
               return stored;
             }));
    listing.end();
    for (const auto& [path, reason] : reasons_by_path(end.errors, "sls")) {
      if (path == given.root) return mole::invalid("cannot list " + path + ": " + reason + "; check params.root");
      if (std::ranges::find(folders, path) != folders.end()) continue;  // a folder for names that do not exist yet
      found.passed_over(mole::file_id(name_of(path)),
                        "unreadable (" + reason + "); make it readable for the user of the archive");
    }
    return stored;
  }

  mole::Result<> put(const Entry& entry, mole::ObjectSink& found) const {
    const auto name = name_of(entry.path);
    const auto id = mole::file_id(name);
    if (entry.kind == Entry::Kind::folder) return {};
    if (name.empty())
      found.passed_over(mole::file_id(entry.path), "a path outside params.root");
    else if (entry.kind != Entry::Kind::file)
      found.passed_over(id, entry.kind == Entry::Kind::link ? "a symbolic link" : "a device, FIFO or socket");
    else if (name.find('\n') != std::string::npos)
      found.passed_over(id, "a name with a line end; rename it on the store");
    else
      return found.found({id, entry.size, entry.version, entry.tape, entry.position, {}, entry.offline});
    return {};
  }

  // Asks for the states of files. `reasons`: error messages by path.
  mole::Result<Entries> states_of(Connection& store, const std::vector<std::string>& paths,
                                  std::map<std::string, std::string>& reasons) const {
    Entries entries;
    samfs::Listing listing;
    listing.unreadable = [&](const std::string& path, const std::string& reason) { reasons.emplace(path, reason); };
    listing.found = [&](const Entry& entry) { entries.emplace(entry.path, entry); };
    std::string input;
    for (const auto& path : paths) input += xargs_line(path);
    MOLE_TRY(const auto end, run(store, "xargs " + program("sls") + " -Dbi", input, [&](std::string_view line) {
               listing.line(line);
               return mole::Result<>();
             }));
    listing.end();
    reasons.merge(reasons_by_path(end.errors, "sls"));
    return entries;
  }

  static mole::Error gone(const std::string& path, const std::map<std::string, std::string>& reasons) {
    const auto reason = reasons.find(path);
    return mole::missing(path + " cannot be listed" + (reason == reasons.end() ? "" : ": " + reason->second) +
                         "; index the archive again");
  }

  // The state of a file that is on the store's disk.
  mole::Result<Entry> state_of(Connection& store, std::string_view id) const {
    MOLE_TRY(const auto path, path_of(id));
    std::map<std::string, std::string> reasons;
    MOLE_TRY(const auto entries, states_of(store, {path}, reasons));
    const auto found = entries.find(path);
    if (found == entries.end()) return gone(path, reasons);
    if (found->second.offline)
      return mole::transient(path + " is not on the store's disk any more; stage it again, or ask for a larger disk");
    return found->second;
  }

  // Requests those files that are offline and reports the state of each. Repeated requests change nothing.
  mole::Result<> stage_part(Connection& store, std::span<const std::string_view> ids, std::size_t first,
                            mole::StageSink& states) const {
    std::vector<std::string> paths;
    std::vector<std::size_t> indexes;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      auto path = path_of(ids[i]);
      if (!path) {
        states.failed(first + i, path.error());
        continue;
      }
      paths.push_back(*std::move(path));
      indexes.push_back(first + i);
    }
    std::map<std::string, std::string> reasons, refused;
    MOLE_TRY(const auto entries, states_of(store, paths, reasons));
    std::string offline;
    for (const auto& path : paths)
      if (const auto found = entries.find(path); found != entries.end() && found->second.offline && !found->second.damaged)
        offline += xargs_line(path);
    if (!offline.empty()) {
      MOLE_TRY(const auto end, run(store, "xargs " + program("stage"), offline));
      refused = reasons_by_path(end.errors, "stage");
    }
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const auto& path = paths[i];
      const auto found = entries.find(path);
      if (found == entries.end())
        states.failed(indexes[i], gone(path, reasons));
      else if (!found->second.offline)
        states.ready(indexes[i]);
      else if (found->second.damaged)
        states.failed(indexes[i], mole::corrupt(path + ": all its copies on tape are damaged; ask the operator of the store"));
      else if (const auto reason = refused.find(path); reason != refused.end())
        states.failed(indexes[i], mole::transient(path + " cannot be staged: " + reason->second + "; check the store"));
      else
        states.pending(indexes[i]);
    }
    return {};
  }
};

MOLE_PLUGINS(Samfs)
