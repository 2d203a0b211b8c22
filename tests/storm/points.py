"""The failpoints of the storm: system calls that make something durable or visible, or remove it (points.cpp)."""
import re

# program, name, call, regular expression over the path. Each is used before and after the call.
CALLS = [
    ("coordinator", "commit of the store", "sync", r"/db/[0-9]+\.log$"),
    ("coordinator", "acknowledged sequence", "pwrite", r"/db\.acknowledged$"),
    ("coordinator", "file of the database", "sync", r"/db(/[A-Z0-9-]+(\.[a-z]+)?)?$"),
    ("coordinator", "name of a file of the database", "rename", r"/db/[A-Z0-9-]+$"),
    ("coordinator", "removal of a file of the database", "remove", r"/db/"),
    ("coordinator", "bytes of a blob", "sync", r"/(blobs/[0-9a-f]{2}|\.incoming)/[^/]+$"),
    ("coordinator", "name of a blob", "rename", r"/blobs/[0-9a-f]{2}/[0-9a-f]+$"),
    ("coordinator", "folder of blobs", "sync", r"/blobs(/[0-9a-f]{2}|/\.incoming)?$"),
    ("coordinator", "quarantine", "rename", r"/blobs/\.quarantine/"),
    ("coordinator", "table of a module", "link", r"/tables/.*\.parquet$"),
    ("coordinator", "table of a what-if", "link", r"/what_if/.*\.parquet$"),
    ("coordinator", "table of a request", "link", r"/requests/.*\.parquet$"),
    ("coordinator", "new version of a table", "link", r"/\.tmp[^/]*$"),
    ("coordinator", "exchange of a table", "rename", r"/(tables|what_if|requests)/.*\.parquet$"),
    ("coordinator", "summary of a request", "sync", r"/requests/r[0-9]+(/[^/]+)?$"),
    ("coordinator", "name of a summary", "rename", r"/requests/r[0-9]+/request\.json$"),
    ("coordinator", "file of the process id", "rename", r"/coordinator\.pid$"),
    ("node", "bytes of a result", "sync", r"/attempts/[^/]+/out/[^/]+\.parquet$"),
    ("node", "result in the outbox", "link", r"/finished/\.tmp"),
    ("node", "report in the outbox", "rename", r"/finished/\.tmp[^/]*/completion\.json$"),
    ("node", "bytes in the outbox", "sync", r"/finished/\.tmp"),
    ("node", "name in the outbox", "rename", r"/finished/[^/.]+$"),
    ("node", "folder of the outbox", "sync", r"/finished$"),
    ("node", "removal from the outbox", "remove", r"/finished/[^.]"),
    ("node", "new state", "link", r"/states/\.tmp"),
    ("node", "bytes of a state", "sync", r"/states(/[^/]+)?$"),
    ("node", "name of a state", "rename", r"/states/[0-9a-f]+$"),
    ("node", "library of a plugin", "rename", r"/plugins/[^/]+$"),
    ("node", "part of a copy", "remove", r"/\.part\.[^/]+$"),
    ("node", "listing of an archive", "rename", r"/(listings/|attempts/[^/]+/(out/)?listing)"),
    ("node", "rows of an input", "rename", r"/attempts/[^/]+/rows/"),
    ("node", "input of an attempt", "link", r"/attempts/"),
    ("node", "removal of an attempt", "remove", r"/attempts/"),
    ("worker", "bytes of a digest", "sync", r"/cache/\.tmp[^/]*$"),
    ("worker", "removal from the cache", "remove", r"/cache/[^/]+$"),
    ("worker", "bytes of a copy", "sync", r"/cache/[^/]+\.part$"),
    ("worker", "digest of a copy", "rename", r"/cache/[0-9a-f]+\.digest$"),
    ("worker", "name of a copy", "rename", r"/cache/[0-9a-f]+\.file$"),
    ("worker", "folder of the cache", "sync", r"/cache$"),
]
POINTS = [(program, when, name, call, pattern) for program, name, call, pattern in CALLS for when in ("before", "after")]
# What else is called: at the first start, at an orderly end, and for files that are not kept.
OTHER = re.compile(r"^(sync|rename|link|remove) .*/(secret(\.[0-9]+)?|id|\.tmp[^/]*(id|pid)|[^/]*\.sock|state/s|d|coordinator\.pid)$|/scratch/| /dev/"
                   r"|^pwrite .*/cache/[0-9a-f]+\.part$")


def unknown_calls(program, trace):
    """Returns the traced calls that no failpoint covers."""
    found = set()
    for line in trace.splitlines():
        call, path = line.split(" ", 1)
        if not any(p == program and c == call and re.search(pattern, path) for p, _, c, pattern in CALLS) and not OTHER.search(line):
            found.add(line)
    return sorted(found)
