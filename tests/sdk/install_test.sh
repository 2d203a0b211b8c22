#!/bin/sh
# install_test.sh BUILD SOURCE COMPILER: installs the SDK into a temporary folder, builds an example against it with that
# compiler, runs the example's tests, and checks the output.
set -eu
build=$1 source=$2 compiler=$3
command -v "$compiler" >/dev/null || { echo "install_test: $compiler is not installed; run ./dev setup" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --component sdk --prefix "$work/prefix" >/dev/null
configure() {  # SOURCE BUILD; without a compiler cache, which may change paths
  cmake -G Ninja -S "$1" -B "$2" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
}
configure "$source/examples/01_byte_count" "$work/build"
cmake --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
ctest --test-dir "$work/build" --output-on-failure >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
grep -q "2 tests passed\|tests passed, 0 tests failed out of 2" "$work/log" || { cat "$work/log" >&2; exit 1; }

exports=$(nm -D --defined-only "$work/build/byte_count.so" | awk '{print $3}')
[ "$exports" = mole_plugin_entry ] || { echo "byte_count.so exports: $exports" >&2; exit 1; }

# Results depend on the plugin's digest, so it must not depend on the build folder.
cp -r "$source/examples/01_byte_count" "$work/elsewhere"
configure "$work/elsewhere" "$work/elsewhere/build"
cmake --build "$work/elsewhere/build" --target byte_count >/dev/null
cmp "$work/build/byte_count.so" "$work/elsewhere/build/byte_count.so"

# An information element by its name.
configure "$source/examples/02_dns_names" "$work/names"
cmake --build "$work/names" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
ctest --test-dir "$work/names" --output-on-failure >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
grep -q '"elements":{"dnsQName":"text"}' "$work/names/dns_names.plugin.json" || { cat "$work/names/dns_names.plugin.json" >&2; exit 1; }

# A downloader that stages and resumes.
configure "$source/examples/03_recalled_files" "$work/recalled"
cmake --build "$work/recalled" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
ctest --test-dir "$work/recalled" --output-on-failure >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }

sidecar=$work/build/byte_count.plugin.json
for part in '"name":"byte_count"' '"library":"byte_count.so"' '"reads":\["bytes"\]' '"execution":"mergeable"' '"schema":1' '"major":1'; do
  grep -q "$part" "$sidecar" || { echo "sidecar lacks $part:" >&2; cat "$sidecar" >&2; exit 1; }
done
for file in 01_byte_count/byte_count.cpp 02_dns_names/dns_names.cpp; do
  lines=$(wc -l <"$source/examples/$file")
  [ "$lines" -le 25 ] || { echo "$file has $lines lines; shorten it to at most 25" >&2; exit 1; }
done
