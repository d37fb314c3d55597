"""A server that speaks S3, on this machine, for as long as a test module runs."""

from dataclasses import dataclass
from functools import cache

import pytest

__all__ = ["S3Server", "s3_server"]

SECRET = "a-secret-that-nobody-shows"  # noqa: S105


@cache
def _client(url: str):
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id="somebody",
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )


@dataclass(frozen=True)
class S3Server:
    """A running server, with one bucket."""

    url: str
    bucket: str = "uploads"

    def put(self, key: str, data: bytes) -> str:
        """Store an object; returns its address."""
        _client(self.url).put_object(Bucket=self.bucket, Key=key, Body=data)
        return f"s3://{self.bucket}/{key}"


@pytest.fixture(scope="module")
def s3_server():
    """Start a server, and let the environment say where it is."""
    reason = "object stores are tested with obstore and moto[server]"
    pytest.importorskip("obstore", reason=reason)
    pytest.importorskip("boto3", reason=reason)
    server = pytest.importorskip("moto.server", reason=reason).ThreadedMotoServer(
        ip_address="127.0.0.1", port=0, verbose=False
    )
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ALLOW_HTTP", "true")
        made = S3Server(url)
        _client(url).create_bucket(Bucket=made.bucket)
        from waarmerk.scan import stores

        stores.forget()
        yield made
        stores.forget()
    server.stop()
