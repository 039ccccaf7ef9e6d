"""The OpenAPI document of an application, as flask-smorest gathers it and we complete it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import orjson
from flask import Response
from flask_smorest import Api  # type: ignore[import-untyped]
from marshmallow import fields

from api import problems
from api.description import described
from api.schemas.shapes import Either, ProblemBody


class Specification(Api):  # type: ignore[misc]
    """The OpenAPI document; errors are answered by `problems`, and shown as what they are."""

    ERROR_SCHEMA = ProblemBody
    DEFAULT_ERROR_RESPONSE_NAME = None

    @cached_property
    def document(self) -> dict[str, Any]:
        """Made when it is first asked for: then every blueprint is registered."""
        return described(orjson.loads(orjson.dumps(self.spec.to_dict(), option=orjson.OPT_NON_STR_KEYS)))

    def _openapi_json(self) -> Response:
        return Response(orjson.dumps(self.document), mimetype="application/json")

    def _init_spec(self, **options: Any) -> None:
        super()._init_spec(**options)
        self.ma_plugin.converter.add_attribute_function(either)

    def _register_error_handlers(self) -> None:
        problems.register(self._app)

    def _register_responses(self) -> None:
        self.DEFAULT_RESPONSE_CONTENT_TYPE = problems.PROBLEM_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE


def either(converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """How apispec shows a field that may have several shapes."""
    if not isinstance(field, Either):
        return {}
    return {"anyOf": [converter.resolve_nested_schema(shape) for shape in field.shapes]}
