"""How answers are kept, as the settings say."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from pathlib import Path

import api
import chain
import dvault
import indexer
import store
from api.caching.answers import Answers
from config.settings import Settings
from store.shared_answers import RedisAnswers

MEGABYTE = 1_000_000


def answers_of(settings: Settings, secret_key: str) -> Answers:
    """In this process, and in Redis where there is one; `secret_key` as cursors in answers are signed."""
    if settings.response_cache == "off":
        return Answers(0)
    shared = None
    if settings.redis_url is not None:
        scope = f"{settings.chain_id} {settings.mongodb_database}"
        shared = RedisAnswers(settings.redis_url, scope, secret_key)
    return Answers(settings.response_cache * MEGABYTE, shared)


@cache
def program() -> str:
    """Differs between any two programs that may answer differently."""
    made = blake2b(digest_size=8)
    for package in (api, chain, dvault, indexer, store):
        for source in sorted(Path(package.__path__[0]).rglob("*.py")):
            made.update(source.read_bytes())
    return made.hexdigest()
