"""A process of its own that serves the API to a test, through a pipe."""

from __future__ import annotations

from datetime import datetime
from multiprocessing.connection import Connection as Pipe
from typing import Any

from api import make_app
from api.auth.options import Auth
from api.caching.answers import Answers
from api.services import SystemClock
from store.accounts import Accounts
from store.connection import connect
from store.reading import Reading
from store.shared_answers import RedisAnswers
from tests.api.builders import at, history


class SameSecond(SystemClock):
    """For all who ask it is the same time: the age of a block that lags is the same in every answer."""

    def now(self) -> datetime:
        return at(1000)


SCOPE = ("storm", "a test")
Told = tuple[int, bytes, str | None, str | None]


def asked(client: Any, url: str, tag: str | None = None) -> Told:
    answer = client.get(url, headers={"If-None-Match": tag} if tag else {})
    return answer.status_code, answer.data, answer.headers.get("ETag"), answer.headers.get("X-As-Of-Block")


def app_of(database: Any, answers: Answers) -> Any:
    auth = Auth(Accounts(database), ("a key of a test, long enough for HS256",))
    return make_app(
        Reading(database),
        secret_key="a test",
        auth=auth,
        answers=answers,
        history=history(),
        clock=SameSecond(),
    )


def serve(pipe: Pipe, uri: str, name: str, redis_url: str) -> None:
    """Answer what is asked until nothing is."""
    with connect(uri, name) as connection:
        shared = RedisAnswers(redis_url, *SCOPE)
        client = app_of(connection.database, Answers(10**6, shared)).test_client()
        while (question := pipe.recv()) is not None:
            pipe.send(asked(client, *question))
        shared.close()
