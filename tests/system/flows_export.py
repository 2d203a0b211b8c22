#!/usr/bin/env python3
"""Checks that flows exported as Parquet equal the printed ones, with the same exit code for damage, and that no partial file remains."""
import csv
import io
import subprocess

from system import DATA, MOLE, TemporaryFolder, check, mole, require_captures, query

COLUMNS = "start,end,src_addr,dst_addr,src_port,dst_port,protocol,packets,bytes,tcp_flags,tos,src_as,dst_as,src_mask,dst_mask,next_hop,in_if,out_if"


def printed(files, code, columns=COLUMNS):
    done = mole("flows", *files, "--format", "csv", "--columns", columns, "--time-format", "epoch_ms", code=code)
    return [tuple(row) for row in csv.reader(io.StringIO(done.stdout))][1:]


def exported(path, columns=COLUMNS):
    shown = [f'epoch_ms("{c}")' if c in ("start", "end") else f'"{c}"' for c in columns.split(",")]
    return [tuple(row) for row in query(f"SELECT {', '.join(shown)} FROM '{path}'")]


def main():
    require_captures()
    sound = [DATA / "archive" / "19991_00040895_1190487600.dat.bz2", DATA / "archive" / "19993_00040898_1190498400.dat.bz2"]
    truncated = DATA / "archive" / "19991_00040899_1190502000.dat.bz2"
    with TemporaryFolder("flows-export") as folder:
        for files, code in ((sound, 0), ([truncated], 3)):
            out = folder / "flows.parquet"
            mole("flows", *files, "--columns", COLUMNS, "-o", out, code=code)
            wanted, got = printed(files, code), exported(out)
            check(wanted == got and got, f"{len(got)} exported flows, {len(wanted)} printed; first difference "
                                         f"{next(((a, b) for a, b in zip(got, wanted) if a != b), None)}")
            print(f"{[f.name for f in files]}: {len(got)} equal flows")
        mole("flows", sound[0], "--columns", "*", "-o", folder / "all.parquet")
        names = query(f"SELECT column_name FROM (DESCRIBE SELECT * FROM '{folder / 'all.parquet'}')")
        check([n[0] for n in names][:4] == ["start", "end", "src_addr", "dst_addr"] and len(names) == 20, f"all columns: {names}")

        mole("flows", folder / "absent.bz2", "-o", folder / "x.parquet", code=4)
        mole("flows", sound[0], "--columns", "octetts", "-o", folder / "x.parquet", code=2)
        mole("flows", sound[0], "-o", folder / "no-folder" / "x.parquet", code=4)
        left = sorted(p.name for p in folder.iterdir())
        check(left == ["all.parquet", "flows.parquet"], f"only complete files remain: {left}")

        # A pipe receives the same bytes. It is not an error if the reader closes the pipe.
        bytes_of = subprocess.run([str(MOLE), "flows", *map(str, sound), "--columns", COLUMNS, "--format", "parquet"],
                                  capture_output=True, check=True).stdout
        mole("flows", *sound, "--columns", COLUMNS, "-o", folder / "again.parquet")
        check(bytes_of == (folder / "again.parquet").read_bytes(), "stdout and file have the same bytes")
        shell = f"{MOLE} flows {sound[0]} --format arrow | head -c 8; exit ${{PIPESTATUS[0]}}"
        check(subprocess.run(["bash", "-c", shell], capture_output=True).returncode == 0, "a reader may close the pipe")


if __name__ == "__main__":
    main()
