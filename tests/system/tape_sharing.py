#!/usr/bin/env python3
"""Checks that two requests for the same tapes mount each tape once and fetch each file once, that no more drives are used than the manifest
allows, and that a cancelled request releases what nobody else wants."""
from system import TemporaryFolder, check, mole, rows, wait_until
from tape_server import Published, Server, check_read_once, count, hours, mounts, names, simulate, write_manifest
from tape_services import Services

HOURS, TAPES = 36, 6
LAYOUT = ("--tapes", TAPES, "--layout", "shuffled", "--drives", 4)


def expected(folder, files, first, last):
    write_manifest(folder / "folder.yaml", "directory", {"root": str(files)})
    mole("run", "folder.yaml", *hours(first, last), "--state", f"folder-{first}", "--progress=none", cwd=folder, code=(0, 3))
    return rows("traffic", "--state", f"folder-{first}", cwd=folder)


def overlapping_requests_share(folder, files):
    with Server(folder, files, *LAYOUT) as server, Services(folder, ("--slots", 2)) as services:
        for user in ("a", "b"):
            write_manifest(folder / f"{user}.yaml", "samfs", server.params, "drives: 2", pipeline=user)
        ranges = {"a": (0, 27), "b": (9, HOURS)}
        requests = {user: services.submit(f"{user}.yaml", *hours(*ranges[user])) for user in ranges}
        for user, request in requests.items():
            services.wait(request, "COMPLETE", "PARTIAL")
            check(services.rows(f"{user}/traffic") == expected(folder, files, *ranges[user]), f"the table of {user} differs from that of the folder")
        log, report = server.log(), server.report()
        # The second request may come when the first tape has just been read.
        tapes = server.tapes(names(range(HOURS)))
        check(len(mounts(log)) <= len(tapes) + 1, f"{len(mounts(log))} mounts of {len(tapes)} tapes")
        check_read_once(log, names(range(HOURS)))
        check(report["most_drives"] <= 2, f"{report['most_drives']} drives in use, 2 are allowed")
        print(f"two requests: {report['mounts']} mounts of {report['tapes']} tapes, {report['files']} files read, at most {report['most_drives']} drives in use")


def cancelled_request_is_not_fetched(folder, files):
    """Request a wants the first 18 hours, b the last 24. When some files of a have been read, a is cancelled."""
    with Server(folder, files, *LAYOUT) as server, Services(folder, ()) as services:
        for user in ("a", "b"):
            write_manifest(folder / f"{user}.yaml", "samfs", server.params, "drives: 2", pipeline=user)
        only_a, wanted_by_b = names(range(12)), names(range(12, HOURS))
        a, b = services.submit("a.yaml", *hours(0, 18)), services.submit("b.yaml", *hours(12, HOURS))
        wait_until(lambda: len(count(server.log(), "read").keys() & only_a) >= 4, "files of the first request to be read", 600)
        mole("request", "cancel", a, "--coordinator", services.address)
        running = set(services.fetching_workers())
        wait_until(lambda: not running & set(services.fetching_workers()), "the fetch tasks of the time before to end", 300)
        at_cancel = len(server.log())
        services.wait(b, "COMPLETE", "PARTIAL")
        check(services.rows("b/traffic") == expected(folder, files, 12, HOURS), "the table of the other request differs from that of the folder")
        log = server.log()
        read, before = count(log, "read"), count(log[:at_cancel], "read")
        check(wanted_by_b <= set(read) and max(read[file] for file in wanted_by_b) == 1, "files of the other request were not read exactly once")
        late = (set(read) - set(before)) & only_a
        left = only_a - set(read)
        print(f"cancelled after {len(before.keys() & only_a)} of {len(only_a)} files that nobody else wants; {len(late)} more were read, {len(left)} never")
        # The store reads what had been requested from it.
        requested = count(log[at_cancel:], "request").keys() & only_a
        check(not requested, f"files that nobody wants were requested after the request was cancelled: {sorted(requested)}")
        check(late <= count(log[:at_cancel], "request").keys(), f"read, but never requested: {sorted(late)}")
        check(len(left) > 0, "everything was read before the request was cancelled")
        published = Published(files, services.cache()).names()
        check(not published & left, f"in the cache, but never read: {published & left}")


with TemporaryFolder("sharing") as folder:
    files = simulate(folder, HOURS)
    for test in (overlapping_requests_share, cancelled_request_is_not_fetched):
        where = folder / test.__name__[:10]
        where.mkdir()
        test(where, files)
