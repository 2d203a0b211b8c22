#!/usr/bin/env python3
"""Compares metrics per 15 minutes, direction and protocol class with DuckDB's SQL over exported flows. Argument: captures or generated.

DuckDB is independent of the project: it reads flows written by `mole flows` and computes each value from its definition."""
import sys

from system import TemporaryFolder, check, mole, require_captures, query
from values import Comparison, captures, generated, number, run, table

BY = ("direction", "protocol_class")
METRICS = ("traffic", "addresses", "autonomous_systems", "ports", "distributions", "tcp_flags", "peers", "unanswered", "scans")
ROUNDING = 1e-9  # for sums of doubles in a different order

# Flows with their interval (s) and group, once per group to which they belong: in each dimension, their own member and `all`.
FLOWS = """grouped AS (
  SELECT epoch_us(start) // 900000000 * 900 AS i,
    CASE WHEN {src} AND {dst} THEN 'internal' WHEN {src} THEN 'out' WHEN {dst} THEN 'in' ELSE 'transit' END AS d,
    CASE protocol WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 1 THEN 'icmp' WHEN 58 THEN 'icmp' ELSE 'other' END AS c,
    greatest(epoch_us("end") - epoch_us(start), 0) AS duration_us, *
  FROM '{parquet}'),
flows AS (SELECT * EXCLUDE (all_d, all_c) REPLACE (if(all_d, 'all', d) AS d, if(all_c, 'all', c) AS c)
          FROM grouped CROSS JOIN (VALUES (false, false), (false, true), (true, false), (true, true)) AS totals(all_d, all_c))"""

# Measures of concentration of flows, packets and bytes over the values of a key.
CONCENTRATION = """
parts AS (SELECT i, d, c, {key} AS k, count(*)::DOUBLE AS flows, sum(packets)::DOUBLE AS packets, sum(bytes)::DOUBLE AS bytes
          FROM flows WHERE {condition} GROUP BY ALL),
long AS (SELECT i, d, c, w, v FROM parts UNPIVOT (v FOR w IN (flows, packets, bytes)) WHERE v > 0),
shares AS (SELECT i, d, c, w, v / sum(v) OVER g AS p, row_number() OVER (PARTITION BY i, d, c, w ORDER BY v DESC) AS rank FROM long
           WINDOW g AS (PARTITION BY i, d, c, w))
SELECT i, d, c, w, -sum(p * log2(p)), CASE WHEN count(*) > 1 THEN -sum(p * log2(p)) / log2(count(*)) END, max(p),
       sum(p) FILTER (rank <= 10), sum(p) FILTER (rank <= 100), sum(p * p) FROM shares GROUP BY ALL"""
CONCENTRATION_COLUMNS = ("entropy", "normalised_entropy", "top_1_share", "top_10_share", "top_100_share", "herfindahl")


class Verification:
    def __init__(self, folder, source):
        self.parquet = folder / "flows.parquet"
        mole("flows", *source.files(), "--columns", "*", "-o", self.parquet, code=(0, 3))
        src, dst = source.inside.format("src_addr"), source.inside.format("dst_addr")
        self.flows = FLOWS.format(parquet=self.parquet, src=src, dst=dst)
        both = ", ".join(BY)
        run(folder, source, "".join(f"  {m}: {{plugin: {m}, input: {{archive: flows}}, interval: 15m, by: [{both}], totals: [{both}]}}\n" for m in METRICS))
        self.rows = {m: table(m, BY, folder) for m in METRICS}
        self.comparison = Comparison()

    def select(self, sql):
        """Returns rows by (interval, direction, class)."""
        return [((int(r[0]), r[1], r[2]), r[3:]) for r in query(f"WITH {self.flows}{sql}")]

    def equal(self, module, names, sql, relative=0.0, empty=0.0):
        """Compares the named columns in each row of the module; a group without flows must have the value `empty`, unless that is "skip"."""
        truth = {key: [number(v) for v in values] for key, values in self.select(sql)}
        self.all_groups_known(module, truth)
        for key, row in self.rows[module].items():
            if key not in truth and empty == "skip":
                continue
            values = truth.get(key, [empty] * len(names))
            for name, value in zip(names, values, strict=True):
                self.comparison.equal(f"{module} {key}", name, number(row[name]), value, relative)

    def all_groups_known(self, module, truth):
        unknown = [key for key in truth if key not in self.rows[module]]
        check(not unknown, f"{module} has no rows for {unknown[:3]}")

    def traffic(self):
        self.equal("traffic", ("flows", "packets", "bytes"), " SELECT i, d, c, count(*), sum(packets), sum(bytes) FROM flows GROUP BY ALL")

    def concentration(self, module, name, key, condition="true"):
        truth = {(k, r[0]): [number(v) for v in r[1:]] for k, r in self.select("," + CONCENTRATION.format(key=key, condition=condition))}
        self.all_groups_known(module, [k for k, _ in truth])
        for group, row in self.rows[module].items():
            for weight in ("flows", "packets", "bytes"):
                values = truth.get((group, weight), [None] * len(CONCENTRATION_COLUMNS))
                for column, value in zip(CONCENTRATION_COLUMNS, values, strict=True):
                    column = f"{column}_{name}_{weight}"
                    self.comparison.equal(f"{module} {group}", column, number(row[column]), value, ROUNDING)

    def counts_and_concentration(self):
        both = " SELECT i, d, c, count(DISTINCT src_{0}) {2}, count(DISTINCT dst_{0}) {3} FROM flows {1} GROUP BY ALL"
        ports = "WHERE protocol IN (6, 17)"
        self.equal("addresses", ("src_addresses", "dst_addresses"), both.format("addr", "", "", ""))
        self.equal("ports", ("src_ports", "dst_ports"), both.format("port", ports, "", ""))
        self.equal("autonomous_systems", ("src_as_count", "dst_as_count"),
                   both.format("as", "", "FILTER (src_as <> 0)", "FILTER (dst_as <> 0)"))
        for side in ("src", "dst"):
            self.concentration("addresses", f"{side}_addr", f"{side}_addr")
            self.concentration("ports", f"{side}_port", f"{side}_port", "protocol IN (6, 17)")
            self.concentration("autonomous_systems", f"{side}_as", f"{side}_as", f"{side}_as <> 0")
            self.equal("autonomous_systems", [f"unknown_{side}_as_share_{w}" for w in ("flows", "packets", "bytes")],
                       f" SELECT i, d, c, avg(({side}_as = 0)::INT), sum(packets * ({side}_as = 0)::INT) / sum(packets), "
                       f"sum(bytes * ({side}_as = 0)::INT) / sum(bytes) FROM flows GROUP BY ALL", ROUNDING, None)
            self.equal("ports", [f"{w}_{side}_{r}" for r in ("well_known", "registered", "dynamic") for w in ("flows", "packets", "bytes")],
                       " SELECT i, d, c, " + ", ".join(f"coalesce(sum({w}) FILTER ({side}_port BETWEEN {low} AND {high}), 0)"
                                                       for low, high in ((0, 1023), (1024, 49151), (49152, 65535)) for w in ("1", "packets", "bytes")) +
                       f" FROM flows {ports} GROUP BY ALL")
        services = {"dns": (53, 853, 5353), "mail": (25, 109, 110, 143, 220, 465, 587, 993, 995)}
        others = "80,443,591,8000,8008,8080,8081,8443,3128,22,23,20,21"  # the lower port decides; these classes are separate from the two above
        for service, known in services.items():
            listed = ", ".join(map(str, known))
            low, high = "least(src_port, dst_port)", "greatest(src_port, dst_port)"
            condition = f"{low} IN ({listed})"
            truth = {k: number(v[0]) for k, v in self.select(f" SELECT i, d, c, count(*) FROM flows {ports} AND {condition} GROUP BY ALL")}
            also = {k: number(v[0]) for k, v in self.select(f" SELECT i, d, c, count(*) FROM flows {ports} AND {high} IN ({listed}) AND {low} NOT IN ({listed},{others}) GROUP BY ALL")}
            for group, row in self.rows["ports"].items():  # the lower port decides; if it has no class, the higher one does
                self.comparison.within(f"ports {group}", f"flows_service_{service}", number(row[f"flows_service_{service}"]),
                                       truth.get(group, 0), truth.get(group, 0) + also.get(group, 0))

    def distributions(self):
        values = {"duration": ("duration_us // 1000", 1000), "flow_packets": ("packets", 1), "flow_bytes": ("bytes", 1)}
        self.equal("distributions", ("duration_mean", "flow_packets_mean", "flow_bytes_mean"),
                   " SELECT i, d, c, sum(duration_us) / count(*) / 1e6, sum(packets) / count(*), sum(bytes) / count(*) FROM flows GROUP BY ALL", ROUNDING, None)
        self.equal("distributions", ("packet_size_mean",),
                   " SELECT i, d, c, sum(bytes) / sum(packets) FROM flows WHERE packets > 0 GROUP BY ALL", ROUNDING, None)
        for name, (value, per_unit) in values.items():
            self.quantiles(name, f"SELECT i, d, c, {value} AS x, count(*) AS n FROM flows GROUP BY ALL", per_unit)
            self.tail(name, value, per_unit)
        self.quantiles("packet_size", "SELECT i, d, c, bytes // packets AS x, sum(packets) AS n FROM flows WHERE packets > 0 GROUP BY ALL", 1)
        self.classes("flows_of_duration_", "duration_us // 1000", 1, "ms")
        self.classes("flows_of_packets_", "packets", 1, "")
        self.classes("flows_of_bytes_", "bytes", 64, "")
        sizes = {"to_64": (0, 64), "65_to_127": (65, 127), "128_to_255": (128, 255), "256_to_511": (256, 511), "512_to_1023": (512, 1023),
                 "1024_to_1518": (1024, 1518), "from_1519": (1519, 1 << 40)}
        for what, counted in (("flows", "1"), ("packets", "packets"), ("bytes", "bytes")):
            self.equal("distributions", [f"{what}_of_packet_size_{s}" for s in sizes], " SELECT i, d, c, " + ", ".join(
                f"coalesce(sum({counted}) FILTER (bytes // packets BETWEEN {low} AND {high}), 0)" for low, high in sizes.values()) +
                " FROM flows WHERE packets > 0 GROUP BY ALL")

    def quantiles(self, name, counts, per_unit):
        """Compares quantiles: the smallest value that at least the share q does not exceed, to 1/128; q of the total may be rounded either way."""
        levels = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
        picked = ", ".join(f"min(x) FILTER (upto >= {q} * total * (1 - 1e-12)), min(x) FILTER (upto >= {q} * total * (1 + 1e-12) OR upto = total)" for q in levels.values())
        truth = dict(self.select(f""", counted AS ({counts}),
            ranked AS (SELECT *, sum(n) OVER (PARTITION BY i, d, c ORDER BY x) AS upto, sum(n) OVER (PARTITION BY i, d, c) AS total FROM counted)
            SELECT i, d, c, {picked} FROM ranked GROUP BY ALL"""))
        for group, row in self.rows["distributions"].items():
            bounds = [number(v) for v in truth.get(group, [None] * 2 * len(levels))]
            for k, level in enumerate(levels):
                a, b = bounds[2 * k:2 * k + 2]
                low, high = (None, None) if a is None else (a / per_unit * (1 - 1 / 128), b / per_unit * (1 + 1 / 128))
                self.comparison.within(f"distributions {group}", f"{name}_{level}", number(row[f"{name}_{level}"]), low, high)

    def tail(self, name, value, per_unit):
        """Compares Hill's estimator, from the smallest value of the tail given in the row (Clauset, Shalizi, Newman 2009, 3.7)."""
        tails = [(group, row) for group, row in self.rows["distributions"].items() if row[f"{name}_tail_from"]]
        if not tails:
            return
        listed = ", ".join(f"({g[0]}, '{g[1]}', '{g[2]}', {round(float(r[f'{name}_tail_from']) * per_unit)})" for g, r in tails)
        truth = dict(self.select(f""", tails(i, d, c, m) AS (VALUES {listed})
            SELECT i, d, c, 1 + count(*) FILTER (x >= m) / sum(ln(greatest(x, m) / (m - 0.5))) FILTER (x >= m), count(*) FILTER (x >= m) / count(*), count(*) FILTER (x >= m)
            FROM (SELECT i, d, c, {value} AS x FROM flows) JOIN tails USING (i, d, c) GROUP BY i, d, c, m"""))
        for group, row in tails:
            exponent, share, n = (number(v) for v in truth[group])
            self.comparison.equal(f"{name} {group}", f"{name}_tail_exponent", number(row[f"{name}_tail_exponent"]), exponent, 0.02)
            self.comparison.equal(f"{name} {group}", f"{name}_tail_share", number(row[f"{name}_tail_share"]), share, ROUNDING)
            self.comparison.equal(f"{name} {group}", f"{name}_tail_error", number(row[f"{name}_tail_error"]), (exponent - 1) / n ** 0.5, 0.04)

    def classes(self, prefix, value, least, unit):
        """Compares classes from each power of two to the next; class 0 is below `least`, the last one is open."""
        columns = [c for c in next(iter(self.rows["distributions"].values())) if c.startswith(prefix)]
        bounds = [int(c.removeprefix(prefix).removesuffix(unit)) for c in columns]
        check(bounds[:2] == [0, least] and all(b == 2 * a for a, b in zip(bounds[1:], bounds[2:])), f"classes {bounds}")
        self.equal("distributions", columns, " SELECT i, d, c, " + ", ".join(
            f"count(*) FILTER (x >= {low}" + (f" AND x < {high})" if high else ")") for low, high in zip(bounds, bounds[1:] + [None])) +
            f" FROM (SELECT *, {value} AS x FROM flows) GROUP BY i, d, c")

    def flags(self):
        bits = "(tcp_flags & {})".format
        syn, ack, fin, rst = (f"({bits(b)} <> 0)" for b in (2, 16, 1, 4))
        columns = {"tcp_flows": "true", "tcp_null_flows": f"{bits(63)} = 0", "tcp_syn_flows": f"{syn} AND NOT {ack} AND NOT {fin} AND NOT {rst}",
                   "tcp_syn_ack_flows": f"{syn} AND {ack} AND NOT {fin} AND NOT {rst}", "tcp_closed_flows": f"{syn} AND {ack} AND {fin} AND NOT {rst}",
                   "tcp_reset_flows": f"{syn} AND {ack} AND {rst}", "tcp_refused_flows": f"{rst} AND NOT {syn}",
                   "tcp_ended_flows": f"{ack} AND {fin} AND NOT {syn} AND NOT {rst}", "tcp_running_flows": f"{ack} AND NOT {syn} AND NOT {fin} AND NOT {rst}",
                   "tcp_illegal_flows": f"{syn} AND ({fin} OR {rst}) AND NOT {ack}", "tcp_ecn_flows": f"{bits(192)} <> 0"}
        self.equal("tcp_flags", list(columns), " SELECT i, d, c, " + ", ".join(f"count(*) FILTER ({w})" for w in columns.values()) +
                   " FROM flows WHERE protocol = 6 GROUP BY ALL")
        self.equal("tcp_flags", ("tcp_syn_share", "tcp_answered_ratio"),
                   f" SELECT i, d, c, count(*) FILTER ({columns['tcp_syn_flows']}) / count(*), "
                   f"CASE WHEN count(*) FILTER ({syn}) > 0 THEN count(*) FILTER ({syn} AND {ack}) / count(*) FILTER ({syn}) END "
                   "FROM flows WHERE protocol = 6 GROUP BY ALL", ROUNDING, None)

    def peers(self):
        degrees = """, pairs AS (SELECT i, d, c, least(src_addr, dst_addr) AS a, greatest(src_addr, dst_addr) AS b, count(DISTINCT src_addr) AS ways
              FROM flows GROUP BY ALL),
            peers AS (SELECT i, d, c, h, count(DISTINCT p) AS n FROM (SELECT i, d, c, a AS h, b AS p FROM pairs UNION ALL SELECT i, d, c, b, a FROM pairs) GROUP BY ALL)"""
        self.equal("peers", ("hosts", "peers_mean", "peers_p50", "peers_p90", "peers_p99", "peers_max", "peers_1_hosts", "peers_2_3_hosts", "peers_16_31_hosts"),
                   degrees + """ SELECT i, d, c, count(*), avg(n), quantile_disc(n, 0.5), quantile_disc(n, 0.9), quantile_disc(n, 0.99), max(n),
                   count(*) FILTER (n = 1), count(*) FILTER (n IN (2, 3)), count(*) FILTER (n BETWEEN 16 AND 31) FROM peers GROUP BY ALL""", ROUNDING, "skip")
        self.equal("peers", ("host_pairs", "mutual_pairs"), degrees + " SELECT i, d, c, count(*), count(*) FILTER (ways = 2 OR a = b) FROM pairs GROUP BY ALL")
        for name, of, other in (("fan_out", "src_addr", "dst_addr"), ("fan_in", "dst_addr", "src_addr")):
            self.equal("peers", (f"{name}_mean", f"{name}_p50", f"{name}_max"),
                       f" SELECT i, d, c, avg(n), quantile_disc(n, 0.5), max(n) FROM (SELECT i, d, c, count(DISTINCT {other}) AS n FROM flows GROUP BY i, d, c, {of}) GROUP BY ALL",
                       ROUNDING, "skip")

    def unanswered(self):
        """TCP and UDP: within one direction, replies are only seen for internal and transit traffic."""
        for name, protocol in (("tcp", 6), ("udp", 17)):
            self.equal("unanswered", [f"{v}_{name}" for v in ("conversations", "one_way", "one_way_flows", "one_way_packets")], f"""
                , conversations AS (SELECT i, d, c, least((src_addr, src_port), (dst_addr, dst_port)) AS a, greatest((src_addr, src_port), (dst_addr, dst_port)) AS b,
                  count(DISTINCT (src_addr, src_port)) AS ways, count(*) AS n, sum(packets) AS p FROM flows WHERE protocol = {protocol} GROUP BY ALL)
                SELECT i, d, c, count(*), count(*) FILTER (ways = 1), coalesce(sum(n) FILTER (ways = 1), 0), coalesce(sum(p) FILTER (ways = 1), 0) FROM conversations GROUP BY ALL""")

    def scans(self):
        """A probe: TCP without ACK and RST, or an echo request, of at most 3 packets. A scanner: 25 targets or 15 ports, and at least two probes per other flow."""
        sources = """, marked AS (SELECT *, packets <= 3 AND (protocol = 6 AND (tcp_flags & 20) = 0 OR protocol = 1 AND dst_port = 2048) AS probe FROM flows),
            sources AS (SELECT i, d, c, src_addr, count(*) FILTER (probe) AS probes, count(*) FILTER (NOT probe) AS others,
              count(DISTINCT dst_addr) FILTER (probe) AS targets, count(DISTINCT dst_port) FILTER (probe AND protocol = 6) AS ports FROM marked GROUP BY ALL),
            scanners AS (SELECT *, targets >= 25 AS wide, ports >= 15 AS deep FROM sources WHERE (targets >= 25 OR ports >= 15) AND probes >= 2 * others)"""
        self.equal("scans", ("probe_flows", "probe_sources", "probe_targets", "probe_pairs"), sources + """ SELECT i, d, c, count(*) FILTER (probe),
            count(DISTINCT src_addr) FILTER (probe), count(DISTINCT dst_addr) FILTER (probe), count(DISTINCT (src_addr, dst_addr)) FILTER (probe) FROM marked GROUP BY ALL""")
        self.equal("scans", ("scanners", "horizontal_scanners", "vertical_scanners", "block_scanners", "scanner_flows", "scanner_targets_max", "scanner_ports_max"),
                   sources + """ SELECT i, d, c, count(*), count(*) FILTER (wide AND NOT deep), count(*) FILTER (deep AND NOT wide), count(*) FILTER (wide AND deep),
                   sum(probes), max(targets), max(ports) FROM scanners GROUP BY ALL""")


def main():
    if sys.argv[1] == "captures":
        require_captures()
    with TemporaryFolder("against-duckdb") as folder:
        verification = Verification(folder, captures() if sys.argv[1] == "captures" else generated(folder, 600))
        for part in (verification.traffic, verification.counts_and_concentration, verification.distributions, verification.flags, verification.peers, verification.unanswered, verification.scans):
            part()
        flows = query(f"SELECT count(*) FROM '{verification.parquet}'")[0][0]
        ours = sum(int(r["flows"]) for (_, direction, kind), r in verification.rows["traffic"].items() if "all" not in (direction, kind))
        check(ours == int(flows), f"{ours} flows measured, {flows} exported")
        print(f"{verification.comparison.values} values of {len(verification.comparison.columns)} columns over {flows} flows equal DuckDB's")


if __name__ == "__main__":
    main()
