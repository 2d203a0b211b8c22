#!/usr/bin/env python3
"""An HTTP and S3 server for tests on 127.0.0.1. It prints its port, its port for TLS and the file with its certificate. The first part of a path
names its behaviour.

    /FOLDER/NAME                a file of FILES; FOLDER is a behaviour, see `Handler.file`
    /FOLDER/  (or a subfolder)  an index page
    /FOLDER?list-type=2         ListObjectsV2, for the same files; signatures are checked, with an own computation
    /counts                     how often each path was requested, as JSON
"""
import base64
import hashlib
import hmac
import html
import http.server
import json
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

NAMES = ["a.bz2", "2007/b.bz2", "2007/deep/c.bz2", "with space.bz2", "100%.bz2", "a+b.bz2", "z\u00fcrich.bz2", "a&b<c>.bz2",
         "hash#question?.bz2"]
FILES = {name: (name.encode() + b"\n") * (1000 + index) for index, name in enumerate(NAMES)}
FILES["empty.bz2"] = b""
MODIFIED = "Sat, 22 Sep 2007 20:00:00 GMT"
KEYS = {"AKIDEXAMPLE": "secret/with+characters="}
counts = {}
restores = {}
lock = threading.Lock()


def etag(content):
    return '"' + hashlib.md5(content).hexdigest() + '"'


def sha256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(secret, method, path, query, headers, signed, payload, stamp, region, service="s3"):
    """Signature Version 4, as its specification describes it."""
    pairs = sorted((urllib.parse.quote(urllib.parse.unquote_plus(k), safe="-_.~"), urllib.parse.quote(urllib.parse.unquote_plus(v), safe="-_.~"))
                   for k, _, v in (part.partition("=") for part in query.split("&") if part))
    canonical = "\n".join([method, path, "&".join(f"{k}={v}" for k, v in pairs),
                           "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed), ";".join(signed), payload])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = sha256(key, part)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


# The example "GET Object" of Amazon's documentation of Signature Version 4.
assert signature("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "GET", "/test.txt", "",
                 {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9",
                  "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(), "x-amz-date": "20130524T000000Z"},
                 ["host", "range", "x-amz-content-sha256", "x-amz-date"], hashlib.sha256(b"").hexdigest(), "20130524T000000Z",
                 "us-east-1") == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    # ---- answers

    def answer(self, status, body=b"", headers=(), kind="text/html", length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, headers=()):
        self.answer(status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>told</Message></Error>".encode(), headers,
                    "application/xml")

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def forever(self, piece, pause=0.0):
        """Sends a piece again and again until the client closes the connection."""
        try:
            while True:
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            self.close_connection = True

    def tries(self, key):
        with lock:
            counts[key] = counts.get(key, 0) + 1
            return counts[key]

    # ---- requests

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/counts":
            return self.answer(200, json.dumps(counts).encode(), kind="application/json")
        folder, _, rest = path[1:].partition("/")
        name = urllib.parse.unquote(rest)
        tries = self.tries(f"{self.command} {path}")
        if not self.admit(folder, path, query):
            return None
        if "list-type=2" in query:
            return self.objects(folder, urllib.parse.parse_qs(query))
        if self.command == "POST":
            return self.restore(name)
        if name in FILES:
            return self.file(folder, path, name, tries)
        if path.endswith("/"):
            return self.index(folder, name, tries)
        return self.error(404, "NoSuchKey")

    do_HEAD = do_GET

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def admit(self, folder, path, query):
        """Checks credentials; answers and returns False if they are not accepted."""
        given = self.headers.get("Authorization", "")
        if folder == "login":
            wanted = ["Basic " + base64.b64encode(b"user:pass:word").decode(), "Bearer token.1"]
            if given not in wanted:
                self.answer(401, b"who are you")
                return False
        if folder == "expired":
            self.error(400, "ExpiredToken")
            return False
        if folder == "denied":
            self.error(403, "AccessDenied")
            return False
        if folder == "skewed":
            self.error(403, "RequestTimeTooSkewed")
            return False
        if folder == "elsewhere":
            self.error(301, "PermanentRedirect", [("x-amz-bucket-region", "eu-central-2")])
            return False
        if not given.startswith("AWS4-HMAC-SHA256"):
            if folder == "signed":
                self.error(403, "AccessDenied")
            return folder != "signed"
        fields = dict(part.strip().split("=", 1) for part in given[len("AWS4-HMAC-SHA256"):].split(","))
        key, date, region, service, _ = fields["Credential"].split("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        payload = headers["x-amz-content-sha256"]
        if key not in KEYS:
            self.error(403, "InvalidAccessKeyId")
            return False
        signed = fields["SignedHeaders"].split(";")
        expected = signature(KEYS[key], self.command, path, query, headers, signed, payload, headers["x-amz-date"], region)
        if expected != fields["Signature"] or "host" not in signed:
            self.error(403, "SignatureDoesNotMatch")
            return False
        if folder == "token" and (headers.get("x-amz-security-token") != "session" or "x-amz-security-token" not in signed):
            self.error(400, "InvalidToken")
            return False
        return True

    # ---- files

    def file(self, folder, path, name, tries):
        content = FILES[name]
        fetching = self.command == "GET"
        tag, modified = etag(content), MODIFIED
        if folder == "changed" and fetching:
            content = content[::-1]
            tag = etag(content)
        if folder == "touched" and fetching:
            modified = "Sun, 23 Sep 2007 20:00:00 GMT"
        if folder == "grown" and fetching:
            content += b"more"
            tag = etag(FILES[name])
        if folder == "busy":
            return self.error(503, "SlowDown", [("Retry-After", "7")])
        if folder == "limited":
            return self.answer(429, b"", [("Retry-After", "100")])
        if folder == "throttled" and tries <= 2:
            return self.error(503, "SlowDown", [("Retry-After", "0")])
        if folder == "broken":
            return self.answer(500, b"oops")
        if folder == "away":
            port = self.server.server_address[1]
            return self.answer(302, b"", [("Location", f"http://localhost:{port}/ok/{urllib.parse.quote(name)}")])
        if folder == "moved":
            return self.answer(301, b"", [("Location", f"/ok/{urllib.parse.quote(name)}")])
        if folder == "circle":
            return self.answer(302, b"", [("Location", path)])
        if folder == "headers" and fetching:
            self.send_response(200)
            self.end_headers = lambda: None
            self.flush_headers()
            return self.forever(b"X-Header: " + b"x" * 1000 + b"\r\n")
        headers = [("Accept-Ranges", "bytes")]
        if folder != "dateless" and folder != "bare":
            headers.append(("Last-Modified", modified))
        if folder not in ("bare", "dated", "touched"):
            headers.append(("ETag", tag))
        if folder == "weak":
            headers[-1] = ("ETag", "W/" + tag)
        if folder == "cold":
            state = restores.get(name, 0)
            headers.append(("x-amz-storage-class", "GLACIER"))
            if state:
                ongoing = "true" if state < 3 else "false"
                expiry = "" if state < 3 else ', expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"'
                headers.append(("x-amz-restore", f'ongoing-request="{ongoing}"{expiry}'))
                if not fetching:
                    restores[name] = state + 1
            if fetching and state < 3:
                return self.error(403, "InvalidObjectState")
        if folder == "kms":
            headers.append(("x-amz-server-side-encryption", "aws:kms"))
        wanted = self.headers.get("If-Match")
        if wanted and wanted != tag:
            return self.error(412, "PreconditionFailed")
        begin = 0
        ranged = self.headers.get("Range", "")
        condition = self.headers.get("If-Range")
        if ranged.startswith("bytes=") and folder != "noranges" and condition in (None, tag, modified):
            begin = int(ranged[6:].split("-")[0])
            if begin >= len(content):
                return self.answer(416, b"", [("Content-Range", f"bytes */{len(content)}")])
            first = begin + 1 if folder == "wrongrange" else begin
            headers.append(("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}"))
        status = 206 if begin or headers[-1][0] == "Content-Range" else 200
        part = content[begin:]
        if not fetching or folder not in ("hang", "reset", "cut", "long", "drip", "endless"):
            return self.answer(status, part, headers, "application/x-bzip2")
        if folder == "endless":  # a body without a length that never ends
            self.send_response(status)
            for header in headers:
                self.send_header(*header)
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            return self.forever(b"x" * 65536)
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Length", str(len(part) + (1000 if folder == "long" else 0)))
        self.end_headers()
        if folder == "drip":
            return self.forever(b"x", 0.3)
        self.wfile.write(part if folder == "long" else part[:len(part) // 2])
        self.wfile.flush()
        if folder == "hang":
            time.sleep(30)
        if folder == "reset":
            return self.reset()
        self.close_connection = True
        return None

    # ---- index pages

    def index(self, folder, name, tries):
        if folder == "busy" or (folder == "throttled" and tries <= 2):
            return self.answer(503, b"", [("Retry-After", "0")])
        if folder == "away":
            return self.answer(302, b"", [("Location", "http://localhost:1/")])
        if folder == "hang":
            time.sleep(30)
            return None
        if folder == "huge":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.close_connection = True
            return self.forever(b'<a href="x.bz2">x</a>' * 1000)
        if folder == "nested":
            return self.answer(200, b"<div>" * 100_000 + b'<a href="a.bz2">a</a>')
        if folder == "endlessfolders":
            return self.answer(200, b'<a href="again/">again</a>')
        if folder == "links":
            port = self.server.server_address[1]
            links = ["../", "?C=N;O=D", "#top", "mailto:a@b", "javascript:x()", "http://other.example.org/x.bz2",
                     f"http://localhost:{port}/links/x.bz2", "/ok/x.bz2", "/links/a.bz2", f"http://127.0.0.1:{port}/links/2007/b.bz2",
                     "..%2f..%2fetc%2fpasswd", "../../etc/passwd", "%2e%2e/secret", "bad%zz.bz2", "%ff.bz2", "a.bz2", "a.bz2#part",
                     "nothing.bz2", "a%00b", "", "a.bz2?x=1", "with space.bz2"]
            return self.answer(200, "".join(f'<A HREF="{html.escape(link)}">x</A>\n' for link in links).encode())
        if folder == "plain":
            return self.answer(200, b"hello", kind="text/plain")
        inside = sorted({rest.partition("/")[0] + ("/" if "/" in rest else "")
                         for rest in (file[len(name):] for file in FILES if file.startswith(name))})
        if not inside:
            return self.error(404, "NoSuchKey")
        if folder == "closed" and name:
            return self.answer(403, b"")
        links = "".join(f'<a href="{urllib.parse.quote(i, safe="/")}">{html.escape(i)}</a>\n' for i in inside)
        return self.answer(200, f"<html><body><h1>Index</h1><a href='../'>../</a>\n{links}</body></html>".encode())

    # ---- S3

    def objects(self, folder, query):
        prefix = query.get("prefix", [""])[0]
        size = int(query.get("max-keys", ["3"])[0]) if folder != "pages" else 2
        start = query.get("continuation-token", [""])[0]
        answers = {
            "hang": None,
            "html": b"<html><body>Welcome</body></html>",
            "entities": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><ListBucketResult><IsTruncated>false</IsTruncated>'
                        b'<Contents><Key>' + b"&b;" * 1000 + b'</Key><Size>1</Size></Contents></ListBucketResult>',
            "external": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><ListBucketResult>'
                        b'<IsTruncated>false</IsTruncated><Contents><Key>&b;</Key><Size>1</Size></Contents></ListBucketResult>',
            "half": b"<?xml version='1.0'?><ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a",
            "endless": b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken></ListBucketResult>",
            "tokenless": b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "unsized": b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
            "foreign": b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>other</Key><Size>1</Size></Contents></ListBucketResult>",
            "odd": "".join(["<ListBucketResult><IsTruncated>false</IsTruncated>"] +
                           [f"<Contents><Key>{html.escape(k)}</Key><ETag>&quot;1&quot;</ETag><Size>0</Size></Contents>"
                            for k in ("../up", "/root", "a//b", "a/./b", "folder/", "good")] + ["</ListBucketResult>"]).encode(),
            "huge": b"<ListBucketResult>" + b"<Contents><Key>a</Key><Size>1</Size></Contents>" * 1001 + b"</ListBucketResult>",
            "nobucket": b"",
        }
        if folder == "nobucket":
            return self.error(404, "NoSuchBucket")
        if folder == "hang":
            time.sleep(30)
            return None
        if folder == "large":
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            return self.forever(b"<ListBucketResult>" + b" " * 65536)
        if folder == "throttled" and self.tries("list throttled") <= 2:
            return self.error(503, "SlowDown")
        if folder in answers:
            return self.answer(200, answers[folder], kind="application/xml")
        keys = sorted((k for k in FILES if k.startswith(prefix)), key=lambda k: k.encode())
        keys = [k for k in keys if k.encode() > base64.urlsafe_b64decode(start)]
        page, rest = keys[:size], keys[size:]
        encode = query.get("encoding-type") == ["url"]
        out = ["<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"]
        if encode:
            out.append("<EncodingType>url</EncodingType>")
        out.append(f"<IsTruncated>{'true' if rest else 'false'}</IsTruncated>")
        if rest:
            token = base64.urlsafe_b64encode(page[-1].encode()).decode()
            out.append(f"<NextContinuationToken>{token}</NextContinuationToken>")
        for key in page:
            shown = urllib.parse.quote_plus(key, safe="/") if encode else html.escape(key)
            kind = "GLACIER" if folder == "cold" else "STANDARD"
            out.append(f"<Contents><Key>{shown}</Key><LastModified>2007-09-22T20:00:00.000Z</LastModified>"
                       f"<ETag>{html.escape(etag(FILES[key]))}</ETag><Size>{len(FILES[key])}</Size><StorageClass>{kind}</StorageClass></Contents>")
        out.append("</ListBucketResult>")
        return self.answer(200, "".join(out).encode(), kind="application/xml")

    def restore(self, name):
        with lock:
            known = name in restores
            restores.setdefault(name, 1)
        return self.error(409, "RestoreAlreadyInProgress") if known else self.answer(202)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def certificate(folder):
    """A certificate that its own key has signed; returns its file and that of the key."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key", "-out", f"{folder}/certificate"], check=True, capture_output=True)
    return f"{folder}/certificate", f"{folder}/key"


def main():
    with tempfile.TemporaryDirectory() as folder:
        files = certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        servers = [Server(("127.0.0.1", 0), Handler), Server(("127.0.0.1", 0), Handler)]
        servers[1].socket = context.wrap_socket(servers[1].socket, server_side=True)
        print("\n".join([*(str(server.server_address[1]) for server in servers), files[0]]), flush=True)
        for server in servers:
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        sys.stdin.read()  # until the tests end


if __name__ == "__main__":
    main()
