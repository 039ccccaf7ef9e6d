"""The API as a WSGI callable, for granian or any other server: `dvault.wsgi:make` makes it."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from multiprocessing.connection import wait
from typing import Any

from api import make_app
from api.services import SystemClock
from api.signin import preload
from api.viewing import Views
from chain.wallets import AskedWallets
from config.logging import configure_logging
from config.secret import signing_key
from config.settings import load_settings
from dvault.answers import answers_of, program
from dvault.commands.serving import STREAMS, THREADS
from dvault.database import store_of
from dvault.past import history_of
from dvault.pending import AskedNode
from dvault.perimeter import perimeter_of
from dvault.profiles import keeping_of
from dvault.signing_in import auth_of
from dvault.worker_metrics import metrics_folder
from store.reading import Reading
from store.view_counts import ViewCounts


def make() -> Any:
    """Connect as the settings say; the connection lives as long as the process.

    No node is asked before somebody wants to know of a transaction that we do not have.
    """
    _end_with_parent()
    preload()
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, gathered=True)
    opened = store_of(settings)
    connection = opened.__enter__()
    secret_key = signing_key(settings)
    app = make_app(
        Reading(connection.database, program=program()),
        secret_key=secret_key,
        auth=auth_of(settings, connection, AskedWallets(settings.rpc_urls, settings.chain_id)),
        keep=keeping_of(settings, connection),
        pending=AskedNode(settings.rpc_urls),
        max_waiters=THREADS // 2,
        perimeter=perimeter_of(settings, connection),
        metrics_folder=metrics_folder(),
        max_streams=STREAMS,
        history=history_of(settings),
        answers=answers_of(settings, secret_key),
        views=Views(ViewCounts(connection.database), SystemClock()),
    )
    app.extensions["store"] = opened
    _leave_alone_what_stays()
    return app


def _leave_alone_what_stays() -> None:
    """Looking again and again for garbage among what was loaded for good stops all threads for 0.1 s."""
    gc.collect()
    gc.freeze()


def _end_with_parent() -> None:
    """A worker whose server was killed must not go on and hold the port."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
