#!/usr/bin/env python3
"""Measures how many scans and outages planted in simulated months the anomaly modules detect, and their false alarms. Hours
without a file cause none.

As a test, it runs three weeks of little traffic with hourly intervals. For the evaluation in docs/derived_modules.md:

  tests/system/planted_events.py --seeds 1-20 --days 30 --interval 15m --flows-per-hour 2000
"""
import argparse
import datetime
import json
import math
import random

from system import TemporaryFolder, check, measured_delays, mole, rows

MANIFEST = """
pipeline: watch
archives:
  simulated:
    downloader: directory
    params: {{root: ./archive}}
    files: "{{router}}_{{sequence}}_{{start:unix}}.dat.bz2"
    covers: 1h
    block: {{length: 24h, origin: 06:00}}
{delay}modules:
  traffic: {{plugin: traffic, input: {{archive: simulated}}, interval: {interval}}}
  addresses: {{plugin: addresses, input: {{archive: simulated}}, interval: {interval}}}
  flows: {{plugin: anomaly, inputs: {{values: traffic.flows}}, window: 28d, params: {{logarithmic: true}}}}
  sources: {{plugin: anomaly, inputs: {{values: addresses.entropy_src_addr_flows}}, window: 28d}}
  destinations: {{plugin: anomaly, inputs: {{values: addresses.entropy_dst_addr_flows}}, window: 28d}}
"""
WATCHERS = {"flows": "flows", "sources": "entropy_src_addr_flows", "destinations": "entropy_dst_addr_flows"}
FIRST = datetime.datetime(2007, 9, 1, 6, tzinfo=datetime.timezone.utc)
LEARNT = FIRST + datetime.timedelta(days=15)  # alarms count from here on, after two weeks of data
HOUR = datetime.timedelta(hours=1)
# Kind, length, share. A scan adds this share of an average hour's flows, an outage removes this share of the outside ASes.
EVENTS = [("scan", HOUR, 0.3), ("scan", HOUR, 0.1), ("outage", 2 * HOUR, 0.5), ("outage", 2 * HOUR, 0.2)]


def time_text(t):
    return t.strftime("%Y-%m-%dT%H:%M")


def plant(seed, last):
    """Places the EVENTS at random in the observed part, at least half a day apart."""
    generator = random.Random(seed)
    quarters = int((last - LEARNT).total_seconds()) // 900 - 8
    while True:
        starts = [LEARNT + datetime.timedelta(seconds=900 * generator.randrange(quarters)) for _ in EVENTS]
        if all(abs(a - b) > 12 * HOUR for i, a in enumerate(starts) for b in starts[:i]):
            return [(kind, start, start + length, share) for (kind, length, share), start in zip(EVENTS, starts)]


def missing_hours(seed, events, last):
    """Returns hours of the observed part that have no file, one a day, a quarter of a day or more away from the events."""
    generator = random.Random(seed)
    hours = int((last - LEARNT).total_seconds()) // 3600
    starts = (LEARNT + HOUR * generator.randrange(day, min(day + 24, hours)) for day in range(0, hours, 24))
    return [t for t in starts if all(t + 6 * HOUR < start or t > end + 6 * HOUR for _, start, end, _ in events)]


def watch(folder, seed, options):
    """Returns the rows of all anomaly modules over one simulated month, its planted events and its missing hours."""
    last = FIRST + datetime.timedelta(days=options.days)
    events = plant(seed, last)
    planted = [w for kind, start, end, share in events
               for w in ("--event", f"{kind}@{time_text(start)}/{int((end - start).total_seconds()) // 60}m:{share}")]
    missing = missing_hours(seed, events, last)
    planted += [w for t in missing for router in (19991, 19993) for w in ("--gap", f"{router}@{time_text(t)[:-3]}")]
    mole("archive", "simulate", "archive", "--seed", seed, "--routers", "19991,19993", "--flows-per-hour", options.flows_per_hour,
         "--from", time_text(FIRST), "--to", time_text(last + 2 * HOUR), "--late-share", 0.25, *planted, cwd=folder, timeout=900)
    manifest = folder / "watch.yaml"
    manifest.write_text(MANIFEST.format(interval=options.interval, delay=""))
    manifest.write_text(MANIFEST.format(interval=options.interval, delay=measured_delays("watch.yaml", folder)))
    mole("run", "watch.yaml", "--from", time_text(FIRST), "--to", time_text(last), cwd=folder, code=(0, 3), timeout=1800)
    return events, missing, {name: rows(name, cwd=folder) for name in WATCHERS}


def alarms_of(watched):
    """Returns the intervals with an alarm as (start, end, module), in time order."""
    out = []
    for name, column in WATCHERS.items():
        for row in watched[name]:
            start, end = (datetime.datetime.fromisoformat(row[k].replace("Z", "+00:00")) for k in ("interval_start", "interval_end"))
            if start >= LEARNT and row[f"{column}_anomaly"] == "true":
                out.append((start, end, name))
    return sorted(out)


def judge(events, alarms):
    """Returns the detected events with module and delay, and the false alarms; false alarms within an hour count as one."""
    hits = {}
    for kind, start, end, share in events:
        found = [a for a in alarms if a[0] < end and a[1] > start]
        hits[f"{kind} {share}"] = {"hit": bool(found), "by": sorted({a[2] for a in found}),
                      "after_minutes": (min(a[1] for a in found) - start).total_seconds() / 60 if found else None}
    false, last = [], None
    for start, end, name in alarms:
        if any(start < e_end + HOUR and end > e_start for _, e_start, e_end, _ in events):
            continue
        if last is None or start > last + HOUR:
            false.append((time_text(start), name))
        last = max(end, last or end)
    return hits, false


def wilson(hits, n, z=1.96):
    middle, half = (hits + z * z / 2) / (n + z * z), z * math.sqrt(hits * (n - hits) / n + z * z / 4) / (n + z * z)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson_limits(count):
    """Returns 95 % limits of the mean of a Poisson count (Garwood 1936), by bisection."""
    def at_most(k, mean):
        return sum(math.exp(-mean + i * math.log(mean) - math.lgamma(i + 1)) for i in range(k + 1))

    def solve(f):
        low, high = 1e-9, 10.0 * count + 20
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if f(middle) else (low, middle)
        return low
    return (solve(lambda m: 1 - at_most(count - 1, m) < 0.025) if count else 0.0), solve(lambda m: at_most(count, m) > 0.025)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", default="2-2", help="first-last")
    parser.add_argument("--interval", default="1h")
    parser.add_argument("--days", type=int, default=22, help="length of the month; the first 15 are learnt from")
    parser.add_argument("--flows-per-hour", type=int, default=400)
    parser.add_argument("--keep", help="append the result of each seed to this file, as JSON lines")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split("-"))
    seeds = range(first, last + 1)

    found, false_alarms, scored = {f"{kind} {share}": 0 for kind, _, share in EVENTS}, 0, 0
    for seed in seeds:
        with TemporaryFolder("planted") as folder:
            events, missing, watched = watch(folder, seed, options)
        alarms = alarms_of(watched)
        beside = [(t, a) for t in missing for a in alarms if a[0] < t + 2 * HOUR and a[1] > t - HOUR]
        check(len(missing) > 2 and not beside, f"seed {seed}: alarms beside {len(missing)} missing hours: {beside}")
        hits, false = judge(events, alarms)
        for kind, verdict in hits.items():
            found[kind] += verdict["hit"]
        false_alarms += len(false)
        scored += sum(r["flows_score"] != "" and r["interval_start"] >= time_text(LEARNT) for r in watched["flows"])
        line = {"seed": seed, "events": [(kind, time_text(start), share) for kind, start, _, share in events], "hits": hits, "false": false}
        print(json.dumps(line), flush=True)
        if options.keep:
            with open(options.keep, "a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")
    width = {"m": 60, "h": 3600}[options.interval[-1]] * int(options.interval[:-1])
    weeks = scored * width / (7 * 86_400)
    n = len(seeds)
    check(scored > 0.8 * n * (options.days - 15) * 86_400 / width, f"most of the observed time is scored, not {scored} intervals")
    for kind, hits in found.items():
        low, high = wilson(hits, n)
        print(f"{kind}: {hits} of {n} found, {100 * hits / n:.0f} % (95 %: {100 * low:.0f} to {100 * high:.0f} %)")
    low, high = poisson_limits(false_alarms)
    print(f"false alarms: {false_alarms} in {weeks:.1f} weeks, {false_alarms / weeks:.2f} per week (95 %: {low / weeks:.2f} to {high / weeks:.2f})")
    check(found["scan 0.3"] + found["outage 0.5"] >= n, f"at least half of the larger events are found, not {found}")
    check(low / weeks <= 1, f"at most one false alarm per week, not {false_alarms} in {weeks:.1f} weeks")


main()
