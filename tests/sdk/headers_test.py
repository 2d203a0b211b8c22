#!/usr/bin/env python3
"""headers_test.py SOURCE COMPILER (headers | merge)

headers: the SDK's headers have no include cycles, and each compiles alone, together with the examples in its opening comment: the blocks of lines that begin with
`//` and three spaces, each at namespace scope. Text that must not be compiled (formulas, layouts) has a different indentation.
merge: a metric whose `merge` has a wrong signature does not compile, and the message names the problem."""
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

MERGES = {  # members of a metric M: whether it compiles
    "void merge(const M& other) { n += other.n; }": True,
    "void merge(const M& other) noexcept { n += other.n; }": True,
    "": True,
    "void merge(M other) { n += other.n; }": False,
    "void merge(M& other) { n += other.n; }": False,
    "void merge(const M&) const {}": False,
    "M& merge(const M&) { return *this; }": False,
    "void merge(std::uint64_t) {}": False,
    "template <class T> void merge(const T&) {}": False,
    "static void merge(const M&) {}": False,
    "private: void merge(const M&) {}": False,
}
METRIC = """#include <mole/series_metric.hpp>
struct M {
  static constexpr auto about = mole::metric("m", "1.0.0", "A metric");
  struct Row { std::uint64_t n; };
  static constexpr auto output = mole::columns(mole::column("n", &Row::n, mole::unit::one, "n"));
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&M::n);
  void add(const mole::Flows<mole::bytes>& flows) { n += flows.size(); }
  Row finish() const { return {n}; }
  MERGE
};
MOLE_PLUGINS(M)
"""
# The inherited merge would lose a field of the derived class.
SLICED = """#include <mole/series_metric.hpp>
struct M : mole::SeriesMetric {
  static constexpr auto about = mole::metric("m", "1.0.0", "A metric");
  struct Row { std::uint64_t n; };
  static constexpr auto output = mole::columns(mole::column("n", &Row::n, mole::unit::one, "n"));
  static constexpr auto inputs = mole::inputs(mole::values("values", "A column"));
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&M::series, &M::n);
  Row finish() const { return {n}; }
};
MOLE_PLUGINS(M)
"""
MESSAGE = "`merge` must be a public member declared as: void merge(const METRIC& other)"


def errors_of(text):
    """Compiles a source and returns the compiler's output if it fails."""
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
        file.write(text)
        file.flush()
        command = [COMPILER, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-unused", "-Werror", f"-I{INCLUDE}", file.name]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        return run.stderr if run.returncode else ""


def source_of(header):
    """Returns a source that includes the header and contains the examples of its opening comment."""
    text = header.read_text()
    comment = text.split("#pragma once")[0]
    examples = [m[0] for m in re.finditer(r"^//   (?! ).*(?:\n//(?:   .*)?$)*", comment, re.M)]
    examples = [re.sub(r"^//(   )?", "", e, flags=re.M) for e in examples]
    return f"#include <{header.relative_to(INCLUDE)}>\n#include <{header.relative_to(INCLUDE)}>\n" + "\n".join(examples) + "\n"


def cycle_of(header, path=()):
    """Returns the headers of an include cycle reachable from the header, or an empty tuple."""
    if header in path:
        return path[path.index(header):]
    if header not in SEEN:
        SEEN.add(header)
        for name in re.findall(r"^#include <(mole/.*)>", (INCLUDE / header).read_text(), re.M):
            if cycle := cycle_of(name, path + (header,)):
                return cycle
    return ()


def check_headers():
    headers = sorted(INCLUDE.rglob("*.hpp"))
    if cycle := next(filter(None, (cycle_of(str(h.relative_to(INCLUDE))) for h in headers)), ()):
        return ["include cycle: " + ", ".join(cycle)], len(headers)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        failed = [f"{h}:\n{e}" for h, e in zip(headers, pool.map(lambda h: errors_of(source_of(h)), headers)) if e]
    return failed, len(headers)


def check_merge():
    cases = {METRIC.replace("MERGE", merge): valid for merge, valid in MERGES.items()} | {SLICED: False}
    failed = []
    for source, valid in cases.items():
        errors = errors_of(source)
        if valid and errors:
            failed.append(f"{source}does not compile:\n{errors}")
        if not valid and MESSAGE not in errors:
            failed.append(f"{source}should fail with the message about merge, but:\n{errors or 'compiles'}")
    return failed, len(cases)


SOURCE, COMPILER, WHAT = sys.argv[1:]
INCLUDE = pathlib.Path(SOURCE) / "sdk/include"
SEEN = set()
problems, count = {"headers": check_headers, "merge": check_merge}[WHAT]()
print("\n".join(problems) or f"{count} sources behave as expected")
sys.exit(1 if problems else 0)
