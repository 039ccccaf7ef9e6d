"""What a request asks for and who says so, as WSGI tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def url_of(environ: Mapping[str, Any]) -> str:
    """Path and query, byte by byte."""
    return f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"


def is_anonymous(environ: Mapping[str, Any]) -> bool:
    """Does nobody say who they are?"""
    return "HTTP_AUTHORIZATION" not in environ and "HTTP_X_API_KEY" not in environ
