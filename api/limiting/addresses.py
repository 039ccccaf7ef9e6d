"""Where a request comes from: the nearest address that no proxy of ours vouches for is not believed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Literal

ProxyHeader = Literal["X-Forwarded-For", "Forwarded"]

UNKNOWN = "unknown"
"""A peer without an address, such as a Unix socket."""
SUBSCRIBER_PREFIX = 64
"""Every IPv6 subscriber has at least such a network, and may take any address in it."""
MAX_HOPS_CHARACTERS = 2000
FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^;,\s"]*)', re.IGNORECASE)
WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|([0-9.]+):\d+")


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """How many proxies stand before us, and the header in which each appends who spoke to it."""

    count: int = 0
    header: ProxyHeader = "X-Forwarded-For"

    def client(self, environ: Mapping[str, object]) -> str:
        """The client's address as text, `unknown` where there is none.

        Read from the right: as many entries as there are proxies were written by them, and whatever stands
        further left was written by the client. A header with fewer entries did not come through all of them:
        then nobody but the peer itself is believed.
        """
        peer = canonical(str(environ.get("REMOTE_ADDR") or "")) or UNKNOWN
        if not self.count:
            return peer
        name = "HTTP_" + self.header.upper().replace("-", "_")
        hops = str(environ.get(name, ""))[-MAX_HOPS_CHARACTERS:].split(",")
        if len(hops) < self.count:
            return peer
        return canonical(self._told(hops[-self.count])) or peer

    def _told(self, hop: str) -> str:
        if self.header == "X-Forwarded-For":
            return hop.strip()
        found = FOR.search(hop)
        return found[1].strip('"') if found else ""


@lru_cache(maxsize=4096)
def canonical(text: str) -> str | None:
    """One spelling for each address, IPv4 where it was mapped into IPv6; None for anything else."""
    found = WITH_PORT.fullmatch(text)
    plain = (found[1] or found[2]) if found else text
    try:
        address = ip_address(plain.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


@lru_cache(maxsize=4096)
def subscriber(address: str) -> str:
    """Whom the address stands for: itself, or its /64 where it is IPv6."""
    if ":" not in address:
        return address
    return str(IPv6Network((address, SUBSCRIBER_PREFIX), strict=False))
