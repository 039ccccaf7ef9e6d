"""What the API keeps for people, as the settings say; apart from the rest, since commands need no Flask."""

from __future__ import annotations

from api.keeping import Keeping
from config.settings import Settings
from dvault.keeping import links_of, objects_of, secrets_of
from store.avatars import Avatars
from store.connection import Connection
from store.profiles import Profiles


def keeping_of(settings: Settings, connection: Connection) -> Keeping:
    """What the API keeps for people."""
    objects, profiles = objects_of(settings), Profiles(connection.database)
    return Keeping(
        objects,
        links_of(settings),
        secrets_of(settings, connection),
        profiles,
        Avatars(profiles, objects),
        settings.public_url,
    )
