#!/usr/bin/env python3
"""Compares address churn over windows with sets in Python, and sketches with their exact counterparts.

The sets contain the addresses of each interval as printed by `mole flows`."""
import collections
import csv
import io

from system import TemporaryFolder, check, mole
from values import Comparison, Source, number, run, table

ARCHIVE = ("2007-09-24T03", "2007-09-24T11")
SPAN = ("2007-09-24T06", "2007-09-24T11")  # windows of the first rows begin in the previous block
STEP = 900
MODULES = """
  churn:  {plugin: address_churn, input: {archive: flows}, interval: 15m, by: [direction], window: 45m}
  both:   {plugin: address_churn, input: {archive: flows}, interval: 15m, window: 2h15m, params: {side: both}}
  exact:  {plugin: unique_addresses, input: {archive: flows}, interval: 15m, by: [direction]}
  about:  {plugin: unique_addresses_sketch, input: {archive: flows}, interval: 15m, by: [direction], params: {precision: 10}}
  peers:  {plugin: peers, input: {archive: flows}, interval: 15m}
  sample: {plugin: peers_sketch, input: {archive: flows}, interval: 15m, params: {max_hosts: 200}}
  top:    {plugin: top_addresses, input: {archive: flows}, interval: 15m, params: {n: 2000}}
  large:  {plugin: top_addresses_sketch, input: {archive: flows}, interval: 15m, params: {n: 2000}}
"""
COLUMNS = ("addresses", "addresses_before", "stayed_addresses", "new_addresses", "gone_addresses", "address_jaccard")


def flows(source):
    """Returns (interval start in s, source, destination) of each flow."""
    text = mole("flows", *source.files(), "--format", "csv", "--columns", "start,src_addr,dst_addr", "--time-format", "epoch_ms").stdout
    return [(int(r["start"]) // 1000 // STEP * STEP, r["src_addr"], r["dst_addr"]) for r in csv.DictReader(io.StringIO(text))]


def direction(src, dst):
    inside = (src.startswith("10.19."), dst.startswith("10.19."))
    return {(True, True): "internal", (True, False): "out", (False, True): "in", (False, False): "transit"}[inside]


def churn(now, before):
    either = now | before
    return (len(now), len(before), len(now & before), len(now - before), len(before - now), len(now & before) / len(either) if either else None)


def compare_churn(module, by, sets, window, folder, comparison):
    """Compares rows with set operations. `sets`: (interval, *group) -> addresses."""
    found = table(module, by, folder)
    check(len(found) >= 20, f"{module} has {len(found)} rows")
    for key, row in found.items():
        before = set().union(*(sets[(key[0] - k * STEP, *key[1:])] for k in range(1, window // STEP)))
        for name, value in zip(COLUMNS, churn(sets[key], before), strict=True):
            comparison.equal(f"{module} {key}", name, number(row[name]), value, 1e-12)


def compare_counts(exact, about, by, pairs, folder):
    found, rows = table(exact, by, folder), table(about, by, folder)
    errors = 0
    for key, row in rows.items():
        for name in pairs:
            truth, bound = number(found[key][name]), number(row["relative_error_bound"])
            errors += abs(number(row[name]) - truth) > bound * truth
    check(errors <= 1, f"{about}: {errors} values exceed a bound that 3 of 1000 may exceed")


def compare_largest(folder):
    exact, about = collections.defaultdict(dict), collections.defaultdict(dict)
    for module, column, into in (("top", "bytes", exact), ("large", "amount", about)):
        for row in table(module, ("side", "address"), folder).items():
            into[row[0][:2]][row[0][2]] = (int(row[1][column]), row[1])
    check(sum(map(len, about.values())) > 100, "the sketch lists addresses")
    for group, listed in exact.items():
        total = sum(value for value, _ in listed.values())
        for address, (value, _) in listed.items():
            check(value < 0.005 * total or address in about[group], f"{address} is missing from {group}")
        for address, (amount, row) in about[group].items():
            truth = listed.get(address, (0, None))[0]
            check(int(row["amount_least"]) <= truth <= amount, f"{address} in {group}: {row} against {truth}")


def main():
    comparison = Comparison()
    with TemporaryFolder("churn-and-sketches") as folder:
        mole("archive", "simulate", folder / "archive", "--from", ARCHIVE[0], "--to", ARCHIVE[1], "--routers", "19991", "--seed", 5, "--flows-per-hour", 4000)
        source = Source(folder / "archive", "10.19.0.0/16", None, SPAN)
        run(folder, source, MODULES)
        by_direction, together = collections.defaultdict(set), collections.defaultdict(set)
        for interval, src, dst in flows(source):
            by_direction[interval, direction(src, dst)].add(src)
            together[(interval,)] |= {src, dst}
        compare_churn("churn", ("direction",), by_direction, 2700, folder, comparison)
        compare_churn("both", (), together, 8100, folder, comparison)
        compare_counts("exact", "about", ("direction",), ("src_addresses", "dst_addresses"), folder)
        compare_counts("peers", "sample", (), ("hosts", "host_pairs"), folder)
        compare_largest(folder)
        print(f"{comparison.values} values of churn equal those of sets; the sketches are within their bounds")


if __name__ == "__main__":
    main()
