"""The perimeter of the API, as the settings say."""

from __future__ import annotations

from typing import Literal

from api.auth.named import named_caller
from api.limiting.addresses import TrustedProxies
from api.limiting.gate import Gate
from api.limiting.quotas import Quota, Quotas
from api.limiting.windows import Counts, Windows
from api.perimeter import Perimeter
from config.perimeter_values import Quota as Setting
from config.settings import Settings
from store.connection import Connection
from store.rate_counts import MongoCounts, RedisCounts


def perimeter_of(settings: Settings, connection: Connection) -> Perimeter:
    """Limits that all processes share, through Redis where there is one, else through the database."""
    return Perimeter(
        gate=Gate(
            quotas=Quotas(
                auth=_quota(settings.rate_limit_auth),
                read=_quota(settings.rate_limit_read),
                write=_quota(settings.rate_limit_write),
            ),
            windows=Windows(counts_of(settings, connection)),
            proxies=TrustedProxies(settings.trusted_proxies, settings.proxy_header),
            identify=named_caller,
        ),
        origins=settings.cors_origins or (),
        https_only=settings.production,
        logs_access=settings.access_log == "on",
    )


def counts_of(settings: Settings, connection: Connection) -> Counts:
    """Where rate counts are shared; nothing is opened before the first of them."""
    if settings.redis_url is not None:
        return RedisCounts(settings.redis_url)
    return MongoCounts(connection.database)


def _quota(setting: Setting | Literal["off"]) -> Quota | None:
    return None if setting == "off" else Quota(setting.amount, setting.seconds)
