"""Objects over HTTP: who may see what, links that are signed, and storage elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from flask import Flask
from flask.testing import FlaskClient
from moto.server import ThreadedMotoServer
from pymongo.database import Database

from api import make_app
from api.auth.options import Auth
from api.keeping import Keeping
from store.accounts import Accounts
from store.objects import Headers, SignedRequest
from store.objects.links import Grant, Links
from store.objects.s3 import Bucket, S3Objects
from store.reading import Reading
from tests.api.keeping import keeping_in

AVATAR = f"user-uploads/0x{'Ab' * 20}/profile/avatar_{'0' * 32}.jpg"
DOCUMENT = "documents/1/legal/deed.pdf"


@pytest.fixture
def keep(tmp_path: Path, database: Database[Any]) -> Keeping:
    keep = keeping_in(tmp_path, database)
    keep.objects.put(AVATAR, b"a picture", Headers("image/jpeg", "public, max-age=60"))
    keep.objects.put(DOCUMENT, b"a document", Headers("application/pdf"))
    return keep


def app_with(database: Database[Any], keep: Keeping) -> Flask:
    auth = Auth(Accounts(database), ("k" * 40,))
    return make_app(Reading(database), secret_key="a test", auth=auth, keep=keep)


@pytest.fixture
def client(database: Database[Any], keep: Keeping) -> FlaskClient:
    return app_with(database, keep).test_client()


def send(client: FlaskClient, asked: SignedRequest, body: bytes = b"", **changes: Any) -> Any:
    asked = replace(asked, **changes)
    headers = {name: value for name, value in asked.headers.items() if name != "Content-Length"}
    return client.open(asked.url, method=asked.method, data=body or None, headers=headers)


def test_anybody_sees_avatars_and_nothing_else(client: FlaskClient):
    assert client.get(f"/api/media/{AVATAR}").data == b"a picture"
    for key in (DOCUMENT, "nothing", AVATAR + "x", f"x/{AVATAR}", AVATAR.replace("avatar_", "other_")):
        response = client.get(f"/api/media/{key}")
        assert (response.status_code, response.json["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    "key",
    ["../secret", "..%2f..%2fetc/passwd", "a/../../b", ".drafts/x", "a%00b", "%2e%2e/%2e%2e/x", "a//b", "a@"],
)
def test_no_key_leads_out_of_the_storage(client: FlaskClient, keep: Keeping, key: str):
    token = keep.links.make(Grant("GET", key), 60).url.partition("?")[2]

    assert client.get(f"/api/media/{key}").status_code == 404
    assert client.get(f"/api/media/{key}?{token}").status_code in (403, 404)


def test_a_signed_link_shows_what_it_was_made_for_to_whoever_has_it(client: FlaskClient, keep: Keeping):
    asked = keep.objects.get_link(DOCUMENT, seconds=60)

    response = send(client, asked)

    assert (response.status_code, response.data, response.mimetype) == (200, b"a document", "application/pdf")
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_link_that_is_altered_forged_or_old_shows_nothing(client: FlaskClient, keep: Keeping):
    asked = keep.objects.get_link(DOCUMENT, seconds=60)
    path, _, signature = asked.url.partition("?signature=")
    stranger = Links("guess", "/api/media").make(Grant("GET", DOCUMENT), 60).url
    old = Links("a test", "/api/media", now=lambda: 1000.0).make(Grant("GET", DOCUMENT), 60).url
    other = f"{path.replace('deed', 'will')}?signature={signature}"

    for url in (other, f"{path}?signature={signature[:-2]}", f"{path}?signature=", stranger, old):
        response = client.get(url)
        assert (response.status_code, response.json["code"]) == (403, "link-invalid")
    assert client.get(f"{asked.url}&x=1").status_code == 400


def test_a_link_writes_exactly_what_it_was_made_for(client: FlaskClient, keep: Keeping):
    asked = keep.objects.put_link(
        "images/originals/1/primary.png", content_type="image/png", size=5, seconds=60
    )

    refused = [
        send(client, asked, b"123456"),
        send(client, asked, b"1"),
        send(client, asked, b"12345", headers={"Content-Type": "text/html"}),
        send(client, asked, b"12345", url=asked.url.replace("primary", "other")),
        send(client, asked, b"12345", url=asked.url.partition("?")[0]),
        send(client, keep.objects.get_link("a", seconds=60), b"12345", method="PUT"),
    ]
    taken = send(client, asked, b"12345")

    assert [one.status_code for one in refused] == [403] * len(refused)
    assert (taken.status_code, taken.json["size"]) == (200, 5)
    assert keep.objects.head("images/originals/1/primary.png").headers == Headers("image/png")
    assert len(keep.objects.list("").objects) == 3


def test_what_a_link_allowed_but_is_gone_is_a_404(client: FlaskClient, keep: Keeping):
    assert send(client, keep.objects.get_link("gone", seconds=60)).status_code == 404


# --- kept in a bucket ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    bucket = Bucket("uploads", "us-east-1", f"http://{host}:{port}", "any", "thing")
    options: dict[str, Any] = {"aws_access_key_id": "any", "aws_secret_access_key": "thing"}
    boto3.client("s3", endpoint_url=bucket.endpoint, region_name="us-east-1", **options).create_bucket(
        Bucket=bucket.name
    )
    yield bucket
    server.stop()


def test_from_a_bucket_the_caller_is_sent_to_the_bucket(bucket: Bucket, database: Any, tmp_path: Path):
    objects = S3Objects(bucket)
    objects.put(AVATAR, b"a picture", Headers("image/jpeg"))
    objects.put(DOCUMENT, b"a document", Headers("application/pdf"))
    client = app_with(database, keeping_in(tmp_path, database, objects)).test_client()

    response = client.get(f"/api/media/{AVATAR}")

    assert response.status_code == 302
    assert response.headers["Cache-Control"] == "public, max-age=1800"
    place = urlsplit(response.headers["Location"])
    assert f"http://{place.netloc}" == bucket.endpoint
    assert place.path == f"/uploads/{AVATAR}"
    assert "X-Amz-Expires=3600" in place.query
    assert client.get(f"/api/media/{DOCUMENT}").status_code == 404
    assert client.get(f"/api/media/{AVATAR.replace('0.jpg', '1.jpg')}").status_code == 404


def test_an_application_without_a_place_for_uploads_says_so(database: Any):
    app = make_app(Reading(database), secret_key="a test", auth=Auth(Accounts(database), ("k" * 40,)))

    response = app.test_client().get(f"/api/media/{AVATAR}")

    assert (response.status_code, response.json["code"]) == (503, "storage-unavailable")
    assert response.headers["Retry-After"] == "5"
