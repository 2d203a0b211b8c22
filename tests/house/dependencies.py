#!/usr/bin/env python3
"""Checks who may include whom (docs/architecture.md): a folder's `#include`s against the table below."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Where an include comes from, most specific first.
ORIGINS = [
    (r"^mole/", "sdk/include"),
    (r"^(sdk/descriptor|runtime|plugins|coordinator/wire|coordinator/server|coordinator/store|coordinator|nodes/daemon|nodes/worker|nodes/seal|nodes|cli)/", None),
    (r"^sdk/include/", "sdk/include"),
    (r"^boost/dll", "Boost.DLL"),
    (r"^boost/asio", "Asio"),
    (r"^boost/", "Boost"),
    (r"^rocksdb/", "RocksDB"),
    (r"^(yaml-cpp/)", "yaml-cpp"),
    (r"^(thrift/|coordinator_types|node_types|Coordinator\.h|NodePeer\.h|.*_types\.h|gen-cpp/)", "Thrift"),
    (r"^bzlib\.h", "libbzip2"),
    (r"^zstd\.h", "zstd"),
    (r"^duckdb\.h", "DuckDB"),
    (r"^maxminddb\.h", "libmaxminddb"),
    (r"^xxhash\.h", "xxHash"),
    (r"^fmt/", "fmt"),
    (r"^spdlog/", "spdlog"),
    (r"^CLI/", "CLI11"),
    (r"^nlohmann/", "nlohmann-json"),
    (r"^gtest/|^gmock/", "GoogleTest"),
]

SDK = {"sdk/include"}
DESCRIPTOR = SDK | {"sdk/descriptor", "nlohmann-json", "xxHash", "fmt"}
RUNTIME = DESCRIPTOR | {"runtime"}
WIRE = DESCRIPTOR | {"coordinator/wire"}

# Longest matching folder wins.
ALLOWED = {
    "sdk/include": SDK,
    "sdk/descriptor": DESCRIPTOR,
    "sdk/describe": DESCRIPTOR | {"sdk/describe"},
    "plugins": SDK | {"plugins"},
    "examples": SDK,
    "runtime": RUNTIME,
    "runtime/host": RUNTIME | {"Boost.DLL", "Boost"},
    "runtime/decode": RUNTIME | {"libbzip2", "zstd"},
    "runtime/routes": RUNTIME | {"libmaxminddb"},
    "runtime/result": RUNTIME | {"DuckDB"},
    "coordinator": DESCRIPTOR | {"coordinator", "coordinator/wire", "coordinator/store"},
    "coordinator/manifest": DESCRIPTOR | {"coordinator", "yaml-cpp"},
    "coordinator/store": DESCRIPTOR | {"coordinator", "coordinator/wire", "coordinator/store", "RocksDB"},
    "coordinator/wire": WIRE | {"Thrift", "coordinator"},
    "coordinator/server": WIRE | {"coordinator", "coordinator/server", "coordinator/store", "Thrift", "Asio", "Boost", "spdlog", "CLI11"},
    "nodes/daemon": WIRE | {"coordinator/server", "nodes/daemon", "nodes", "Thrift", "Asio", "Boost", "spdlog", "CLI11"},
    "nodes/worker": RUNTIME | {"nodes/worker", "nodes", "CLI11", "spdlog"},
    "nodes/seal": RUNTIME | {"nodes/seal", "nodes", "CLI11", "spdlog"},
    "cli": DESCRIPTOR | {"cli", "runtime", "coordinator", "coordinator/wire", "coordinator/server", "nodes", "Asio", "Boost", "spdlog", "CLI11"},
}


def origin(path: str) -> str:
    for pattern, name in ORIGINS:
        match = re.match(pattern, path)
        if match:
            return name or match.group(1)
    return "standard"


def allowed_for(file: pathlib.PurePath):
    folder = str(file.parent)
    while folder not in (".", ""):
        if folder in ALLOWED:
            return ALLOWED[folder]
        folder = str(pathlib.PurePath(folder).parent)
    return None


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
            if match and match.group(1).startswith("../"):
                yield f"{relative}:{number}: includes are written from the root, not with ../"


found = list(violations())
print("\n".join(found) or "every include keeps to the table")
sys.exit(1 if found else 0)
