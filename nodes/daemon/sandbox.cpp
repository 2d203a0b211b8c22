#include "nodes/daemon/sandbox.hpp"

#include "sdk/descriptor/sidecar.hpp"

#include <algorithm>
#include <cstdlib>

namespace mole::nodes {
namespace fs = std::filesystem;
namespace {

// Libraries, and what the C library, TLS and SSH read: names, time zones, certificates.
constexpr const char* system_paths[] = {"/usr",
                                        "/lib",
                                        "/lib32",
                                        "/lib64",
                                        "/proc",
                                        "/sys/devices/system/cpu",
                                        "/etc/alternatives",
                                        "/etc/ca-certificates",
                                        "/etc/crypto-policies",
                                        "/etc/gai.conf",
                                        "/etc/group",
                                        "/etc/host.conf",
                                        "/etc/hosts",
                                        "/etc/ld.so.cache",
                                        "/etc/ld.so.preload",
                                        "/etc/localtime",
                                        "/etc/nsswitch.conf",
                                        "/etc/passwd",
                                        "/etc/pki",
                                        "/etc/protocols",
                                        "/etc/resolv.conf",
                                        "/etc/services",
                                        "/etc/ssh/ssh_config",
                                        "/etc/ssh/ssh_config.d",
                                        "/etc/ssh/ssh_known_hosts",
                                        "/etc/ssl",
                                        "/etc/timezone",
                                        "/run/resolvconf",
                                        "/run/systemd/resolve"};
constexpr const char* devices[] = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"};
// The variables of archive_environment() that name files.
constexpr const char* file_variables[] = {"AWS_SHARED_CREDENTIALS_FILE", "MOLE_HTTP_CREDENTIALS_FILE", "MOLE_SSH_KEY_FILE",
                                          "SSL_CERT_FILE"};

// Processes and threads of a worker. Each thread may use others, such as those that decode for it.
constexpr std::uint32_t tasks_besides_threads = 128, tasks_of_thread = 16;

std::vector<fs::path> libraries(const Options& options) {
  std::vector<fs::path> out(std::begin(system_paths), std::end(system_paths));
  out.push_back(options.worker.parent_path());
  out.push_back(fs::path(MOLE_DUCKDB_LIBRARY).parent_path());
  return out;
}

// Adds the files and folders that the parameters of a plugin name.
void add_paths_of(const task::PluginUse& use, PluginKind kind, std::vector<fs::path>& paths) {
  if (use.name.empty()) return;
  const auto sidecar = Sidecar::parse(use.sidecar);
  const auto* descriptor = sidecar ? sidecar->find(kind, use.name) : nullptr;
  if (!descriptor) return;  // the worker says so
  for (const auto& param : descriptor->params) {
    const auto value = use.params.find(param.name);
    if (param.format != "path" || value == use.params.end() || !value->is_string()) continue;
    const fs::path path(value->get<std::string>());
    if (path.is_absolute()) paths.push_back(path);
  }
}

bool works(const Options& options, SandboxPart part) {
  Command command{.launcher = options.launcher,
                  .program = options.worker,
                  .arguments = {part == SandboxPart::seccomp ? "--try-seccomp" : "--version"},
                  .folder = options.folder,
                  .log = "/dev/null"};
  if (part == SandboxPart::namespaces) command.sandbox = {.namespaces = true, .network = false};
  if (part == SandboxPart::landlock) command.sandbox = {.read = libraries(options), .write = {"/dev/null"}};
  if (part == SandboxPart::cgroup && !options.groups) return false;
  if (part == SandboxPart::cgroup) command.sandbox.groups = options.groups;
  const auto status = run_child(command, {.wall_limit = minute_us, .progress = {}});
  return status && status->clean();
}

// Of what is free on the disk of the folder, so that all workers together leave some; at least one byte, because 0 is no limit.
std::uint64_t part_of_free_space(const Options& options, const fs::path& folder) {
  std::error_code error;
  const auto space = fs::space(folder, error);
  return error ? UINT64_MAX / 4 : std::max<std::uint64_t>(space.available / (options.slots + 1), 1);
}

}  // namespace

bool has(const std::vector<SandboxPart>& parts, SandboxPart part) { return std::ranges::find(parts, part) != parts.end(); }

Result<std::vector<SandboxPart>> probe_sandbox(const Options& options) {
  std::vector<SandboxPart> out{SandboxPart::limits};
  for (const auto part : options.sandbox) {
    if (part == SandboxPart::limits) continue;
    if (works(options, part)) {
      out.push_back(part);
    } else if (options.require_sandbox) {
      return invalid(std::string("this machine does not let a worker have the part '") + name_of(part) +
                     "' of its sandbox; allow it, or leave it out of --sandbox");
    }
  }
  return out;
}

Result<std::shared_ptr<Cgroups>> open_groups(const Options& options) {
  if (!has(options.sandbox, SandboxPart::cgroup)) return std::shared_ptr<Cgroups>();
  auto groups = Cgroups::open(tasks_besides_threads + std::uint64_t{tasks_of_thread} * options.threads);
  if (groups) return std::shared_ptr<Cgroups>(std::move(*groups));
  if (options.require_sandbox) return invalid(groups.error().message);
  return std::shared_ptr<Cgroups>();
}

bool needs_network(const task::Spec& spec) {
  if (!spec.archive) return false;
  const auto remote = [](const task::PluginUse& use) { return !use.name.empty() && use.name != "directory"; };
  return remote(spec.archive->downloader) || std::ranges::any_of(spec.archive->tiers, remote);
}

bool runs_downloaders_only(const task::Spec& spec) { return spec.kind == task::Kind::index || spec.kind == task::Kind::fetch; }

bool is_staged_apart(const task::Spec& spec) { return spec.archive && !runs_downloaders_only(spec); }

namespace {

Sandbox plugin_sandbox(const Options& options, const NodeFolder& node, const fs::path& attempt, bool network) {
  Sandbox out{.namespaces = has(options.sandbox, SandboxPart::namespaces), .network = network};
  out.write_limit = part_of_free_space(options, attempt);
  if (has(options.sandbox, SandboxPart::cgroup)) out.groups = options.groups;
  if (!has(options.sandbox, SandboxPart::landlock)) return out;
  out.read = libraries(options);
  out.read.insert(out.read.end(), {node.plugins(), attempt});
  out.write.assign(std::begin(devices), std::end(devices));
  return out;
}

// Adds what a process with downloaders reads and writes.
void add_archive(const NodeFolder& node, const task::Spec& spec, Sandbox& sandbox) {
  sandbox.write.push_back(node.cache());
  if (!spec.archive) return;
  add_paths_of(spec.archive->downloader, PluginKind::downloader, sandbox.read);
  for (const auto& tier : spec.archive->tiers) add_paths_of(tier, PluginKind::downloader, sandbox.read);
  for (const char* name : file_variables)
    if (const char* value = std::getenv(name)) sandbox.read.emplace_back(value);  // NOLINT: never changed
}

}  // namespace

Sandbox worker_sandbox(const Options& options, const NodeFolder& node, const task::Spec& spec, const fs::path& attempt) {
  const bool downloads = runs_downloaders_only(spec);
  auto out = plugin_sandbox(options, node, attempt, downloads && needs_network(spec));
  if (spec.kind == task::Kind::fetch) out.write_limit = 0;  // the files of a medium
  if (!has(options.sandbox, SandboxPart::landlock)) return out;
  out.write.insert(out.write.end(), {attempt / "scratch", attempt / "call"});
  if (spec.kind == task::Kind::index) out.write.push_back(attempt / "out");    // the listing
  if (spec.kind == task::Kind::fetch) out.write.push_back(attempt / "ready");  // the files that are there
  if (downloads) add_archive(node, spec, out);
  if (spec.archive)
    for (const auto& decoder : spec.archive->candidates()) add_paths_of(decoder, PluginKind::decoder, out.read);
  return out;
}

Sandbox staging_sandbox(const Options& options, const NodeFolder& node, const task::Spec& spec, const fs::path& attempt,
                        const fs::path& folder) {
  auto out = plugin_sandbox(options, node, attempt, needs_network(spec));
  out.write_limit += options.cache_limit;  // it may replace the whole cache
  if (!has(options.sandbox, SandboxPart::landlock)) return out;
  out.read.push_back(folder);
  out.write.insert(out.write.end(), {folder / "scratch", folder / "call"});
  add_archive(node, spec, out);
  return out;
}

Sandbox sealer_sandbox(const Options& options, const fs::path& attempt) {
  if (!has(options.sandbox, SandboxPart::landlock)) return {};
  return {.read = {"/"}, .write = {"/dev/null", attempt}};
}

}  // namespace mole::nodes
