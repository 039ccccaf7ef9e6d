"""Whatever is thrown at any parameter of any operation: never a failure of ours, always a problem that names the field."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, urlencode

import builders
import pytest
from builders import ALICE, BOB, asset, deed, price

from api import make_app
from api.fields import ETHER
from store.reading import Reading
from tests.api.keeping import keeping_in
from tests.api.operations_of import OPERATIONS, Operation, may_accept, resolved, routes

REFUSED_EARLIER = {401, 403, 404, 409, 410, 429}
"""Before a field is looked at: not signed in, nothing there, not yet or no longer to be had."""
TEXTS = [
    "", " ", "\x00", "a\x00b", "\n", "\t1", "1 ", "null", "undefined", "None", "NaN", "Infinity", "-Infinity",
    "-1", "+1", "0x10", "1e3", "1_000", "1.0", "01.50.1", "9" * 19, "9" * 60, "9" * 79, "9" * 5000, "x" * 10_000,
    '{"$gt": ""}', "[$ne]", '{"$where": "sleep(9000)"}', "$where", "$$NOW", "a.b", "__proto__", "constructor",
    "^(a+)+$", "(?:a|a)*b", ".*", "[", "\\", "'", '" || 1==1 //', "'; DROP TABLE assets; --", "../../etc/passwd",
    "%00", "%24gt", "\u202e", "\ufeff", "\uff11\uff12", "\u0660", "é", "😀" * 200, "<script>alert(1)</script>",
    "${jndi:ldap://x}", "{{7*7}}", "true ", "TRUE", "1,", ",1", ",", "a," * 500, "2026-02-30T00:00:00Z",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00", "0x" + "0" * 40,
    ALICE[:-1], ALICE + "0", ALICE.replace("0x", "0X"), "-0", "00", "1" + "0" * 59 + ".000000000000000001",
]  # fmt: skip
RAW = ["%ff%fe", "%c0%af", "%ed%a0%80", "%", "%zz", "%u0000"]
"""Escapes that are not UTF-8, or not escapes."""
VALUES: list[Any] = [
    None, True, -1, 0.5, 1e308, 2**63, 2**256, 10**77, "", "\x00", "x" * 10_000, [], [[]], [None], {}, {"$gt": ""},
    {"$where": "sleep(9000)"}, {"$ne": None}, [{"$gt": 0}], {"a.b": 1}, {"": 1}, "$where", "\ud83d\ude00" * 500,
]  # fmt: skip


@pytest.fixture(scope="module")
def ours() -> dict[str, Operation]:
    return {str(operation): operation for operation in OPERATIONS}


@pytest.fixture
def app(database, clock, node, tmp_path):
    """Everything that there is, uploads and secrets included."""
    auth, keep = builders.auth(database), keeping_in(tmp_path, database)
    return make_app(
        Reading(database),
        secret_key="a test",
        auth=auth,
        keep=keep,
        pending=node,
        clock=clock,
        history=builders.history(),
    )


@pytest.fixture
def market(seed):
    seed.checkpoint()
    seed.market()
    seed.assets(*[asset(n, listing_wei=10**18 * n if n % 2 else None) for n in range(1, 6)])
    seed.deeds(deed("mint", 1, 1, buyer=ALICE), deed("buy", 1, 5, seller=ALICE, buyer=BOB, price_wei=7))
    seed.prices(price(1, 3, 10**18))


def send(client, operation: Operation, url: str, **how: Any):
    if operation.body is not None and "json" not in how and "data" not in how:
        how["json"] = {}
    return client.open(url, method=operation.method, **how)


def assert_refused_or_meant(response, field: str, *, meant: bool, sent: str) -> None:
    """Refused with the field's name; or an ordinary answer, where the value is documented as valid."""
    assert response.status_code < 500 or response.status_code == 503, (sent, response.text)
    if response.status_code == 200:
        assert meant, f"{sent} was accepted"
        return
    assert response.mimetype == "application/problem+json", sent
    problem = response.json
    assert isinstance(problem["error"], str)
    if response.status_code not in REFUSED_EARLIER:
        assert response.status_code == 400, (sent, response.text)
        assert field in {error["field"] for error in problem["errors"]}, (sent, problem["errors"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_hostile_values_of_query_parameters(client, market, operation):
    for name, schema in operation.query.items():
        for text in TEXTS:
            url = f"{operation.url()}?{urlencode({**operation.needed, name: text})}"
            meant = may_accept(schema, text)
            assert_refused_or_meant(send(client, operation, url), name, meant=meant, sent=url)
        for raw in RAW:
            response = send(client, operation, f"{operation.url()}?{name}={raw}")
            assert response.status_code < 500, (name, raw, response.text)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_operators_arrays_dots_and_repetitions_are_not_parameters(client, market, operation):
    names = [*operation.query, "x"]
    forms = [
        "{}[]",
        "{}[0]",
        "{}[$ne]",
        "{}[$gt]",
        "{}[$where]",
        "{}.$gt",
        "{}.a",
        "${}",
        "{}\x00",
        " {}",
        "{}[a][b]",
    ]
    strangers = [form.format(name) for name in names for form in forms]

    for stranger in [
        *strangers,
        "$where",
        "$or",
        "$expr",
        "__proto__",
        "constructor",
        "sort[$meta]",
        "_id",
        "",
    ]:
        url = f"{operation.url()}?{quote(stranger)}=1"
        assert_refused_or_meant(send(client, operation, url), stranger, meant=False, sent=url)
    for name in operation.query:
        url = f"{operation.url()}?{name}=1&{name}=1"
        assert_refused_or_meant(send(client, operation, url), name, meant=False, sent=url)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.in_path], ids=str)
def test_hostile_values_in_paths(client, market, operation):
    for name in operation.in_path:
        for text in TEXTS:
            if text in ("", ".", "..") or "/" in text:
                continue
            url = operation.url(**{name: text})
            response = send(client, operation, url)
            meant = may_accept(operation.in_path[name], text)
            assert_refused_or_meant(response, name, meant=meant, sent=url)
        for raw in RAW:
            url = operation.path.replace(f"{{{name}}}", raw).format(**dict.fromkeys(operation.in_path, "1"))
            assert send(client, operation, url).status_code in {400, 401, 403, 404}


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.body is not None], ids=str)
def test_hostile_bodies(client, market, operation):
    assert operation.body
    names = operation.body.get("properties", {})
    whole = [[], {}, 1, "x", None, True, [{}], {"$where": "1"}, {"a.b": 1}, {"__proto__": {"x": 1}}]
    whole += [{name: value} for name in names for value in VALUES]
    whole += [{f"{name}{suffix}": 1} for name in names for suffix in ("[]", ".$gt", "\x00", "$")]

    for body in whole:
        response = send(
            client, operation, operation.url(), data=json.dumps(body), content_type="application/json"
        )
        assert response.status_code < 500, (body, response.text)
        if response.status_code != 200:
            assert response.mimetype == "application/problem+json"
            assert isinstance(response.json["error"], str)
        for name in names if response.status_code == 400 and isinstance(body, dict) else ():
            required = name in operation.body.get("required", ())
            fields = {error["field"] for error in response.json["errors"]}
            assert not required or name in fields or name in body or set(body) & fields, (body, fields)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.body is not None], ids=str)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 60_000, b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":1e999}']
)
def test_bodies_that_are_not_json(client, market, operation, body):
    response = send(client, operation, operation.url(), data=body, content_type="application/json")

    assert response.status_code in {400, 401, 403, 413}
    assert response.mimetype == "application/problem+json"


HEADERS = {
    "Accept": ["", "*/*;q=x", "text/html", "x" * 5000, "application/xml"],
    "Authorization": ["", "Bearer", "Bearer x.y.z", "Basic !!", "Bearer " + "x" * 5000],
    "X-API-Key": ["", "dv_live_x", '{"$gt":""}'],
    "If-None-Match": ["", "*", '"', 'W/"x', "x," * 1000],
    "If-Match": ["", "*", '"x"'],
    "Range": ["bytes=0-1", "bytes=-1", "items=0-"],
    "Cookie": ["a=b; a=c", "=", "\x01", "refresh_token_cookie=x"],
    "Content-Length": ["-1", "x", "99999999999999999999"],
    "Content-Type": ["application/json; charset", ";", "multipart/form-data", "text/html; charset=\x7f"],
    "X-Request-Id": ["", "a b", "x" * 65, "é", "{}"],
    "X-Forwarded-For": ["", "x", "1.1.1.1," * 1000],
    "Host": ["", "evil.example", "a:b:c", "a" * 5000],
    "Origin": ["null", "x"],
    "Last-Event-ID": ["-1", "x", "9" * 100],
}


@pytest.mark.parametrize("header", HEADERS)
def test_hostile_headers(app, client, market, header):
    for url, methods in routes(app):
        for value in HEADERS[header]:
            if "GET" not in methods:
                continue
            response = client.get(url, headers={header: value.encode().decode("latin-1")})
            assert response.status_code < 500, (url, value, response.text)
            assert response.status_code != 206


# --- methods ---


def test_every_method_of_every_route_has_an_answer(app, client, market):
    for url, _ in routes(app):
        allowed = set(app.url_map.bind("").allowed_methods(url))
        for method in (
            "GET",
            "HEAD",
            "OPTIONS",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
            "TRACE",
            "CONNECT",
            "BREW",
        ):
            response = client.open(url, method=method)
            assert response.status_code < 500, (method, url, response.text)
            if method not in allowed:
                assert response.status_code == 405, (method, url)
                assert allowed == set(response.headers["Allow"].split(", "))
            if response.status_code >= 400 and method != "HEAD":
                assert isinstance(response.json["error"], str)
                assert response.mimetype == "application/problem+json"


def test_head_says_what_get_would_and_options_what_can_be_done(app, client, market):
    for url, methods in routes(app):
        options = client.options(url)
        assert options.status_code == 200
        assert options.mimetype == "application/json"
        assert (
            set(options.json["methods"]) == set(options.headers["Allow"].split(", ")) >= methods - {"OPTIONS"}
        )
        if "GET" in methods:
            seen, told = client.get(url), client.head(url)
            assert told.status_code == seen.status_code
            assert told.get_data() == b""
            assert told.mimetype == seen.mimetype
            if "no-store" not in seen.headers.get("Cache-Control", ""):  # else no two answers are the same
                for name in ("ETag", "X-As-Of-Block", "Content-Length"):
                    assert told.headers.get(name) == seen.headers.get(name)


NOT_DESCRIBED = {"/api/docs", "/api/openapi.json", "/metrics", "/api/media/1"}
"""Pages, the text that Prometheus reads, and objects."""


def test_nothing_but_the_documented_is_there(app):
    """A route that no document shows is either known to be none of JSON, or a mistake."""
    shown = {operation.url() for operation in OPERATIONS}

    assert {url for url, _ in routes(app)} - shown == NOT_DESCRIBED


# --- addresses in every letter case ---

SPELLINGS = [ALICE, ALICE.lower(), "0x" + ALICE[2:].upper()]


def addresses() -> list[Any]:
    return [
        pytest.param(operation, name, id=f"{operation} {name}")
        for operation in OPERATIONS
        for name in [*operation.query, *operation.in_path]
        if "0-9a-fA-F]{40}" in str(operation.query.get(name, "")) or name == "walletAddress"
    ]


def told(response) -> Any:
    """What must not depend on the spelling: not the nonce, nor how often a stream says that it is alive."""
    if response.is_streamed or response.status_code in {401, 403, 404}:
        return response.status_code
    if "nonce" in response.json:
        return response.json["walletAddress"]
    return response.get_data()


@pytest.mark.parametrize(("operation", "name"), addresses())
def test_an_address_means_the_same_in_every_letter_case(client, market, operation, name):
    def answer(spelling: str) -> Any:
        given = {name: spelling}
        url = operation.url(**given) if name in operation.in_path else f"{operation.url()}?{urlencode(given)}"
        return send(client, operation, url)

    answers = [answer(spelling) for spelling in SPELLINGS]

    assert len({(one.status_code, told(one)) for one in answers}) == 1
    wrong = answer("0x" + ALICE[2:].swapcase())
    if wrong.status_code not in {401, 403}:
        assert wrong.status_code == 400
        assert [error["field"] for error in wrong.json["errors"]] == [name]
        assert ALICE in wrong.json["errors"][0]["message"]


def addresses_in_bodies() -> list[Any]:
    return [
        pytest.param(operation, name, id=f"{operation} {name}")
        for operation in OPERATIONS
        for name, schema in (operation.body or {}).get("properties", {}).items()
        if "0-9a-fA-F]{40}" in str(schema)
    ]


BODIES: dict[str, dict[str, Any]] = {
    "POST /api/assets/batch": {"tokenIds": [1]},
    "POST /api/auth/verify": {"message": "nothing that was ever signed", "signature": "0x00"},
}
"""What else has to be in a body with an address; a new one needs a line here."""


@pytest.mark.parametrize(("operation", "name"), addresses_in_bodies())
def test_an_address_in_a_body_means_the_same_in_every_letter_case(client, market, operation, name):
    def answer(spelling: str) -> Any:
        return send(client, operation, operation.url(), json={**BODIES[str(operation)], name: spelling})

    def meant(response: Any) -> Any:
        return {**response.json, "requestId": None}

    answers = [answer(spelling) for spelling in SPELLINGS]

    assert [(one.status_code, meant(one)) for one in answers[1:]] == 2 * [
        (answers[0].status_code, meant(answers[0]))
    ]
    wrong = answer("0x" + ALICE[2:].swapcase())
    assert wrong.status_code == 400
    assert name in [error["field"] for error in wrong.json["errors"]]


# --- amounts ---

EXTREMES = [0, 1, 10**18 - 1, 2**53 + 1, 2**63, 2**64 + 1, 2**128, 2**255, 2**256 - 1]


def ether(wei: int) -> str:
    whole, part = divmod(wei, 10**18)
    return f"{whole}.{part:018}"


@pytest.mark.parametrize("wei", EXTREMES)
def test_an_amount_comes_back_to_the_wei_wherever_it_is_shown(client, seed, wei):
    seed.checkpoint()
    seed.market()
    seed.assets(
        asset(1, listing_wei=wei, price_wei=wei), asset(2, listing_wei=5 * 10**17, price_wei=5 * 10**17)
    )
    seed.deeds(deed("buy", 1, 5, seller=ALICE, buyer=BOB, price_wei=wei))
    seed.prices(price(1, 3, wei))

    one = client.get("/api/assets/1").json["asset"]
    assert one["currentPrice"]["valueWei"] == one["marketStatus"]["listingPriceWei"] == str(wei)
    assert client.get("/api/transactions").json["transactions"][0]["priceWei"] == str(wei)
    assert client.get("/api/assets/1/price-history").json["priceHistory"][0]["priceWei"] == str(wei)
    candle = client.get("/api/assets/1/price-history?interval=1d").json["priceHistory"][0]
    assert {candle[f"{corner}Wei"] for corner in ("open", "high", "low", "close")} == {str(wei)}
    trade = client.get("/api/market/stats").json["stats"]["trade"]
    assert trade["all"]["volumeWei"] == str(wei)


AMOUNTS = [
    (one, name) for one in OPERATIONS for name, schema in one.query.items() if schema.get("pattern") == ETHER
]
RANGES = [
    pytest.param(one.url(), name, name.replace("Min", "Max"), id=f"{one} {name}")
    for one, name in AMOUNTS
    if name.endswith("Min")
]


def test_every_amount_that_can_be_asked_for_is_one_end_of_a_range():
    ends = {(param.values[0], name) for param in RANGES for name in param.values[1:]}

    assert {(one.url(), name) for one, name in AMOUNTS} == ends
    assert len(RANGES) >= 5


@pytest.mark.parametrize("wei", EXTREMES)
@pytest.mark.parametrize(("path", "least", "most"), RANGES)
def test_an_amount_is_found_by_itself_and_not_by_its_neighbours(client, seed, path, least, most, wei):
    seed.checkpoint()
    seed.market()
    seed.assets(asset(1, listing_wei=wei, price_wei=wei))

    def found(low: int, high: int) -> int:
        answer = client.get(f"{path}?{least}={ether(low)}&{most}={ether(high)}").json
        return len(answer.get("assets", answer.get("listings")))

    assert found(wei, wei) == 1
    assert found(wei + 1, wei + 10) == 0
    if wei:
        assert found(0, wei - 1) == 0


def tells_amounts(schema: Any, seen: frozenset[str] = frozenset()) -> bool:
    """Does an answer of this shape have amounts of wei, at any depth?"""
    if isinstance(schema, list):
        return any(tells_amounts(one, seen) for one in schema)
    if not isinstance(schema, dict) or schema.get("$ref") in seen:
        return False
    if any(name.endswith("Wei") for name in schema.get("properties", {})):
        return True
    whole = resolved(schema) if "$ref" in schema else schema
    known = seen | {schema["$ref"]} if "$ref" in schema else seen
    return any(tells_amounts(one, known) for one in ([whole] if whole is not schema else schema.values()))


def shape_of(operation: Operation) -> Any:
    content = operation.described["responses"]["200"].get("content", {}).get("application/json", {})
    return content.get("schema", {})


TELLING = [one for one in OPERATIONS if one.method == "GET" and tells_amounts(shape_of(one))]
OF_PEOPLE = {"GET /api/users/favorites"}
"""Has the same assets as other lists, for those who have signed in."""


def amounts_in(told: Any) -> list[Any]:
    if isinstance(told, list):
        return [amount for one in told for amount in amounts_in(one)]
    if not isinstance(told, dict):
        return []
    here = [value for name, value in told.items() if name.endswith("Wei")]
    return here + [amount for value in told.values() for amount in amounts_in(value)]


@pytest.mark.parametrize("operation", [one for one in TELLING if str(one) not in OF_PEOPLE], ids=str)
def test_every_route_that_tells_amounts_tells_the_largest_one_to_the_wei(client, seed, operation):
    most = 2**256 - 1
    sale = deed("buy", 1, 95, seller=BOB, buyer=ALICE, price_wei=most)
    seed.checkpoint()
    seed.market()
    seed.assets(asset(1, owner=ALICE, listing_wei=most, price_wei=most))
    seed.deeds(deed("mint", 1, 1, buyer=BOB), sale)
    seed.prices(price(1, 96, most))
    url = operation.url(id=str(sale["_id"]), hash=sale["blockchain"]["transactionHash"])

    answer = client.get(
        url, query_string={**operation.needed, **({"q": "asset"} if "q" in operation.needed else {})}
    )

    assert answer.status_code == 200, answer.text
    amounts = amounts_in(answer.json)
    assert str(most) in amounts
    assert all(one is None or re.fullmatch("-?[0-9]+", one) for one in amounts)


def test_routes_that_tell_amounts_are_found_by_what_they_tell():
    assert {str(one) for one in TELLING} > OF_PEOPLE
    assert len(TELLING) >= 15


def test_bodies_are_described_by_objects():
    assert all(resolved(one.body).get("type") == "object" for one in OPERATIONS if one.body)
