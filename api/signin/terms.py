"""What a message must say to sign in here: our domain, our URI, a chain we take, and a time that is now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from api.signin.message import Message
from api.signin.refusals import Refused

SKEW = timedelta(minutes=5)
"""How far a caller's clock may be ahead of ours."""
ANY_PORT = ":*"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is accepted. Domains are authorities such as `app.example:8443`, or `localhost:*` for any port.

    `uris`: exact ones, or None for any of the message's own domain by https (http where that is loopback).
    `scheme`: what a message that names one must name; None for that of its URI.
    `max_age`: since issued-at; None accepts any, past or to come.
    """

    domains: tuple[str, ...]
    uris: tuple[str, ...] | None
    chain_ids: frozenset[int]
    max_age: timedelta | None
    scheme: str | None = None

    def accepts_domain(self, domain: str) -> bool:
        return any(_same_authority(domain, ours) for ours in self.domains)

    def accepts_origin(self, origin: str) -> bool:
        """May a browser on that page (its Origin header) use our cookies?"""
        scheme, separator, authority = origin.partition("://")
        if not separator:
            return False
        if self.accepts_domain(authority) and (scheme == "https" or _is_loopback(authority)):
            return scheme in ("http", "https")
        return any(uri == origin or uri.startswith(f"{origin}/") for uri in self.uris or ())


def check_terms(message: Message, terms: Terms, now: datetime) -> None:
    """Raise Refused where a message says anything else than it must, except for its nonce."""
    if not terms.accepts_domain(message.domain):
        raise Refused("domain-mismatch", f"the message is for {message.domain}, which is not this service")
    _check_uri(message, terms)
    scheme = terms.scheme or message.uri.partition(":")[0]
    if message.scheme not in (None, scheme):
        raise Refused("scheme-mismatch", f"the message is for {message.scheme}://, expected {scheme}://")
    if message.chain_id not in terms.chain_ids:
        known = ", ".join(map(str, sorted(terms.chain_ids)))
        raise Refused("chain-mismatch", f"chain {message.chain_id} is not accepted; accepted: {known}")
    _check_time(message, terms.max_age, now)


def _check_uri(message: Message, terms: Terms) -> None:
    if terms.uris is not None:
        accepted = message.uri in terms.uris
    else:
        accepted = _belongs_to(message.uri, message.domain)
    if not accepted:
        raise Refused("uri-mismatch", f"the message is about {message.uri}, which is not this service")


def _check_time(message: Message, max_age: timedelta | None, now: datetime) -> None:
    if max_age is not None and message.issued_at - now > SKEW:
        raise Refused("issued-in-future", f"issued at {message.issued_at}, it is {now}: check the clock")
    if max_age is not None and now - message.issued_at > max_age:
        raise Refused("issued-too-long-ago", f"issued more than {max_age} ago: sign again, with a new nonce")
    if message.not_before is not None and now < message.not_before:
        raise Refused("not-yet-valid", f"the message is valid from {message.not_before} on")
    if message.expires_at is not None and now >= message.expires_at:
        raise Refused("message-expired", f"the message expired at {message.expires_at}")


def _same_authority(given: str, ours: str) -> bool:
    if not ours.endswith(ANY_PORT):
        return given == ours
    host = ours.removesuffix(ANY_PORT)
    return re.fullmatch(re.escape(host) + r"(?::[0-9]{1,5})?", given) is not None


def _belongs_to(uri: str, domain: str) -> bool:
    parts = urlsplit(uri)
    return parts.netloc == domain and (
        parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(domain))
    )


def _is_loopback(authority: str) -> bool:
    host = re.sub(r":[0-9]*$", "", authority).strip("[]")
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
