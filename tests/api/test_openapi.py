"""The OpenAPI document, and whatever Schemathesis thinks of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from builders import ALICE, BOB, ETHER, asset, chain_events, deed, price, reorg
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from api.permissions import PERMISSIONS

EXAMPLES = 30
MEDIA = ("GET /api/media/<path:key>", "PUT /api/media/<path:key>")
CHECKS = {
    "positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", 401, 403, 404, 409, 410, 429, "5xx"]},
    "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429]},
}
"""What is right can be gone (410), and what is wrong can be refused for its size alone (413)."""
NOT_DESCRIBED = ("GET /api/openapi.json", "GET /api/docs", "GET /metrics", *MEDIA)


def without_what_no_schema_can_say(query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Cursors are signed, and two names of one thing agree."""
    return query and {name: value for name, value in query.items() if name not in ("cursor", "currentOwner")}


def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Checksums are right."""
    return query and {name: lowered(value) for name, value in query.items()}


def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    return {name: lowered(value) for name, value in (path_parameters or {}).items()}


def map_body(context: Any, body: Any) -> Any:
    return {name: lowered(value) for name, value in body.items()} if isinstance(body, dict) else body


@pytest.fixture
def described(app, seed) -> Any:
    seed.checkpoint()
    seed.market()
    seed.assets(*[asset(i, listing_wei=i * ETHER if i % 2 else None, confidence=i) for i in range(12)])
    seed.deeds(*[deed("mint", i, i, buyer=ALICE) for i in range(12)])
    seed.deeds(deed("buy", 3, 50, seller=ALICE, buyer=BOB, price_wei=ETHER))
    seed.prices(*[price(i % 3, 20 + i, i * ETHER) for i in range(9)])
    seed.add("reorgs", reorg(1), reorg(2))
    seed.add("chainEvents", chain_events(60, "approval"))
    config = schemathesis.Config.from_dict({"checks": CHECKS})
    described = schemathesis.openapi.from_wsgi("/api/openapi.json", app, config=config)
    described.hook(map_query)
    described.hook(map_path_parameters)
    described.hook(map_body)
    return described


def lowered(value: Any) -> Any:
    is_address = isinstance(value, str) and re.fullmatch("0[xX][0-9a-fA-F]{40}", value)
    return value.lower() if is_address else value


@pytest.mark.timeout(400)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_operation_keeps_to_its_description(described: Any, mode: GenerationMode) -> None:
    operations = [found.ok() for found in described.get_all_operations()]
    without_end = [operation for operation in operations if operation.path == "/api/stream"]
    operations = [operation for operation in operations if operation not in without_end]

    for operation in operations:
        examine(operation, mode)

    assert len(operations) == len(PERMISSIONS) - len(NOT_DESCRIBED) - len(without_end)
    assert len(without_end) == 1


def examine(operation: Any, mode: GenerationMode) -> None:
    """Send generated requests of one kind, valid or invalid, and hold each answer to the description."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Case) -> None:
        if mode is GenerationMode.POSITIVE:
            case.query = without_what_no_schema_can_say(case.query)
        case.call_and_validate()

    try:
        check()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "nothing valid can be sent"
