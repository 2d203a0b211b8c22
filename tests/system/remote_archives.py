#!/usr/bin/env python3
"""Checks that one archive gives the same bytes of tables from a folder, from a bucket of a real S3 server, from a real web server by its index pages
and by a listing, from simulated tapes over SSH, and from tiers of a folder and tapes; and that credentials are needed and appear nowhere."""
import csv
import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request

from system import ROOT, TemporaryFolder, check, mole, tree_contents, wait_until
from tape_server import Server as TapeServer

START = 1190419200  # 2007-09-22
END = START + 6 * 3600
KEY, SECRET = "S3RVER", "S3RVER"  # of s3rver, which accepts any secret
OTHER_KEY = "AKIDOTHER"
WRONG = "wrong/secret+value"
MANIFEST = """
pipeline: remote
archives:
  flows:
    {store}
    files: "{{router}}_{{sequence}}_{{start:unix}}.dat.bz2"
    covers: 1h
modules:
  traffic: {{plugin: traffic, input: {{archive: flows}}, interval: 15m, by: [router]}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A program that serves files on a port; killed at the end of the test."""

    def __init__(self, port, log, *command):
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(log, "wb")
        self.process = subprocess.Popen([str(c) for c in command], stdout=self.log, stderr=self.log)
        wait_until(lambda: listens(port) or self.process.poll() is not None, f"{command[0]} to listen", 60)
        check(self.process.poll() is None, f"{command[0]} ended: {pathlib.Path(log).read_text()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def s3_server(folder):
    program = ROOT / ".deps" / "s3_server" / "node_modules" / "s3rver" / "bin" / "s3rver.js"
    check(program.exists(), "the S3 server of the tests is missing; run ./dev setup")
    port = free_port()
    return Server(port, folder / "s3.log", "node", program, "-d", folder / "s3", "-a", "127.0.0.1", "-p", port, "--configure-bucket", "flows")


def nginx(folder, served):
    port = free_port()
    temporary = "".join(f"  {kind}_temp_path {folder}/nginx-{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"""
daemon off;
{"user root;" if os.geteuid() == 0 else ""}
pid {folder}/nginx.pid;
error_log {folder}/nginx-errors.log;
events {{}}
http {{
{temporary}  access_log {folder}/nginx-access.log;
  server {{
    listen 127.0.0.1:{port};
    location / {{ root {served}; autoindex on; }}
  }}
}}
""")
    return Server(port, folder / "nginx.log", "/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf")


def put(url, bucket, key, content):
    urllib.request.urlopen(urllib.request.Request(f"{url}/{bucket}/{urllib.parse.quote(key)}", data=content, method="PUT")).read()


def write_manifest(folder, name, downloader, params):
    (folder / f"{name}.yaml").write_text(MANIFEST.format(store=f"downloader: {downloader}\n    params: {params}"))


def tables(folder, name, env=None):
    """The rows of a run, as bytes of CSV, and the files of its tables."""
    state = folder / f"state-{name}"
    mole("run", f"{name}.yaml", "--from", f"@{START}", "--to", f"@{END - 3600}", "--state", state, "--partial", "--progress=none", cwd=folder, env=env, code=(0, 3))
    return mole("results", "traffic", "--state", state, "--format", "csv", cwd=folder).stdout, tree_contents(state / "tables")


def appears_below(folder, secret):
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def main():
    with TemporaryFolder("remote") as folder:
        archive = folder / "archive"
        mole("archive", "simulate", archive, "--seed", 11, "--from", f"@{START}", "--to", f"@{END}", "--routers", "1,2", "--flows-per-hour", 2000,
             "--gap", "2@2007-09-22T02")
        names = sorted(str(path.relative_to(archive)) for path in archive.rglob("*.bz2"))
        write_manifest(folder, "directory", "directory", "{root: archive}")
        expected = tables(folder, "directory")
        check(len(list(csv.reader(expected[0].splitlines()))) > 20 and expected[1], "the folder gives rows")

        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        with s3_server(folder) as server:
            for name in names:
                put(server.url, "flows", "years/2007/" + name, (archive / name).read_bytes())
                put(server.url, "flows", "other/" + name, b"not of this archive")
            write_manifest(folder, "s3", "s3", f"{{bucket: flows, prefix: years/2007, endpoint: '{server.url}'}}")
            check(tables(folder, "s3", keys) == expected, "S3 gives the same tables")
            write_manifest(folder, "locked", "s3", f"{{bucket: flows, prefix: years/2007, endpoint: '{server.url}'}}")
            refused = mole("run", "locked.yaml", "--from", f"@{START}", "--to", f"@{END}", "--state", folder / "state-locked", "--partial", "--progress=none", cwd=folder,
                           env={"AWS_ACCESS_KEY_ID": OTHER_KEY, "AWS_SECRET_ACCESS_KEY": WRONG}, code=(1, 4, 5))
            check("correct AWS_ACCESS_KEY_ID" in refused.stderr, refused.stderr)
            check(WRONG not in refused.stderr + refused.stdout, "a secret is printed")
            check(not appears_below(folder, WRONG), f"a secret is stored in {appears_below(folder, WRONG)}")

        with nginx(folder, folder) as server:
            write_manifest(folder, "http", "http", f"{{url: '{server.url}/archive/'}}")
            check(tables(folder, "http") == expected, "index pages give the same tables")
            lines = ["name,size,mtime,digest"]
            for name in names:
                content = (archive / name).read_bytes()
                lines.append(f"{name},{len(content)},{int((archive / name).stat().st_mtime)},{hashlib.sha256(content).hexdigest()}")
            (archive / "files.csv").write_text("\n".join(lines) + "\n")
            write_manifest(folder, "listing", "http", f"{{url: '{server.url}/archive', listing: files.csv}}")
            check(tables(folder, "listing") == expected, "a listing gives the same tables")

        shutil.copytree(archive, folder / "stored", ignore=shutil.ignore_patterns("files.csv"))
        with TapeServer(folder, folder / "stored", "--tapes", 2, "--layout", "shuffled") as server:
            write_manifest(folder, "tape", "samfs", json.dumps(server.params))
            check(tables(folder, "tape") == expected, "tapes give the same tables")
            (folder / "disk").mkdir()
            for name in names[::3]:
                shutil.copy(archive / name, folder / "disk" / name)
            stores = [{"downloader": "directory", "params": {"root": "disk"}}, {"downloader": "samfs", "params": server.params}]
            (folder / "tiers.yaml").write_text(MANIFEST.format(store=f"tiers: {json.dumps(stores)}"))
            check(tables(folder, "tiers") == expected, "tiers give the same tables")
    print(f"{len(names)} files give the same bytes of tables from a folder, S3, index pages, a listing, tapes and tiers")


if __name__ == "__main__":
    main()
