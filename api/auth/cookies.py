"""The refresh cookie: set, believed only on our own pages' behalf, taken back."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from flask import Response, request
from flask_jwt_extended import set_refresh_cookies, unset_refresh_cookies

from api.auth.sessions import SignedIn, now
from api.auth.tokens import COOKIE, Claims, read_token
from api.problems import CrossSite, Unauthenticated, Unsupported
from api.services import services

CSRF_COOKIE, CSRF_HEADER = "csrf_refresh_token", "X-CSRF-TOKEN"
OWN_SITE = ("same-origin", "none")
NO_TOKENS = ("", "undefined", "null")
"""What a browser program makes of a token it does not have."""


def keep(response: Response, signed_in: SignedIn) -> None:
    """Give the browser the refresh token, where no script can read it; it goes with the session."""
    seconds = int((signed_in.session["expiresAt"] - now()).total_seconds())
    set_refresh_cookies(response, signed_in.refresh_token, max_age=seconds)
    if signed_in.session["csrf"]:
        claims = read_token(signed_in.refresh_token, "refresh")
        response.set_cookie(
            CSRF_COOKIE, claims.csrf or "", max_age=seconds, secure=True, httponly=False, samesite="Strict"
        )


def forget(response: Response) -> None:
    """Take the cookies back."""
    unset_refresh_cookies(response)
    if CSRF_COOKIE in request.cookies:
        response.delete_cookie(CSRF_COOKIE, secure=True, samesite="Strict")


def presented_token(in_body: Callable[[], object]) -> tuple[str, Claims]:
    """The refresh token of a request, read: the cookie's if there is one, else the body's.

    Raises Unauthenticated, CrossSite, Unsupported.
    """
    cookie = request.cookies.get(COOKIE)
    if cookie:
        check_own_page()
        claims = read_token(cookie, "refresh")
        _check_double_submit(claims)
        return cookie, claims
    token = in_body()
    if not isinstance(token, str) or token in NO_TOKENS:
        raise Unauthenticated("there is no refresh token, neither as cookie nor as refreshToken in the body")
    return token, read_token(token, "refresh")


def check_own_page() -> None:
    """Refuse what a page of another site may have made a browser send. Raises CrossSite, Unsupported.

    Browsers say where a request comes from, in Origin or Sec-Fetch-Site; programs need not.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None and not services().auth.terms.accepts_origin(origin):
        raise CrossSite(f"pages of {origin[:100]} may not use this cookie")
    if origin is None and site is not None and site not in OWN_SITE:
        raise CrossSite("pages of another site may not use this cookie")
    if not request.is_json:
        raise Unsupported("with a cookie, the request must have Content-Type: application/json")


def _check_double_submit(claims: Claims) -> None:
    given = request.headers.get(CSRF_HEADER, "")
    if claims.csrf is not None and not hmac.compare_digest(given.encode(), claims.csrf.encode()):
        raise CrossSite(f"this session wants double submit: send {CSRF_HEADER}, the value of {CSRF_COOKIE}")
