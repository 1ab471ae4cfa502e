"""An object store of the S3 kind in memory, for the tests: python -m tests.s3_simulator PORT [BUCKET …].

What the Amazon S3 API Reference says of the requests that an object store of ours gets: PutObject with If-None-Match,
multipart uploads, GetObject, HeadObject, DeleteObject, DeleteObjects and ListObjectsV2, in pages of two so that going
on is tried as well. Signatures are not checked. moto was rejected: it needs a python-dateutil that our pins exclude.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 2  # objects in one list


@dataclass
class Stored:
    """An object."""

    content: bytes
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def tag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


class Store:
    """Buckets, and the uploads in parts that have begun."""

    def __init__(self, buckets: Sequence[str]) -> None:
        self.lock = threading.Lock()
        self.objects: dict[str, dict[str, Stored]] = {bucket: {} for bucket in buckets}
        self.uploads: dict[str, dict[int, bytes]] = {}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    store: Store

    def do_PUT(self) -> None:
        bucket, key, query = self._asked()
        body = self._body()
        with self.store.lock:
            if "partNumber" in query:
                self.store.uploads[query["uploadId"]][int(query["partNumber"])] = body
                self._answer(HTTPStatus.OK, headers={"ETag": Stored(body).tag})
            elif self.headers.get("If-None-Match") == "*" and key in self.store.objects[bucket]:
                self._fault(HTTPStatus.PRECONDITION_FAILED, "PreconditionFailed")
            else:
                self.store.objects[bucket][key] = Stored(body)
                self._answer(HTTPStatus.OK, headers={"ETag": Stored(body).tag})

    def do_POST(self) -> None:
        bucket, key, query = self._asked()
        body = self._body()
        with self.store.lock:
            if "uploads" in query:
                upload = f"upload{len(self.store.uploads)}"
                self.store.uploads[upload] = {}
                text = f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
                self._answer(HTTPStatus.OK, f"<InitiateMultipartUploadResult>{text}</InitiateMultipartUploadResult>")
            elif "uploadId" in query:
                parts = self.store.uploads[query["uploadId"]]
                whole = Stored(b"".join(parts[number] for number in sorted(parts)))
                self.store.objects[bucket][key] = whole
                text = f"<Key>{escape(key)}</Key><ETag>{escape(whole.tag)}</ETag>"
                self._answer(HTTPStatus.OK, f"<CompleteMultipartUploadResult>{text}</CompleteMultipartUploadResult>")
            else:
                keys = [node.text or "" for node in ElementTree.fromstring(body).iter() if node.tag.endswith("Key")]
                for one in keys:
                    self.store.objects[bucket].pop(one, None)
                deleted = "".join(f"<Deleted><Key>{escape(one)}</Key></Deleted>" for one in keys)
                self._answer(HTTPStatus.OK, f"<DeleteResult>{deleted}</DeleteResult>")

    def do_GET(self) -> None:
        bucket, key, query = self._asked()
        with self.store.lock:
            if not key:
                self._answer(HTTPStatus.OK, self._listed(bucket, query))
                return
            stored = self.store.objects[bucket].get(key)
        if stored is None:
            self._fault(HTTPStatus.NOT_FOUND, "NoSuchKey")
            return
        headers = {"ETag": stored.tag, "Last-Modified": format_datetime(stored.at, usegmt=True)}
        self._answer(HTTPStatus.OK, stored.content, headers=headers)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        bucket, key, _ = self._asked()
        with self.store.lock:
            self.store.objects[bucket].pop(key, None)
        self._answer(HTTPStatus.NO_CONTENT)

    def _listed(self, bucket: str, query: Mapping[str, str]) -> str:
        prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
        keys = sorted(key for key in self.store.objects[bucket] if key.startswith(prefix) and key > after)
        page, is_more = keys[:PAGE], len(keys) > PAGE
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{stored.at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(stored.tag)}</ETag><Size>{len(stored.content)}</Size></Contents>"
            for key in page
            for stored in [self.store.objects[bucket][key]]
        )
        following = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if is_more else ""
        head = f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
        cut = f"<IsTruncated>{'true' if is_more else 'false'}</IsTruncated>"
        return f"<ListBucketResult>{head}{cut}{following}{contents}</ListBucketResult>"

    def _asked(self) -> tuple[str, str, Mapping[str, str]]:
        """Bucket, key and query."""
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return bucket, key, query

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(
        self, status: HTTPStatus, content: str | bytes = b"", *, headers: Mapping[str, str] | None = None
    ) -> None:
        body = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _fault(self, status: HTTPStatus, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests say themselves what went wrong."""


def main(arguments: Sequence[str]) -> None:
    """Serves until it is killed."""
    Handler.store = Store(arguments[1:] or ["images"])
    ThreadingHTTPServer(("127.0.0.1", int(arguments[0])), Handler).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
