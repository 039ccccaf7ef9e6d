"""The three storages that the contract of objects is held to."""

from __future__ import annotations

import importlib.util
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from store.objects import Objects
from store.objects.files import FileObjects
from store.objects.links import Links
from store.objects.s3 import Bucket, S3Objects

BASE_URL = "http://api.test/api/media"


def load_swift_server() -> ModuleType:
    """Tests import `swift_server` by that name, wherever they are collected from."""
    spec = importlib.util.spec_from_file_location("swift_server", Path(__file__).with_name("swift_server.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["swift_server"] = module
    spec.loader.exec_module(module)
    return module


swift_server = load_swift_server()


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real S3 server that checks signatures; started once, by the first test that wants it."""
    with swift_server.swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def swift_bucket(swift: Any) -> Bucket:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    swift.make_bucket(name)
    return Bucket(name, swift.region, swift.endpoint, swift.access_key, swift.secret_key)


@pytest.fixture
def moto_bucket(moto_endpoint: str) -> Bucket:
    bucket = Bucket(f"bucket-{uuid.uuid4().hex[:12]}", "us-east-1", moto_endpoint, "any", "thing")
    client = boto3.client(
        "s3",
        endpoint_url=moto_endpoint,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="thing",
    )
    client.create_bucket(Bucket=bucket.name)
    return bucket


@pytest.fixture
def links() -> Links:
    return Links("a secret of this test", BASE_URL)


@pytest.fixture
def files(tmp_path: Path, links: Links) -> FileObjects:
    return FileObjects(tmp_path / "objects", links)


@pytest.fixture(params=["files", "moto", "swift"])
def objects(request: pytest.FixtureRequest) -> Objects:
    made: dict[str, Callable[[], Objects]] = {
        "files": lambda: request.getfixturevalue("files"),
        "moto": lambda: S3Objects(request.getfixturevalue("moto_bucket")),
        "swift": lambda: S3Objects(request.getfixturevalue("swift_bucket")),
    }
    return made[request.param]()
