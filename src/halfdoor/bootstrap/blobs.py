"""Where a home's files of models lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.adapters.blobs_folder import BlobFolder

if TYPE_CHECKING:
    from halfdoor.ports import Blobs
    from halfdoor.services.home import Home

_S3 = "s3://"


def blobs_of(home: Home) -> Blobs:
    """The blobs of a home, as its settings say: a folder, or `s3://bucket/prefix?endpoint=…&region=…`.

    Raises InputError `bad-blobs`, `no-driver`.
    """
    setting = home.settings.blobs
    if setting.startswith(_S3):
        from halfdoor.adapters.blobs_s3 import BlobBucket  # noqa: PLC0415  its library is an extra

        return BlobBucket.at(setting)
    return BlobFolder(home.place(setting))
