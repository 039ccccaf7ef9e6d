"""Every error that a caller can be told, by its code: what it means, why it comes, what to do.

`/api/errors/{code}` serves it, and is the `type` of the problem itself; docs/errors.md has it in writing.
"""

from __future__ import annotations

from html import escape

from api.credentials_catalogue import CREDENTIALS
from api.entries import Entry
from api.past_catalogue import PAST
from api.sign_in_catalogue import SIGN_IN
from api.upload_catalogue import UPLOADS

_ENTRIES = (
    Entry(
        "invalid-request",
        400,
        "A field is not valid",
        "The request was understood, but some of its fields are not what they must be. Nothing was changed.",
        "A parameter with an unknown name, given twice, or with a value of the wrong kind; a body "
        "that is not strict JSON or lacks a field; a cursor of another list; an address with a wrong "
        "checksum.",
        "Correct what `errors` names: `field`, `location` (query, path or json) and `message`, which "
        "gives the nearest valid name or the right form where there is one.",
    ),
    Entry(
        "bad-request",
        400,
        "The request is malformed",
        "The request could not be read at all, so no field can be named.",
        "A broken header or a broken form; most often a client library that was given raw user input.",
        "Compare what is sent with the OpenAPI document, byte by byte; `detail` says what was noticed.",
    ),
    Entry(
        "not-found",
        404,
        "There is no such thing",
        "The path does not exist, or what it names does not exist at the block of `asOf`.",
        "A misspelt path; an asset that was never minted, or whose block a reorg took back.",
        "`detail` says which of the two it is, and names the nearest path. After a transaction of "
        "your own, ask again with `afterTx=` and `wait=`.",
    ),
    Entry(
        "method-not-allowed",
        405,
        "The path exists, the method does not",
        "Something is there, but this cannot be done with it.",
        "Most often a write to data that only the chain may change.",
        "Use one of the methods that the header `Allow` lists.",
    ),
    Entry(
        "not-yet-indexed",
        409,
        "That much of the chain has not been applied yet",
        "The block or transaction asked for is not part of our state so far.",
        "The block is younger than our tip, the transaction has not been mined, or the indexer is behind.",
        "Ask again after `Retry-After`, or with `wait=` up to 20 seconds. `GET /api/status` says how "
        "far behind we are, `GET /api/tx/{hash}` where the transaction is.",
    ),
    Entry(
        "events-gone",
        410,
        "Listening cannot go on from there",
        "The place in the sequence of events cannot be continued.",
        "Events are kept for seven days; or the database was set up anew, and never told that event.",
        "Read the state again, and listen after the place that `detail` names.",
        only=("listEvents", "streamEvents"),
    ),
    Entry(
        "cursor-orphaned",
        410,
        "The state that the cursor came from was taken back",
        "The page that gave this cursor was true at a block that is no longer on our branch. What stood "
        "before the cursor may be something else by now, so going on could repeat rows or leave some out.",
        "A reorg between two pages.",
        "Begin again at `links.start`: the same list, from its first page.",
    ),
    *PAST,
    Entry(
        "request-entity-too-large",
        413,
        "The body is too large",
        "The body is longer than this path takes; the rest of it was not read.",
        "Too many items in one request, or a file sent to a path that takes none.",
        "Send less in one request. Sign-in takes 16 kB, questions 64 kB, changes 256 kB, uploads 32 MB.",
    ),
    Entry(
        "unsupported-media-type",
        415,
        "The body is of a kind that this path does not take",
        "The body was not read, since it does not say that it is what this path takes.",
        "No `Content-Type`, another one than `application/json`, another charset than UTF-8, or a "
        "compressed body.",
        "Send `Content-Type: application/json`, the body in UTF-8, without `Content-Encoding`.",
    ),
    Entry(
        "too-much-history",
        422,
        "There is more than one answer is computed from",
        "The figures would have to be computed from more rows than one answer may read; none are told "
        "rather than wrong ones.",
        "A wallet with more than 50 000 assets, 100 000 mints, sales and transfers, or 200 000 price points; "
        "candles of more than 200 000 points.",
        "Walk the pages of `GET /api/users/{walletAddress}/assets` and `/transactions` and add up what you "
        "need; for a history, ask for a `to` further back; for candles, for a shorter period.",
        only=("showPortfolio", "listPortfolio", "listAssetPrices"),
    ),
    Entry(
        "too-many-requests",
        429,
        "Too many requests",
        "More was asked than the policy named in `RateLimit` allows; nothing was done.",
        "A loop without a pause, or many people behind one address. Refused requests do not count.",
        "Wait as many seconds as `Retry-After` says; before that happens, look at `r` (left) in "
        "`RateLimit`. Rather than asking again and again, use `wait=`, `If-None-Match` and larger "
        "pages. Whoever signs in has a budget of their own.",
    ),
    Entry(
        "internal-server-error",
        500,
        "Something went wrong on our side",
        "A fault of ours. Whether anything was changed is not known to you; reads never change anything.",
        "A defect, which our logs have under the `requestId`.",
        "Tell us the `requestId`. A read may be tried again at once.",
    ),
    Entry(
        "too-many-streams",
        503,
        "Every place for streams is taken",
        "Streams have places of their own, so that they never delay other requests.",
        "As many listeners are connected as the server has places for, or as one address may have.",
        "Ask again after `Retry-After`, or use `GET /api/events?wait=20`.",
        only=("streamEvents",),
    ),
    Entry(
        "nothing-indexed",
        503,
        "No block has been applied yet",
        "There is no state to answer from.",
        "The indexer has just been installed, or has not been started.",
        "Ask again after `Retry-After`; `GET /api/status` answers already.",
    ),
    Entry(
        "not-ready",
        503,
        "Not ready",
        "The process is up, but its answers would stand still.",
        "The indexer has halted: a reorg below finality, or contracts that changed against the rules.",
        "Nothing a caller can do. Operators find the reason in `detail` and the way out in the runbook.",
        only=("showReadiness",),
    ),
    Entry(
        "store-unreachable",
        503,
        "The store cannot be read at present",
        "The database did not answer in time.",
        "A restart, an election, or a network between us and the database that is down.",
        "Ask again after `Retry-After`, with growing pauses.",
    ),
)
CATALOGUE = {entry.code: entry for entry in (*_ENTRIES, *SIGN_IN, *CREDENTIALS, *UPLOADS)}


def html(*entries: Entry) -> str:
    """Entries as the body of a page."""
    return "".join(map(_article, entries))


def _article(entry: Entry) -> str:
    told = {"Meaning": entry.meaning, "Cause": entry.cause, "What to do": entry.remedy}
    rows = "".join(f"<tr><td>{name}</td><td>{_marked(text)}</td></tr>" for name, text in told.items())
    heading = f'<h2 id="{entry.code}"><a href="{entry.url}">{entry.code}</a> ({entry.status})</h2>'
    return f"{heading}<p>{escape(entry.title)}.</p><table>{rows}</table>"


def _marked(text: str) -> str:
    """Backquotes as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if odd % 2 else part for odd, part in enumerate(parts))
