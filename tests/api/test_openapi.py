"""The OpenAPI document, and whatever Schemathesis thinks of it."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest
from schemathesis import GenerationMode

from api.permissions import PERMISSIONS
from tests.api.credentials import app_with
from tests.api.generated import WITHOUT_END, Impatient, World, examine, walk, world

EXAMPLES = 5
MANY_CASES = 50_000
PARTS = (1, 2, 3)
MEDIA = ("GET /api/media/<path:key>", "PUT /api/media/<path:key>")
NOT_DESCRIBED = ("GET /api/openapi.json", "GET /api/docs", "GET /metrics", *MEDIA)
CALLERS = ("anonymous", "user", "oracle", "admin", "key")


@pytest.fixture
def made(database, tmp_path, seed) -> World:
    return world(app_with(database, tmp_path, clock=Impatient()), database, seed)


def test_every_operation_but_those_without_end_is_examined(made: World) -> None:
    operations = list(made.operations())

    assert len(operations) == len(PERMISSIONS) - len(NOT_DESCRIBED) - len(WITHOUT_END)
    assert tuple(made.callers) == CALLERS


@pytest.mark.timeout(400)
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("caller", CALLERS)
def test_every_operation_keeps_to_its_description(made: World, caller: str, mode: GenerationMode) -> None:
    for operation in made.operations():
        examine(made, operation, caller, mode, EXAMPLES)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("caller", ["anonymous", "admin"])
def test_what_one_answer_gives_the_next_question_takes(made: World, caller: str) -> None:
    walk(made, caller, examples=4, steps=5)

    assert made.cases[f"{caller}, stateful"] >= 10


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", PARTS)
def test_fifty_thousand_requests_as_everybody(made: World, capsys: Any, part: int) -> None:
    """In parts, so that they can be sent at the same time; each makes up others."""
    began = time.monotonic()
    for number in range(part, 200, len(PARTS)):
        for operation in made.operations():
            for caller in CALLERS:
                for mode in GenerationMode:
                    examine(made, operation, caller, mode, 40, number)
        for caller in CALLERS:
            walk(made, caller, examples=20, steps=10, number=number)
        if made.cases.total() * len(PARTS) >= MANY_CASES:
            break

    # Whatever an answer has against it has failed the test at once: to come here is to have found nothing.
    told = f"{made.cases.total()} requests as {len(CALLERS)} callers in {time.monotonic() - began:.0f} s"
    with capsys.disabled():
        sys.stdout.write(f"\n{told}: {dict(made.cases)}\n")
    assert made.cases.total() * len(PARTS) >= MANY_CASES
