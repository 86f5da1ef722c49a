"""Files in an S3-compatible storage, for installations with several machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

PART = 8 << 20  # bytes of one part of an upload; a few of them are in memory at once, never a file
PARTS_AT_ONCE = 3


class Bucket(S3Storage):
    """The default storage when ``SPILNO_S3_BUCKET`` is set.

    Names of files are hashes of their content, so a file that is there already is the same file.
    """

    def get_default_settings(self) -> dict[str, Any]:
        found: dict[str, Any] = super().get_default_settings()
        style = self.settings_given.get("addressing_style", "path")
        return found | {
            "file_overwrite": True,
            "default_acl": None,
            "querystring_auth": True,
            "transfer_config": TransferConfig(
                multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=PARTS_AT_ONCE
            ),
            "client_config": Config(
                s3={"addressing_style": style},
                signature_version="s3v4",
                connect_timeout=10,
                read_timeout=60,
                retries={"max_attempts": 4, "mode": "standard"},
                # Storages other than Amazon's do not know the newer checksums.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        }

    def __init__(self, **given: Any) -> None:
        self.settings_given = given
        super().__init__(**given)

    def put_file(self, name: str, path: Path) -> None:
        """Upload a file of this machine in parts that are read from the disk as they leave."""
        target = self.bucket.Object(self._normalize_name(clean_name(name)))
        extra = self._get_write_parameters(name)
        target.upload_file(str(path), ExtraArgs=extra, Config=self.transfer_config)
