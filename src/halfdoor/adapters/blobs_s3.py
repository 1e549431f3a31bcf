"""Blobs in an S3-compatible store: one object for each, named by its digest.

An object is put whole: S3 shows nothing of an upload that was not completed. It is hashed on the way, and
completed only where the digest fits.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from halfdoor.adapters.blobs_folder import CHUNK_BYTES, BlobsFailed
from halfdoor.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

PART_BYTES = 64 * 1024 * 1024  # S3 takes at most 10,000 of them: 640 GB
LINK_SECONDS_MAX = 60
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


class BlobBucket:
    """A bucket of blobs (ports.Blobs). `client`: boto3's, for S3."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:  # noqa: ANN401  boto3 has no types
        self._client, self._bucket = client, bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @classmethod
    def at(cls, url: str) -> BlobBucket:
        """The bucket of `s3://bucket/prefix?endpoint=https://…&region=…`; credentials as boto3 finds them.

        Raises InputError `bad-blobs`, `no-driver`.
        """
        parts = urlsplit(url)
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        if parts.scheme != "s3" or not parts.netloc or set(options) - {"endpoint", "region"}:
            raise InputError(
                "bad-blobs",
                f"{url!r} names no bucket",
                where="home.toml, blobs",
                remedy="write s3://bucket/prefix?endpoint=https://host&region=name",
            )
        try:
            import boto3  # noqa: PLC0415  an extra
            from botocore.config import Config  # noqa: PLC0415  the same
        except ModuleNotFoundError as error:
            raise InputError(
                "no-driver", "the library for S3 is not installed", remedy="pip install 'halfdoor[s3]'"
            ) from error
        client = boto3.client(
            "s3",
            endpoint_url=options.get("endpoint", [None])[0],
            region_name=options.get("region", [None])[0],
            config=Config(
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=30,
                retries={"max_attempts": 3, "mode": "standard"},
                max_pool_connections=64,
                # Many stores know no other checksums than those that S3 demands; ours is the digest.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        return cls(client, parts.netloc, parts.path)

    def has(self, digest: str) -> int | None:
        """As the port says."""
        key = self._key(digest)
        with suppress(FileNotFoundError), self._said():
            return int(self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"])
        return None

    def put(self, digest: str, size_bytes: int, chunks: Iterator[bytes]) -> None:
        """As the port says."""
        if self.has(digest) == size_bytes:
            return
        place = {"Bucket": self._bucket, "Key": self._key(digest)}
        checked = _checked(chunks, digest, size_bytes)
        with self._said():
            if size_bytes <= PART_BYTES:
                self._client.put_object(**place, Body=b"".join(checked))
                return
            upload = self._client.create_multipart_upload(**place)["UploadId"]
            try:
                parts = self._upload(place, upload, checked)
                self._client.complete_multipart_upload(
                    **place, UploadId=upload, MultipartUpload={"Parts": parts}
                )
            except BaseException:
                with suppress(Exception):  # what is left of it is cleared away by the bucket's own rules
                    self._client.abort_multipart_upload(**place, UploadId=upload)
                raise

    def _upload(self, place: dict[str, str], upload: str, chunks: Iterator[bytes]) -> list[dict[str, Any]]:
        """The parts, the last of which is sent once all is known to be right."""
        parts: list[dict[str, Any]] = []
        body = bytearray()

        def send() -> None:
            number = len(parts) + 1
            sent = self._client.upload_part(**place, UploadId=upload, PartNumber=number, Body=bytes(body))
            parts.append({"ETag": sent["ETag"], "PartNumber": number})
            body.clear()

        for chunk in chunks:
            if len(body) >= PART_BYTES:
                send()
            body += chunk
        send()
        return parts

    def open(self, digest: str, first: int, count: int) -> Iterator[bytes]:
        """As the port says."""
        key = self._key(digest)
        if count == 0:
            if self.has(digest) is None:
                raise FileNotFoundError(digest)
            return iter(())
        span = f"bytes={first}-{first + count - 1}"
        with self._said():
            body = self._client.get_object(Bucket=self._bucket, Key=key, Range=span)["Body"]
        return self._chunks(body, count)

    def _chunks(self, body: Any, count: int) -> Iterator[bytes]:  # noqa: ANN401  as above
        got = 0
        try:
            with self._said():
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    got += len(chunk)
                    yield chunk
            if got != count:
                raise BlobsFailed("blobs-failed", "a stored file is shorter than it was", where=self._bucket)
        finally:
            body.close()

    def path(self, digest: str) -> str | None:
        """As the port says: objects are no files."""
        self._key(digest)
        return None

    def link(self, digest: str, seconds: int) -> str | None:
        """As the port says."""
        if not 0 < seconds <= LINK_SECONDS_MAX:
            raise ValueError(f"a link lives at most {LINK_SECONDS_MAX} s")
        named = {"Bucket": self._bucket, "Key": self._key(digest)}
        return str(self._client.generate_presigned_url("get_object", Params=named, ExpiresIn=seconds))

    def all(self) -> Iterator[tuple[str, int]]:
        """As the port says."""
        with self._said():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for one in page.get("Contents", ()):
                    name = one["Key"].removeprefix(self._prefix).replace("/", "")
                    if _DIGEST.fullmatch(f"sha256:{name}"):
                        yield f"sha256:{name}", int(one["Size"])

    def remove(self, digest: str) -> None:
        """As the port says."""
        with self._said():
            self._client.delete_object(Bucket=self._bucket, Key=self._key(digest))

    def _key(self, digest: str) -> str:
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise KeyError(digest)
        return f"{self._prefix}{match[1][:2]}/{match[1][2:]}"

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Errors of the store as the port names them."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError  # noqa: PLC0415  an extra

        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                raise FileNotFoundError(self._bucket) from error
            raise self._failed(error) from error
        except (BotoCoreError, HTTPClientError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> BlobsFailed:
        return BlobsFailed(
            "blobs-failed",
            f"the bucket cannot be used: {error}",
            where=self._bucket,
            remedy="is it there, and do the credentials allow reading, writing and listing?",
        )


def _checked(chunks: Iterator[bytes], digest: str, size_bytes: int) -> Iterator[bytes]:
    """The chunks, the last of which comes only where all together are of this digest."""
    hasher, count, held = hashlib.sha256(), 0, b""
    for chunk in chunks:
        hasher.update(chunk)
        count += len(chunk)
        if count > size_bytes:  # it grows: no use in reading on
            break
        if held:
            yield held
        held = chunk
    if count != size_bytes or f"sha256:{hasher.hexdigest()}" != digest:
        raise InputError(
            "wrong-digest",
            "the file changed while it was stored",
            remedy="wait until it is complete, then publish again",
        )
    if held:
        yield held
