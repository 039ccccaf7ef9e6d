"""Profiles and pictures, as browsers use them: a real database, a real folder, real decoding."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from pymongo.database import Database
from werkzeug.test import encode_multipart

from api import make_app
from api.auth.options import Auth
from api.keeping import Keeping
from store.accounts import Accounts
from store.connection import Document
from store.indexes import ensure_early
from store.objects import BucketUnreachable
from store.reading import Reading
from tests.api.keeping import GREEN, RED, form, keeping_in, picture
from tests.api.signing import BASE_URL, Wallet, bearer, sign_in

ANN, BEN = Wallet("ann"), Wallet("ben")
PROFILE, IMAGE = "/api/users/profile", "/api/users/profile/image"
NOTHING_WANTED = {
    "priceUpdates": False, "transactions": False, "marketEvents": False, "emailNotifications": False,
}  # fmt: skip


@pytest.fixture
def keep(tmp_path: Path, database: Database[Document]) -> Keeping:
    return keeping_in(tmp_path, database)


@pytest.fixture
def app(database: Database[Document], keep: Keeping) -> Flask:
    ensure_early(database)
    return make_app(
        Reading(database), secret_key="a test", auth=Auth(Accounts(database), ("k" * 40,)), keep=keep
    )


@pytest.fixture
def ann(client: FlaskClient) -> dict[str, str]:
    return bearer(sign_in(client, ANN))


def profile(client: FlaskClient, who: dict[str, str]) -> dict[str, Any]:
    response = client.get(PROFILE, headers=who, base_url=BASE_URL)
    assert response.status_code == 200, response.text
    return dict(response.json["user"]["profileInfo"])


def save(client: FlaskClient, who: dict[str, str], body: Any, method: str = "PUT", **headers: str) -> Any:
    return client.open(PROFILE, method=method, json=body, headers={**who, **headers}, base_url=BASE_URL)


def upload(client: FlaskClient, who: dict[str, str], data: bytes, **named: str) -> Any:
    # Encoded here: the test client would leave the file open that it makes of a large form.
    boundary, body = encode_multipart(form(data, **named))
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post(IMAGE, data=body, headers=who, base_url=BASE_URL, content_type=kind)


def objects_of(keep: Keeping) -> list[str]:
    return [one.key for one in keep.objects.list("").objects]


def shown(client: FlaskClient, url: str) -> Any:
    return client.get(urlsplit(url).path)


# --- what is said ----------------------------------------------------------------------------


def test_a_new_profile_has_every_key_and_says_nothing(client: FlaskClient, ann: dict[str, str]):
    user = client.get(PROFILE, headers=ann, base_url=BASE_URL).json["user"]

    assert user.keys() == {"walletAddress", "roles", "createdAt", "lastLogin", "profileInfo", "status"}
    assert user["profileInfo"] == {
        "username": None, "email": None, "avatarUrl": None, "notificationPreferences": NOTHING_WANTED,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("wrap", [lambda said: said, lambda said: {"profileInfo": said}])
def test_what_is_sent_is_changed_and_the_rest_stays(
    client: FlaskClient, ann: dict[str, str], method: str, wrap: Any
):
    save(client, ann, {"username": "Ann", "email": "ann@example.com"})

    first = save(client, ann, wrap({"notificationPreferences": {"priceUpdates": True}}), method)
    second = save(client, ann, wrap({"username": "Anna"}), method)
    third = save(client, ann, wrap({"notificationPreferences": {"marketEvents": True}}), method)

    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 200)
    assert third.json["user"]["profileInfo"] == profile(client, ann) == {
        "username": "Anna",
        "email": "ann@example.com",
        "avatarUrl": None,
        "notificationPreferences": {**NOTHING_WANTED, "priceUpdates": True, "marketEvents": True},
    }  # fmt: skip


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_email_or_name_clears_it(
    client: FlaskClient, ann: dict[str, str], empty: Any, database: Any
):
    save(client, ann, {"username": "Ann", "email": "ann@example.com"})

    response = save(client, ann, {"username": empty, "email": empty})

    assert response.json["user"]["profileInfo"]["email"] is None
    assert profile(client, ann)["username"] is None
    assert database.users.find_one({})["profileInfo"].keys() == set()


def test_the_settings_page_of_a_browser_does_not_lose_the_picture(client: FlaskClient, ann: dict[str, str]):
    url = upload(client, ann, picture()).json["avatarUrl"]

    for avatar in ("", None, "https://elsewhere.example/x.png", url):
        body = {
            "username": "Ann",
            "email": "",
            "avatarUrl": avatar,
            "notificationPreferences": NOTHING_WANTED,
        }
        assert save(client, ann, body).json["user"]["profileInfo"]["avatarUrl"] == url
    assert save(client, ann, {}).json["user"]["profileInfo"]["avatarUrl"] == url


def test_the_email_is_encrypted_where_it_is_kept(client: FlaskClient, ann: dict[str, str], database: Any):
    save(client, ann, {"email": "ann@example.com"})

    stored = database.users.find_one({})["profileInfo"]["email"]
    assert isinstance(stored, bytes)
    assert b"ann@" not in stored
    assert sign_in(client, ANN)["user"]["profileInfo"]["email"] == "ann@example.com"


def test_everybody_sees_their_own_profile_only(app: Flask, client: FlaskClient, ann: dict[str, str]):
    save(client, ann, {"username": "Ann"})
    stranger = app.test_client()
    ben = bearer(sign_in(stranger, BEN))

    assert profile(stranger, ben)["username"] is None
    for method in ("GET", "PUT", "PATCH"):
        assert stranger.open(PROFILE, method=method, json={}, base_url=BASE_URL).status_code == 401
    for method in ("POST", "DELETE"):
        assert stranger.open(IMAGE, method=method, base_url=BASE_URL).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "x" * 51}, "username"),
        ({"username": "a\x00b"}, "username"),
        ({"username": "a\u202eb"}, "username"),
        ({"username": {"$gt": ""}}, "username"),
        ({"username": 5}, "username"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "email"),
        ({"email": "a" * 65 + "@b.example"}, "email"),
        ({"email": "a@" + ".".join(["b" * 60] * 5) + ".example"}, "email"),
        ({"email": ["a@b.example"]}, "email"),
        ({"notificationPreferences": {"priceUpdates": "yes"}}, "notificationPreferences"),
        ({"notificationPreferences": {"priceUpdates": 1}}, "notificationPreferences"),
        ({"notificationPreferences": {"$set": True}}, "notificationPreferences"),
        ({"notificationPreferences": []}, "notificationPreferences"),
        ({"roles": ["admin"]}, "roles"),
        ({"walletAddress": "0x" + "0" * 40}, "walletAddress"),
        ({"status": "active"}, "status"),
        ({"profileInfo.email": "a@b.example"}, "profileInfo.email"),
        ({"$set": {"roles": ["admin"]}}, "$set"),
        ({"userName": "Ann"}, "userName"),
        ({"profileInfo": {"roles": ["admin"]}}, "profileInfo"),
        ({"username": "A", "profileInfo": {"username": "B"}}, "username"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_name_and_changes_nothing(
    client: FlaskClient, ann: dict[str, str], body: dict[str, Any], field: str
):
    before = profile(client, ann)

    response = save(client, ann, body)

    assert response.status_code == 400
    assert field in {error["field"] for error in response.json["errors"]}
    assert isinstance(response.json["error"], str)
    assert profile(client, ann) == before


@pytest.mark.parametrize(
    ("said", "kept"),
    [("  Ann   Lee ", "Ann Lee"), ("Zoe\u0308", "Zoë"), ("李雷 🎨", "李雷 🎨"), ("   ", None)],
)
def test_a_name_is_kept_in_one_spelling(
    client: FlaskClient, ann: dict[str, str], said: str, kept: str | None
):
    assert save(client, ann, {"username": said}).json["user"]["profileInfo"]["username"] == kept


def test_a_change_meant_for_another_version_is_refused(client: FlaskClient, ann: dict[str, str]):
    first = client.get(PROFILE, headers=ann, base_url=BASE_URL).headers["ETag"]

    done = save(client, ann, {"username": "Ann"}, **{"If-Match": first})
    stale = save(client, ann, {"username": "Other"}, **{"If-Match": first})
    again = save(client, ann, {"username": "Anna"}, **{"If-Match": done.headers["ETag"]})

    assert (done.status_code, stale.status_code, again.status_code) == (200, 412, 200)
    assert stale.json["code"] == "precondition-failed"
    assert profile(client, ann)["username"] == "Anna"
    assert save(client, ann, {"username": "Any"}, **{"If-Match": "*"}).status_code == 200
    assert save(client, ann, {"username": "None"}, **{"If-Match": '"x"'}).status_code == 412


def test_a_profile_can_be_asked_for_again_for_free(client: FlaskClient, ann: dict[str, str]):
    tag = client.get(PROFILE, headers=ann, base_url=BASE_URL).headers["ETag"]

    same = client.get(PROFILE, headers={**ann, "If-None-Match": tag}, base_url=BASE_URL)
    save(client, ann, {"username": "Ann"})
    other = client.get(PROFILE, headers={**ann, "If-None-Match": tag}, base_url=BASE_URL)

    assert (same.status_code, other.status_code) == (304, 200)
    assert other.headers["Cache-Control"] == "no-store"


def test_of_two_changes_to_the_same_version_at_once_one_is_made(
    app: Flask, client: FlaskClient, ann: dict[str, str]
):
    tag = client.get(PROFILE, headers=ann, base_url=BASE_URL).headers["ETag"]

    with ThreadPoolExecutor(4) as pool:
        codes = list(
            pool.map(
                lambda name: (
                    save(app.test_client(), ann, {"username": name}, **{"If-Match": tag}).status_code
                ),
                ("A", "B", "C", "D"),
            )
        )

    assert sorted(codes) == [200, 412, 412, 412]


def test_without_the_master_key_signing_in_goes_on_and_the_email_is_not_overwritten(
    app: Flask, client: FlaskClient, ann: dict[str, str], tmp_path: Path, database: Any
):
    save(client, ann, {"email": "ann@example.com"})
    (tmp_path / "master_key").unlink()
    other = make_app(
        Reading(database),
        secret_key="a test",
        auth=Auth(Accounts(database), ("k" * 40,)),
        keep=keeping_in(tmp_path, database),
    ).test_client()

    tokens = sign_in(other, ANN)
    asked = other.get(PROFILE, headers=bearer(tokens), base_url=BASE_URL)

    assert tokens["user"]["profileInfo"]["email"] is None
    assert (asked.status_code, asked.json["code"]) == (503, "secrets-unreadable")
    assert "master" not in asked.text


# --- pictures --------------------------------------------------------------------------------


def test_an_uploaded_picture_can_be_shown_by_any_page(client: FlaskClient, ann: dict[str, str], app: Flask):
    response = upload(client, ann, picture())

    assert response.status_code == 200
    assert response.json.keys() == {"success", "avatarUrl"}
    assert response.json["success"] is True
    assert response.json["avatarUrl"].startswith(
        f"{BASE_URL}/api/media/user-uploads/{ANN.address}/profile/avatar_"
    )
    assert profile(client, ann)["avatarUrl"] == response.json["avatarUrl"]
    image = shown(app.test_client(), response.json["avatarUrl"])
    assert (image.status_code, image.mimetype) == (200, "image/jpeg")
    assert image.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert image.headers["X-Content-Type-Options"] == "nosniff"
    assert image.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert Image.open(io.BytesIO(image.data)).size == (512, 512)


def test_a_picture_can_be_asked_for_again_for_free(client: FlaskClient, ann: dict[str, str]):
    path = urlsplit(upload(client, ann, picture()).json["avatarUrl"]).path
    tag = client.get(path).headers["ETag"]

    again = client.get(path, headers={"If-None-Match": tag})

    assert (again.status_code, again.data) == (304, b"")


def test_the_address_of_pictures_is_the_public_one(database: Any, tmp_path: Path):
    ensure_early(database)
    keep = keeping_in(tmp_path, database, public_url="https://api.example")
    app = make_app(Reading(database), secret_key="a", auth=Auth(Accounts(database), ("k" * 40,)), keep=keep)
    client = app.test_client()

    url = upload(client, bearer(sign_in(client, ANN)), picture()).json["avatarUrl"]

    assert url.startswith("https://api.example/api/media/user-uploads/")


def test_a_new_picture_replaces_the_old_one_under_another_address(
    client: FlaskClient, ann: dict[str, str], keep: Keeping
):
    first = upload(client, ann, picture(RED)).json["avatarUrl"]
    second = upload(client, ann, picture(GREEN)).json["avatarUrl"]

    assert first != second
    assert shown(client, first).status_code == 404
    assert shown(client, second).status_code == 200
    assert len(objects_of(keep)) == 1


def test_a_deleted_picture_is_gone_and_deleting_is_harmless_to_repeat(
    client: FlaskClient, ann: dict[str, str], keep: Keeping
):
    save(client, ann, {"username": "Ann"})
    url = upload(client, ann, picture()).json["avatarUrl"]

    answers = [client.delete(IMAGE, headers=ann, base_url=BASE_URL) for _ in range(2)]

    assert [(one.status_code, one.json) for one in answers] == [(200, {"success": True})] * 2
    assert shown(client, url).status_code == 404
    assert objects_of(keep) == []
    assert profile(client, ann)["avatarUrl"] is None
    assert profile(client, ann)["username"] == "Ann"


@pytest.mark.parametrize("form_name", ["JPEG", "WEBP", "GIF"])
def test_the_name_and_type_that_a_browser_gives_do_not_matter(
    client: FlaskClient, ann: dict[str, str], form_name: str
):
    response = upload(client, ann, picture(form=form_name), name="../../x.html", kind="text/html")

    assert response.status_code == 200
    assert shown(client, response.json["avatarUrl"]).mimetype == "image/jpeg"


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"", 422), (b"no picture", 422), (b"<svg/>", 422), (picture()[:200], 422), (b"\x00" * (6 << 20), 413)],
)
def test_a_failed_upload_says_why_in_a_string_and_keeps_the_old_picture(
    client: FlaskClient, ann: dict[str, str], keep: Keeping, data: bytes, status: int
):
    url = upload(client, ann, picture()).json["avatarUrl"]

    response = upload(client, ann, data)

    assert response.status_code == status
    assert isinstance(response.json["error"], str)
    assert response.json["error"]
    assert profile(client, ann)["avatarUrl"] == url
    assert len(objects_of(keep)) == 1


def test_a_picture_of_several_megabytes_is_taken(client: FlaskClient, ann: dict[str, str]):
    big = Image.effect_noise((1000, 1000), 80).convert("RGB")
    out = io.BytesIO()
    big.save(out, "PNG")

    assert 1_500_000 < len(out.getvalue()) < 5 << 20
    assert upload(client, ann, out.getvalue()).status_code == 200


def test_a_form_that_is_not_one_picture_is_refused(client: FlaskClient, ann: dict[str, str]):
    def post(data: Any, **kwargs: Any) -> Any:
        return client.post(IMAGE, data=data, headers=ann, base_url=BASE_URL, **kwargs)

    multipart = {"content_type": "multipart/form-data"}
    assert post(b"{}", content_type="application/json").status_code == 415
    assert post(picture(), content_type="image/png").status_code == 415
    assert post({}, **multipart).status_code == 400
    assert post({"image": (io.BytesIO(picture()), "a.png")}, **multipart).status_code == 400
    assert post({**form(picture()), "x": "y"}, **multipart).status_code == 400
    assert post({"file": "text"}, **multipart).status_code == 400
    two = post({"file": [(io.BytesIO(picture()), "a.png"), (io.BytesIO(picture()), "b.png")]}, **multipart)
    assert two.status_code == 400
    assert "there are 2 of it" in two.json["error"]
    nameless = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"
    refused = post(nameless, content_type="multipart/form-data; boundary=b")
    assert refused.status_code == 400
    assert "a part without a name" in refused.json["error"]


def test_uploads_at_once_leave_one_picture_which_is_shown(
    app: Flask, client: FlaskClient, ann: dict[str, str], keep: Keeping
):
    with ThreadPoolExecutor(3) as pool:
        codes = list(pool.map(lambda _: upload(app.test_client(), ann, picture()).status_code, range(6)))

    url = profile(client, ann)["avatarUrl"]
    assert set(codes) == {200}
    assert objects_of(keep) == [urlsplit(url).path.removeprefix("/api/media/")]


def test_a_storage_that_is_away_is_told_and_nothing_is_changed(
    client: FlaskClient, ann: dict[str, str], keep: Keeping, monkeypatch: pytest.MonkeyPatch
):
    url = upload(client, ann, picture()).json["avatarUrl"]

    def away(*_: object, **__: object) -> None:
        raise BucketUnreachable("bucket", "host", "secret reasons")

    monkeypatch.setattr(keep.objects, "put", away)
    response = upload(client, ann, picture(GREEN))

    assert (response.status_code, response.json["code"]) == (503, "storage-unavailable")
    assert "secret reasons" not in response.text
    assert profile(client, ann)["avatarUrl"] == url
