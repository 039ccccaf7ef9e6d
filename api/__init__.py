"""Serves the store over HTTP."""

from api.app import make_app
from api.services import Clock, PendingTransactions, Whereabouts

__all__ = ["Clock", "PendingTransactions", "Whereabouts", "make_app"]
