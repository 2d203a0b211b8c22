#!/usr/bin/env python3
"""Checks that flows exported as Parquet equal the printed ones, with the same exit code for damage, and that no partial file remains."""
import csv
import io
import os
import shutil
import subprocess

from system import BUILD, DATA, MOLE, TemporaryFolder, check, mole, require_captures, query

COLUMNS = "start,end,src_addr,dst_addr,src_port,dst_port,protocol,packets,bytes,tcp_flags,tos,src_as,dst_as,src_mask,dst_mask,next_hop,in_if,out_if"


def printed(files, code, columns=COLUMNS):
    done = mole("flows", *files, "--format", "csv", "--columns", columns, "--time-format", "epoch_ms", code=code)
    return [tuple(row) for row in csv.reader(io.StringIO(done.stdout))][1:]


def exported(path, columns=COLUMNS):
    shown = [f'epoch_ms("{c}")' if c in ("start", "end") else f'"{c}"' for c in columns.split(",")]
    return [tuple(row) for row in query(f"SELECT {', '.join(shown)} FROM '{path}'")]


def every_plugin_folder_is_searched(folder, file):
    """Runs copies of the programs, which have no plugins beside them, with the decoder in the first or the second folder."""
    programs, empty, plugins, flows = folder / "bin", folder / "empty", folder / "plugins", folder / "flows"
    for made in (programs, empty, flows):
        made.mkdir()
    for name in ("mole", "mole-worker"):
        shutil.copy(BUILD / "bin" / name, programs / name)
    shutil.copytree(BUILD / "lib" / "mole" / "plugins", plugins)
    shutil.copy(file, flows / file.name)
    environment = {name: value for name, value in os.environ.items() if name != "MOLE_PLUGIN_PATH"}

    def run(folders, *arguments):
        options = [option for f in folders for option in ("--plugins", f)]
        done = subprocess.run([programs / "mole", *options, *arguments], capture_output=True, text=True, cwd=folder, env=environment)
        return done.returncode, done.stderr

    for arguments in (["flows", file, "--format", "none"], ["flows", file, "-o", folder / "chosen.parquet"],
                      ["manifest", "init", flows, "-o", folder / "chosen.yaml"]):
        for folders in ([plugins], [empty, plugins], [plugins, empty], [empty, empty, plugins]):
            code, told = run(folders, *arguments)
            check(code == 0, f"{arguments[0]} with the plugins in {[f.name for f in folders]}: {code}, {told}")
            (folder / "chosen.yaml").unlink(missing_ok=True)
        code, told = run([empty], *arguments)
        check(code != 0, f"{arguments[0]} without plugins: {code}, {told}")
    for made in (programs, empty, plugins, flows):
        shutil.rmtree(made)
    (folder / "chosen.parquet").unlink()


def main():
    require_captures()
    sound = [DATA / "archive" / "19991_00040895_1190487600.dat.bz2", DATA / "archive" / "19993_00040898_1190498400.dat.bz2"]
    truncated = DATA / "archive" / "19991_00040899_1190502000.dat.bz2"
    with TemporaryFolder("flows-export") as folder:
        every_plugin_folder_is_searched(folder, sound[0])
        for files, code in ((sound, 0), ([truncated], 3)):
            out = folder / "flows.parquet"
            mole("flows", *files, "--columns", COLUMNS, "-o", out, code=code)
            wanted, got = printed(files, code), exported(out)
            check(wanted == got and got, f"{len(got)} exported flows, {len(wanted)} printed; first difference "
                                         f"{next(((a, b) for a, b in zip(got, wanted) if a != b), None)}")
            print(f"{[f.name for f in files]}: {len(got)} equal flows")
        mole("flows", sound[0], "--columns", "*", "-o", folder / "all.parquet")
        names = query(f"SELECT column_name FROM (DESCRIBE SELECT * FROM '{folder / 'all.parquet'}')")
        check([n[0] for n in names][:4] == ["start", "end", "src_addr", "dst_addr"] and len(names) == 38, f"all columns: {names}")

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
