"""Signed URLs that lead back to our own API."""

from __future__ import annotations

import pytest
from itsdangerous import URLSafeSerializer

from store.objects import LinkRefused
from store.objects.links import SALT, Grant, Links

READ = Grant("GET", "a/b.png")
WRITE = Grant("PUT", "a/b.png", "image/png", 5)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def links(clock: Clock) -> Links:
    return Links("secret", "https://api.example/api/media/", clock)


def token(url: str) -> str:
    return url.partition("?signature=")[2]


def test_a_link_allows_what_it_was_made_for_until_it_expires(links: Links, clock: Clock):
    asked = links.make(READ, 60)

    assert asked.url.startswith("https://api.example/api/media/a/b.png?signature=")
    links.check(token(asked.url), READ)
    clock.seconds += 59.9
    links.check(token(asked.url), READ)
    clock.seconds += 0.1
    with pytest.raises(LinkRefused, match="it has expired; ask for a new one"):
        links.check(token(asked.url), READ)


def test_a_link_for_writing_names_type_and_size(links: Links):
    asked = links.make(WRITE, 60)

    assert asked.headers == {"Content-Type": "image/png", "Content-Length": "5"}
    links.check(token(asked.url), WRITE)


@pytest.mark.parametrize(
    "wanted",
    [
        READ,
        Grant("PUT", "a/c.png", "image/png", 5),
        Grant("PUT", "a/b.png", "text/html", 5),
        Grant("PUT", "a/b.png", "image/png", 6),
        Grant("PUT", "a/b.png", "image/png", None),
        Grant("PUT", "a/b.png", None, 5),
        Grant("DELETE", "a/b.png", "image/png", 5),
    ],
)
def test_a_link_allows_nothing_else(links: Links, wanted: Grant):
    with pytest.raises(LinkRefused, match="it was made for"):
        links.check(token(links.make(WRITE, 60).url), wanted)


def test_a_link_for_reading_writes_nothing(links: Links):
    with pytest.raises(LinkRefused, match="something else"):
        links.check(token(links.make(READ, 60).url), WRITE)


def test_what_was_altered_or_signed_by_others_is_refused(links: Links, clock: Clock):
    good = token(links.make(READ, 60).url)
    forged = URLSafeSerializer("guess", salt=SALT).dumps(["GET", "a/b.png", None, None, 10**10])
    other_use = URLSafeSerializer("secret", salt="cursor").dumps(["GET", "a/b.png", None, None, 10**10])

    for bad in ("", "x", good[:-1], good[1:], good + "A" * 5000, good.upper(), forged, other_use):
        with pytest.raises(LinkRefused, match="its signature is wrong"):
            links.check(bad, READ)
