#!/usr/bin/env python3
"""headers_test.py SOURCE COMPILER (headers | functions)

headers: the SDK's headers have no include cycles, and each compiles alone, together with the examples in its opening comment: the blocks of lines that begin with
`//` and three spaces, each at namespace scope. Text that must not be compiled (formulas, layouts) has a different indentation.
functions: a metric that declares a function of the interface with a wrong signature does not compile, and the message names the problem."""
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

MERGE = "`merge` must be a public member declared as: void merge(const METRIC& other)"
BEGIN = "`begin` must be a public member declared as: void begin(std::string_view role, std::optional<double> value)"
ADD = "declare one public member: void add(const mole::Flows<...>&), or void add(const mole::Values&)"
FINISH = "declare a public member: Row finish() const"
FLOWS = "void add(const mole::Flows<mole::bytes>& flows) { n += flows.size(); }"
VALUES = "void add(const mole::Values& values) { n += values.size(); }"
ROW = "Row finish() const { return {n}; }"
INPUTS = 'static constexpr auto inputs = mole::inputs(mole::values("values", "A column"), mole::context("centre", mole::unit::any, "Centre"));'
BEGINS = "void begin(std::string_view, std::optional<double>) {}"

FUNCTIONS = {  # members of a metric M: the expected message; empty: it compiles
    f"{FLOWS} {ROW} void merge(const M& other) {{ n += other.n; }}": "",
    f"{FLOWS} {ROW} void merge(const M& other) noexcept {{ n += other.n; }}": "",
    f"{FLOWS} {ROW}": "",
    f"{FLOWS} {ROW} void merge(M other) {{ n += other.n; }}": MERGE,
    f"{FLOWS} {ROW} void merge(M& other) {{ n += other.n; }}": MERGE,
    f"{FLOWS} {ROW} void merge(const M&) const {{}}": MERGE,
    f"{FLOWS} {ROW} M& merge(const M&) {{ return *this; }}": MERGE,
    f"{FLOWS} {ROW} void merge(std::uint64_t) {{}}": MERGE,
    f"{FLOWS} {ROW} void merge(const M&, int) {{}}": MERGE,
    f"{FLOWS} {ROW} void merge(const M*) {{}}": MERGE,
    f"{FLOWS} {ROW} void merge(M&& other) {{ n += other.n; }}": MERGE,
    f"{FLOWS} {ROW} void merge(int) {{}} void merge(std::uint64_t) {{}}": MERGE,
    f"{FLOWS} {ROW} template <class T> void merge(const T&) {{}}": MERGE,
    f"{FLOWS} {ROW} static void merge(const M&) {{}}": MERGE,
    f"{FLOWS} {ROW} private: void merge(const M&) {{}}": MERGE,
    f"{INPUTS} {VALUES} {ROW} {BEGINS}": "",
    f"{INPUTS} {VALUES} {ROW} void begin(std::string, std::optional<double>) {{}}": BEGIN,
    f"{INPUTS} {VALUES} {ROW} void begin(std::string_view, double) {{}}": BEGIN,
    f"{INPUTS} {VALUES} {ROW} void begin(std::optional<double>) {{}}": BEGIN,
    f"{INPUTS} {VALUES} {ROW} private: {BEGINS}": BEGIN,
    f"{INPUTS} {VALUES} {ROW}": "an input declared with mole::context(...) needs: void begin(",
    f"{FLOWS} {ROW} {BEGINS}": "`begin` is called only with an input declared with mole::context(...)",
    f"{ROW}": ADD,
    f"{FLOWS} {ROW} {VALUES}": ADD,
    f"{ROW} void add(const mole::Flows<mole::bytes>&) const {{}}": ADD,
    f"{ROW} bool add(const mole::Flows<mole::bytes>&) {{ return true; }}": ADD,
    f"{ROW} void add(mole::Flows<mole::bytes>&) {{}}": ADD,
    f"{ROW} private: {FLOWS}": ADD,
    f"{FLOWS} std::vector<Row> finish(const mole::Interval&) const {{ return {{}}; }}": "",
    f"{FLOWS}": FINISH,
    f"{FLOWS} Row finish(int) const {{ return {{n}}; }}": FINISH,
    f"{FLOWS} Row finish(mole::Interval&) const {{ return {{n}}; }}": FINISH,
    f"{FLOWS} std::uint64_t finish() const {{ return n; }}": "`finish` must return Row or std::vector<Row>",
    f"{FLOWS} {ROW} static constexpr bool deterministic = false;": "",
    f"{FLOWS} {ROW} static constexpr int deterministic = 0;": "declare: static constexpr bool deterministic = false",
    f"{FLOWS} {ROW} struct Params {{ std::uint64_t p = 0; }};": "Params is not used without: static constexpr auto params",
    f"{FLOWS} {ROW} void save(mole::StateWriter&) {{}}": "a type saves either its `state` or itself",
    f"{FLOWS} {ROW} void load(mole::StateReader&) {{}}": "a type saves either its `state` or itself",
}
METRIC = """#include <mole/series_metric.hpp>
struct M {
  static constexpr auto about = mole::metric("m", "1.0.0", "A metric");
  struct Row { std::uint64_t n; };
  static constexpr auto output = mole::columns(mole::column("n", &Row::n, mole::unit::one, "n"));
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&M::n);
  MEMBERS
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
# A field whose own merge cannot be called would be merged field by field.
FIELD = """#include <mole/metric.hpp>
struct F {
  std::uint64_t n = 0;
  static constexpr auto state = mole::fields(&F::n);
  void merge(F& other) { n = n > other.n ? n : other.n; }
};
struct M {
  static constexpr auto about = mole::metric("m", "1.0.0", "A metric");
  struct Row { std::uint64_t n; };
  static constexpr auto output = mole::columns(mole::column("n", &Row::n, mole::unit::one, "n"));
  F f;
  static constexpr auto state = mole::fields(&M::f);
  void add(const mole::Flows<mole::bytes>& flows) { f.n += flows.size(); }
  void merge(const M& other) { mole::merge_fields(*this, other); }
  Row finish() const { return {f.n}; }
};
MOLE_PLUGINS(M)
"""


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


def check_functions():
    cases = {METRIC.replace("MEMBERS", members): message for members, message in FUNCTIONS.items()}
    cases |= {SLICED: MERGE, FIELD: "the `merge` of a field must be a public member declared as: void merge(const T& other)"}
    failed = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (source, message), errors in zip(cases.items(), pool.map(errors_of, cases)):
            if not message and errors:
                failed.append(f"{source}does not compile:\n{errors}")
            if message and message not in errors:
                failed.append(f"{source}should fail with {message!r}, but:\n{errors or 'compiles'}")
    return failed, len(cases)


SOURCE, COMPILER, WHAT = sys.argv[1:]
INCLUDE = pathlib.Path(SOURCE) / "sdk/include"
SEEN = set()
problems, count = {"headers": check_headers, "functions": check_functions}[WHAT]()
print("\n".join(problems) or f"{count} sources behave as expected")
sys.exit(1 if problems else 0)
