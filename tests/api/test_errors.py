"""Errors that help: every code has a page, at the address that the problem itself gives; near misses are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from builders import ALICE

from api.catalogue import CATALOGUE
from api.error_guide import markdown
from api.problems import HTTP_CODES, Problem, SignInRefused
from api.signin.refusals import CODES

ROOT = Path(__file__).parents[2]


def kinds(of: type[Problem] = Problem) -> set[type[Problem]]:
    return {of}.union(*(kinds(more) for more in of.__subclasses__()))


def test_every_code_is_in_the_catalogue_with_its_status_and_no_other_is():
    raised = {(kind.code, kind.status) for kind in kinds()}
    raised |= {(code, SignInRefused(code, "").status) for code in CODES}
    framework = {(code, status) for status, code in HTTP_CODES.items()} | {("bad-request", 400)}

    assert raised | framework == {(entry.code, entry.status) for entry in CATALOGUE.values()}


def test_every_code_written_in_the_source_is_in_the_catalogue():
    """Also one that somebody passes to `respond` without a class."""
    sources = [path.read_text() for path in (ROOT / "api").rglob("*.py")]
    respond = {code for source in sources for code in re.findall(r'respond\(\s*\d{3},\s*"([a-z-]+)"', source)}

    assert respond <= CATALOGUE.keys()


def test_the_document_is_the_one_that_the_catalogue_writes():
    assert (ROOT / "docs/errors.md").read_text() == markdown(), "make openapi"


def test_every_entry_says_something():
    for entry in CATALOGUE.values():
        for text in (entry.meaning, entry.cause, entry.remedy):
            assert text[0].isupper() or text[0] == "`"
            assert text.endswith(".")
        assert not entry.title.endswith(".")
        assert re.fullmatch("[a-z]+(-[a-z]+)*", entry.code)


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_has_a_page_for_programs_and_for_people(client, code):
    url = CATALOGUE[code].url
    told, page = (
        client.get(url),
        client.get(url, headers={"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}),
    )

    assert told.json["error"]["code"] == code
    assert told.json["error"]["type"] == url
    assert page.mimetype == "text/html"
    assert f'id="{code}"' in page.text
    assert "//" not in page.text, "nothing is loaded from elsewhere"
    assert "Accept" in told.headers["Vary"]


@pytest.mark.parametrize(
    "url", ["/api/nope", "/api/assets?limt=1", "/api/errors/nope", "/api/tx/0x1", "/readyz"]
)
def test_the_type_of_a_problem_leads_to_its_explanation(client, url):
    problem = client.get(url).json
    explained = client.get(problem["type"]).json["error"]

    assert (explained["code"], explained["status"], explained["title"]) == (
        problem["code"], problem["status"], problem["title"],
    )  # fmt: skip


def test_all_codes_are_listed(client):
    assert [one["code"] for one in client.get("/api/errors").json["errors"]] == list(CATALOGUE)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("/api/asset", "did you mean /api/assets?"),
        ("/api/market/stat", "did you mean /api/market/stats?"),
        ("/api/transaction", "did you mean /api/transactions?"),
        ("/api/errors/not-fund", "did you mean not-found?"),
        ("/api/errors/zzzzzz", "see /api/errors"),
        ("/" + "x" * 100_000, "/api/openapi.json"),
        ("/api/assets?limt=1", "did you mean limit?"),
        ("/api/assets?sort=price", "did you mean"),
        ("/api/assets?LIMIT=1", "did you mean limit?"),
        ("/api/assets?is_listed=true", "did you mean isListed?"),
        ("/api/assets?sortBy=prize", "did you mean price?"),
        ("/api/assets?sortBy=PRICE", "did you mean price?"),
        ("/api/market/listings?sortDirection=ascending", "must be one of asc, desc"),
        ("/api/transactions?type=buy,lst", "did you mean list?"),
        (f"/api/assets?owner={ALICE[:2] + ALICE[2:].swapcase()}", f"it is {ALICE}"),
        (f"/api/users/{ALICE[:2] + ALICE[2:].swapcase()}/assets", f"it is {ALICE}"),
    ],
)
def test_a_near_miss_is_told_what_was_probably_meant(client, seed, url, advice):
    seed.checkpoint()
    response = client.get(url)

    assert response.status_code in {400, 404}
    assert advice in response.json["detail"]
    assert advice in response.json["error"]


def test_a_field_of_a_body_is_told_likewise(client, seed):
    seed.checkpoint()
    problem = client.post("/api/assets/batch", json={"tokenIDs": [1]}).json

    assert "did you mean tokenIds?" in problem["detail"]
    assert {error["field"] for error in problem["errors"]} == {"tokenIDs", "tokenIds"}


@pytest.mark.parametrize(
    ("url", "field", "message"),
    [
        ("/api/assets?priceMin=10&priceMax=5", "priceMin", "must not be above priceMax"),
        ("/api/assets?listingPriceMin=9&listingPriceMax=2", "listingPriceMin", "above listingPriceMax"),
        ("/api/market/listings?priceMin=2&priceMax=1.9", "priceMin", "must not be above priceMax"),
        ("/api/transactions?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from", "later than to"),
        (
            "/api/market/stats/history?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z",
            "from",
            "later than to",
        ),
        ("/api/transactions?page=501", "page", "from 1 to 500; what comes after is reached by cursor"),
        ("/api/assets?q=", "q", "must be 1 to 100 characters"),
        ("/api/activity?from=2026-01-01T00:00:00+02:00", "from", "%2B"),
        ("/api/activity?wallet=0x0", "wallet", "known are"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name_and_with_advice(client, seed, url, field, message):
    seed.checkpoint()
    answer = client.get(url)

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (400, field)
    assert message in answer.json["errors"][0]["message"]
    assert "did you mean wait" not in answer.text


def test_bounds_that_are_equal_are_a_range(client, seed):
    seed.checkpoint()
    moment = "2026-01-01T00:00:00.0005Z"

    assert client.get("/api/assets?priceMin=1&priceMax=1").status_code == 200
    assert client.get(f"/api/transactions?from={moment}&to={moment}").status_code == 200


def test_a_body_that_is_too_long_is_told_what_it_may_be(client, seed):
    seed.checkpoint()
    answer = client.post("/api/assets/batch", json={"tokenIds": [1], "contractAddress": "x" * 70_000})

    assert (answer.status_code, answer.json["code"]) == (413, "request-entity-too-large")
    assert "longer than the 65,536 bytes" in answer.json["detail"]
