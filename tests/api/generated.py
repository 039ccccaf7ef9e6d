"""Requests made up by Schemathesis from the OpenAPI document, as everybody who may call, held to the document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import schemathesis
from builders import ALICE, BOB, ETHER, Seed, asset, at, chain_events, deed, price, reorg
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import FlakyStrategyDefinition, Unsatisfiable
from marshmallow.exceptions import ValidationError
from pymongo.database import Database
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.engine.errors import is_inconsistent_replay
from schemathesis.specs.openapi.checks import ignored_auth

from api.buckets import series_of
from api.fields import Ether, Moment
from api.problems import BadRequest
from api.services import SystemClock
from tests.api.credentials import give, keyed, make_key
from tests.api.signing import Wallet, bearer, sign_in

Headers = dict[str, str]
CHECKS = {
    "positive_data_acceptance": {
        "expected-statuses": ["2xx", "3xx", 401, 403, 404, 409, 410, 412, 415, 422, 429, "5xx"]
    },
    "negative_data_rejection": {
        "expected-statuses": [400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429]
    },
}
"""What is right can be gone (410), changed (412), or no picture (415, 422); what is wrong can be too large (413)."""
TIP = 100
WITHOUT_END = ("/api/stream",)
WALLETS = {"user": Wallet("ann"), "oracle": Wallet("ora"), "admin": Wallet("ada"), "key": Wallet("kay")}
PEOPLE = ("users", "sessions", "apiKeys")


class Impatient(SystemClock):
    """The clock of this machine; who sleeps wakes up at once, at the right time."""

    def __init__(self) -> None:
        self._slept = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds


@dataclass
class World:
    """An application with something in it, its document, and everybody who may call, by what they send."""

    app: Flask
    database: Database[Any]
    schema: Any
    callers: dict[str, Headers]
    people: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    cases: Counter[str] = field(default_factory=Counter)
    """Requests so far, by caller and kind."""

    def operations(self) -> Iterator[Any]:
        for found in self.schema.get_all_operations():
            operation = found.ok()
            if operation.path not in WITHOUT_END:
                yield operation

    def restore(self) -> None:
        """Who signed out, was suspended or lost a role in an earlier request is who they were."""
        for name, documents in self.people.items():
            for document in documents:
                self.database[name].replace_one({"_id": document["_id"]}, document, upsert=True)


def world(app: Flask, database: Database[Any], seed: Seed) -> World:
    seed.checkpoint(TIP, seq=0)
    seed.market()
    seed.assets(*[asset(i, listing_wei=i * ETHER if i % 2 else None, confidence=i) for i in range(12)])
    seed.deeds(*[deed("mint", i, i, buyer=ALICE) for i in range(12)])
    seed.deeds(deed("buy", 3, 50, seller=ALICE, buyer=BOB, price_wei=ETHER))
    seed.prices(*[price(i % 3, 20 + i, i * ETHER) for i in range(9)])
    seed.add("reorgs", reorg(1), reorg(2))
    seed.add("chainEvents", chain_events(60, "approval"))
    config = schemathesis.Config.from_dict(
        {"checks": CHECKS, "generation": {"with-security-parameters": False}}
    )
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", app, config=config)
    for hook in (map_query, map_path_parameters, map_body):
        schema.hook(hook)
    made = World(app, database, schema, callers(app, database))
    made.people = {name: list(database[name].find()) for name in PEOPLE}
    return made


def callers(app: Flask, database: Database[Any]) -> dict[str, Headers]:
    client = app.test_client()
    headers = {name: bearer(sign_in(client, wallet)) for name, wallet in WALLETS.items()}
    give(database, WALLETS["oracle"], "oracle")
    give(database, WALLETS["admin"], "admin")
    admin = {"walletAddress": WALLETS["admin"].address}
    database["sessions"].update_many(admin, {"$set": {"mfaAt": datetime.now(UTC)}})
    secret = make_key(client, headers["key"], "read", "assets:write")["secret"]
    return {"anonymous": {}, **headers, "key": keyed(secret)}


def examine(
    made: World, operation: Any, caller: str, mode: GenerationMode, examples: int, number: int = 0
) -> None:
    """Send generated requests of one kind, valid or invalid, and hold each answer to the description."""

    @seeded(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Case) -> None:
        if mode is GenerationMode.POSITIVE:
            case.query = without_what_no_schema_can_say(case)
            say_once(case.body)
        if case.method != "GET":
            made.restore()
        made.cases[f"{caller}, {mode.value}"] += 1
        case.call_and_validate(headers=made.callers[caller])

    try:
        check()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing valid can be sent"


def walk(made: World, caller: str, examples: int, steps: int, number: int = 0) -> None:
    """From answer to question along the links of the document, as one caller."""
    wrong: list[FailureGroup] = []

    class Walk(made.schema.exclude(path=list(WITHOUT_END)).as_state_machine()):  # type: ignore[misc]
        def before_call(self, case: Case) -> None:
            case.query = without_what_no_schema_can_say(case)
            made.restore()
            made.cases[f"{caller}, stateful"] += 1

        def validate_response(self, response: Any, case: Case, *_: Any, **sent: Any) -> None:
            # It takes the headers of ours for made up ones, and wonders that they open anything.
            try:
                case.validate_response(response, excluded_checks=[ignored_auth], transport_kwargs=sent)
            except FailureGroup as failure:
                wrong.append(failure)
                raise

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return {"headers": made.callers[caller]}

    walking = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=not number,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        Walk.run(settings=walking)
    except (FlakyStrategyDefinition, AssertionError) as error:
        # A walk that sets out as an earlier one did meets other answers, since these have changed the world;
        # Hypothesis gives up there, and so does the runner of Schemathesis. Nothing was wrong with an answer.
        if wrong or not (isinstance(error, FlakyStrategyDefinition) or is_inconsistent_replay(error)):
            raise


def without_what_no_schema_can_say(case: Case) -> dict[str, Any] | None:
    """Cursors are signed, two names of one thing agree, a hash goes with its block, lower bounds are below upper
    ones, what people say has no history, and so many buckets lie between two times."""
    query: dict[str, Any] | None = case.query
    if not query:
        return query
    left_out = {"cursor", "currentOwner", "asOfHash", *swapped(query)}
    if "asOfBlock" in query:
        left_out |= {"isVerified", "facets", "sortBy", "finality"}
    if "finality" in query:
        left_out |= {"facets"}
    if case.operation.path.endswith("/history") and not is_told_at_once(query):
        left_out |= {"from", "to"}
    return {name: value for name, value in query.items() if name not in left_out}


BOUNDS: dict[str, tuple[str, Any]] = {
    "from": ("to", Moment()),
    "priceMin": ("priceMax", Ether()),
    "listingPriceMin": ("listingPriceMax", Ether()),
}


def swapped(query: dict[str, Any]) -> Iterator[str]:
    """Lower bounds that are above the upper ones."""
    for low, (high, kind) in BOUNDS.items():
        if low in query and high in query:
            with suppress(ValidationError):
                if kind.deserialize(query[low]) > kind.deserialize(query[high]):
                    yield low


def is_told_at_once(query: dict[str, Any]) -> bool:
    """Is this stretch of time one that has few enough buckets?"""
    moments = {f"{name}_time": query[name] for name in ("from", "to") if name in query}
    try:
        series_of({**query, **{name: Moment().deserialize(text) for name, text in moments.items()}}, at(TIP))
    except BadRequest:
        return False
    except (ValidationError, KeyError):
        return True  # no time, or no interval: then something else is wrong with it
    return True


def say_once(body: Any) -> None:
    """A hash goes with its block; of a profile's fields, no schema can say that two values have to be equal."""
    if isinstance(body, dict):
        body.pop("asOfHash", None)
        within = body.get("profileInfo")
        for name in list(within) if isinstance(within, dict) else ():
            if name in body:
                del within[name]


def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Checksums are right."""
    return query and {name: lowered(value) for name, value in query.items()}


def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    return {name: lowered(value) for name, value in (path_parameters or {}).items()}


def map_body(context: Any, body: Any) -> Any:
    return {name: lowered(value) for name, value in body.items()} if isinstance(body, dict) else body


def lowered(value: Any) -> Any:
    is_address = isinstance(value, str) and re.fullmatch("0[xX][0-9a-fA-F]{40}", value)
    return value.lower() if is_address else value
