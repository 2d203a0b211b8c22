#!/usr/bin/env python3
"""Checks the `#include`s of each file against the tables of allowed dependencies below (docs/architecture.md)."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The origin of an include, most specific pattern first.
ORIGINS = [
    (r"^mole/", "sdk/include"),
    (r"^(sdk/model|sdk/descriptor|runtime/staging|runtime|plugins|coordinator/wire|coordinator/store|coordinator|nodes/process|nodes/daemon|nodes/worker|nodes/seal|nodes|cli)/", None),
    (r"^sdk/include/", "sdk/include"),
    (r"^boost/dll", "Boost.DLL"),
    (r"^boost/asio", "Asio"),
    (r"^boost/", "Boost"),
    (r"^rocksdb/", "RocksDB"),
    (r"^(yaml-cpp/)", "yaml-cpp"),
    (r"^cctz/", "cctz"),
    (r"^(thrift/|coordinator_types|node_types|Coordinator\.h|NodePeer\.h|.*_types\.h|gen-cpp/)", "Thrift"),
    (r"^bzlib\.h", "libbzip2"),
    (r"^zstd(_errors)?\.h", "zstd"),
    (r"^lzma\.h", "liblzma"),
    (r"^lz4(frame)?\.h", "lz4"),
    (r"^lzo/", "liblzo2"),
    (r"^zlib\.h", "zlib"),
    (r"^duckdb\.h", "DuckDB"),
    (r"^maxminddb\.h", "libmaxminddb"),
    (r"^curl/", "libcurl"),
    (r"^libxml/", "libxml2"),
    (r"^xxhash\.h", "xxHash"),
    (r"^fmt/", "fmt"),
    (r"^spdlog/", "spdlog"),
    (r"^CLI/", "CLI11"),
    (r"^nlohmann/", "nlohmann-json"),
    (r"^libssh/", "libssh"),
    (r"^openssl/", "OpenSSL"),
    (r"^gtest/|^gmock/", "GoogleTest"),
]

SDK = {"sdk/include"}
MODEL = SDK | {"sdk/model", "nlohmann-json", "xxHash", "fmt"}
DESCRIPTOR = MODEL | {"sdk/descriptor"}
RUNTIME = DESCRIPTOR | {"runtime", "runtime/staging"}
WIRE = MODEL | {"coordinator/wire"}

# The longest matching folder applies.
ALLOWED = {
    "sdk/include": SDK,
    "sdk/model": MODEL,
    "sdk/descriptor": DESCRIPTOR,
    "sdk/describe": DESCRIPTOR | {"sdk/describe"},
    "plugins": SDK | {"plugins"},
    "plugins/decoders/nfcapd": SDK | {"plugins", "libbzip2", "zstd", "lz4", "liblzo2"},
    "plugins/decoders/table": SDK | {"plugins", "cctz"},
    "plugins/decoders/parquet": SDK | {"plugins", "DuckDB"},
    "plugins/downloaders/web": SDK | {"plugins", "libcurl"},
    "plugins/downloaders/http": SDK | {"plugins", "libxml2"},
    "plugins/downloaders/s3": SDK | {"plugins", "libxml2"},
    "plugins/downloaders/web/test_server.hpp": SDK | {"plugins", "GoogleTest"},
    "plugins/downloaders/samfs": SDK | {"plugins", "libssh"},
    "examples": SDK,
    "runtime": RUNTIME,
    "runtime/archive": RUNTIME | {"OpenSSL"},
    "runtime/host": RUNTIME | {"Boost.DLL", "Boost"},
    "runtime/decode": RUNTIME | {"libbzip2", "liblzma", "lz4", "zlib", "zstd"},
    "runtime/routes": RUNTIME | {"libmaxminddb"},
    "runtime/seal": RUNTIME | {"DuckDB"},
    "coordinator": DESCRIPTOR | {"coordinator", "coordinator/wire", "coordinator/store"},
    "coordinator/main.cpp": DESCRIPTOR | {"coordinator", "coordinator/wire", "spdlog", "CLI11"},
    "coordinator/manifest": DESCRIPTOR | {"coordinator", "yaml-cpp", "cctz"},
    "coordinator/store": DESCRIPTOR | {"coordinator", "coordinator/wire", "coordinator/store", "RocksDB"},
    "coordinator/wire": WIRE | {"Thrift", "Asio", "Boost", "OpenSSL"},
    "nodes/process": MODEL | {"nodes/process"},
    "nodes/daemon": WIRE | {"nodes/daemon", "sdk/descriptor", "nodes/process", "nodes", "runtime/staging", "Thrift", "Asio", "Boost", "spdlog", "CLI11"},
    "nodes/worker": RUNTIME | {"nodes/worker", "nodes", "CLI11", "spdlog"},
    "nodes/seal": RUNTIME | {"nodes/seal", "nodes", "CLI11", "spdlog"},
    "cli/export": DESCRIPTOR | {"cli", "runtime", "coordinator", "coordinator/wire", "zlib"},
    "cli/simulate": DESCRIPTOR | {"cli", "runtime", "lz4", "liblzo2"},
    "cli/tape_library": DESCRIPTOR | {"cli", "nodes/process"},
    "cli": DESCRIPTOR | {"cli", "runtime", "coordinator", "coordinator/wire", "nodes", "nodes/process", "Asio", "Boost", "spdlog", "CLI11"},
}

# The order of folders: a file includes from its own folder and from earlier ones.
ORDER = {
    "sdk": ["include", "model", "descriptor", "describe"],
    "runtime": ["rows", "host", "decode", "staging", "archive", "sort", "routes", "metric", "seal", "task"],
    "coordinator": ["wire", "manifest", "store", "dag", "jobs", "tasks", "leases", "requests", "views", "control", ""],
    "nodes": ["process", "daemon", "worker", "seal"],
}


def origin(path: str) -> str:
    for pattern, name in ORIGINS:
        match = re.match(pattern, path)
        if match:
            return name or match.group(1)
    return "standard"


def allowed_for(file: pathlib.PurePath):
    folder = str(file)
    while folder not in (".", ""):
        if folder in ALLOWED:
            return ALLOWED[folder]
        folder = str(pathlib.PurePath(folder).parent)
    return None


def rank(top: str, path: str):
    """Returns (index in ORDER[top], folder) of a file below `top`, or None."""
    if not path.startswith(top + "/"):
        return None
    folder, _, rest = path.removeprefix(top + "/").partition("/")
    folder = folder if rest else ""
    return (ORDER[top].index(folder), folder) if folder in ORDER[top] else None


def against_order(file: str, included: str):
    """Returns why the order of folders forbids `file` to include `included`, or an empty string."""
    included = "sdk/include/" + included if included.startswith("mole/") else included
    for top in ORDER:
        mine, other = rank(top, file), rank(top, included)
        if mine and other and mine < other:
            return f"{top}/{other[1]} comes after {top}/{mine[1]}"
    return ""


def included_by(file: pathlib.Path):
    for line in file.read_text(errors="replace").splitlines():
        match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if match:
            yield match.group(1)


def include_cycles():
    """Yields chains of headers that include each other."""
    graph = {}
    for file in ROOT.rglob("*"):
        relative = str(file.relative_to(ROOT))
        if file.suffix in (".hpp", ".h") and not relative.startswith(("build", ".", "demo")):
            graph[relative] = ["sdk/include/" + i if i.startswith("mole/") else i for i in included_by(file)]
    done, path = set(), []

    def visit(header):
        if header in path:
            yield " -> ".join(path[path.index(header):] + [header])
            return
        if header in done or header not in graph:
            return
        path.append(header)
        for included in graph[header]:
            yield from visit(included)
        path.pop()
        done.add(header)

    for header in sorted(graph):
        yield from visit(header)


def violations():
    for file in sorted(ROOT.rglob("*")):
        relative = file.relative_to(ROOT)
        if file.suffix not in (".cpp", ".hpp", ".h") or relative.parts[0].startswith(("build", ".", "tests", "demo")):
            continue
        if file.name.endswith("_test.cpp"):
            continue
        allowed = allowed_for(relative)
        if allowed is None:
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            if match and origin(match.group(1)) not in allowed | {"standard"}:
                yield f"{relative}:{number}: {match.group(1)} ({origin(match.group(1))}) is not allowed here"
            if match and (why := against_order(str(relative), match.group(1))):
                yield f"{relative}:{number}: {match.group(1)}: {why}"
            if match and match.group(1).startswith("../"):
                yield f"{relative}:{number}: write includes relative to the root, not with ../"


found = list(violations()) + list(include_cycles())
print("\n".join(found) or "all includes are allowed")
sys.exit(1 if found else 0)
