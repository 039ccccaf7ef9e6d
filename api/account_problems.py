"""What callers are told when an account, or a key of one, cannot be changed or used as they ask.

Problem
├── AccountSuspended  403  the account is suspended
├── LastAdministrator 409  the change would leave nobody to administer
├── KeyLimit          409  the user has as many API keys as one may have
└── KeyConflict       409  the API key was replaced already, or is over
"""

from __future__ import annotations

from flask import Flask, Response

from api.problems import Problem, respond
from store.errors import KeyEnded, LastAdmin, StoreError, Suspended, TooManyKeys


class AccountSuspended(Problem):
    status, code = 403, "account-suspended"


class LastAdministrator(Problem):
    status, code = 409, "last-admin"


class KeyLimit(Problem):
    status, code = 409, "too-many-keys"


class KeyConflict(Problem):
    status, code = 409, "key-ended"


OF_ERRORS: dict[type[StoreError], type[Problem]] = {
    Suspended: AccountSuspended,
    LastAdmin: LastAdministrator,
    TooManyKeys: KeyLimit,
    KeyEnded: KeyConflict,
}


def install(app: Flask) -> None:
    """Answer what the store says of accounts as problems."""
    for error in OF_ERRORS:
        app.register_error_handler(error, _answer)


def _answer(error: StoreError) -> Response:
    problem = OF_ERRORS[type(error)]
    return respond(problem.status, problem.code, str(error))
