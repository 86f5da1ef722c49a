"""An S3 server of the tests' own (moto), and Spilno's files in it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

KEY, SECRET, NAME = "test-key", "test-secret", "spilno-files"


@dataclass(frozen=True)
class BucketServer:
    """``client`` looks into the bucket past Spilno."""

    address: str
    client: Any

    def environment(self, prefix: str = "") -> dict[str, str]:
        """As another process is told of it."""
        return {
            "SPILNO_S3_BUCKET": NAME,
            "SPILNO_S3_ENDPOINT": self.address,
            "SPILNO_S3_REGION": "us-east-1",
            "SPILNO_S3_ACCESS_KEY": KEY,
            "SPILNO_S3_SECRET_KEY": SECRET,
            "SPILNO_S3_PREFIX": prefix,
        }

    def options(self, prefix: str = "") -> dict[str, Any]:
        """The same as settings."""
        return {
            "bucket_name": NAME,
            "endpoint_url": self.address,
            "region_name": "us-east-1",
            "access_key": KEY,
            "secret_key": SECRET,
            "addressing_style": "path",
            "location": prefix,
        }

    def names(self) -> list[str]:
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=NAME).get("Contents", [])]


@contextmanager
def running() -> Iterator[BucketServer]:
    """A server with an empty bucket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import boto3
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )
        client.create_bucket(Bucket=NAME)
        try:
            yield BucketServer(address, client)
        finally:
            server.stop()
