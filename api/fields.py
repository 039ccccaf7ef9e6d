"""Strict fields of requests: each value has one spelling, and OpenAPI shows what it may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from eth_utils.address import to_checksum_address
from marshmallow import RAISE, Schema, fields, validate, validates_schema
from marshmallow.exceptions import ValidationError
from webargs.fields import DelimitedList

from api.nearest import nearest

INT64_MAX = 2**63 - 1
WALLET = r"^0[xX][0-9a-fA-F]{40}$"
HASH = r"^0x[0-9a-fA-F]{64}$"
WORD = r"^[^,]{1,200}$"
ETHER = r"^[0-9]{1,60}(\.[0-9]{1,18})?$"
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
WEI_DIGITS = 18
MAX_WORDS = 100


class Spelled(validate.Regexp):
    """The whole value matches; `$` alone would let a newline follow."""

    def __call__(self, value: Any) -> Any:
        if not self.regex.fullmatch(value):
            raise ValidationError(self._format_error(value))
        return value


class WholeNumber(fields.Integer):
    """Decimal digits and nothing else."""

    def __init__(self, low: int, high: int, advice: str = "", **kwargs: Any) -> None:
        error = f"must be a whole number from {low} to {high}{advice}"
        super().__init__(
            validate=validate.Range(low, high, error=error), error_messages={"invalid": error}, **kwargs
        )

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,30}", value):
            return int(value)
        if type(value) is int:
            return value
        raise self.make_error("invalid")


class JsonNumber(WholeNumber):
    """A number in a JSON body, where "5" is a string."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if isinstance(value, str):
            raise self.make_error("invalid")
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        return super()._deserialize(whole, *args, **kwargs)


class Flag(fields.Boolean):
    """true or false."""

    def __init__(self, **kwargs: Any) -> None:
        messages: dict[str, Any] = {"invalid": "must be true or false"}
        super().__init__(truthy={"true"}, falsy={"false"}, error_messages=messages, **kwargs)


class OneOf(fields.String):
    """One of some words."""

    def __init__(self, *words: str, **kwargs: Any) -> None:
        super().__init__(validate=Known(words, error=f"must be one of {', '.join(words)}"), **kwargs)


class Known(validate.OneOf):
    """Refuses other words, and names the one that was probably meant."""

    def _format_error(self, value: Any) -> str:
        near = nearest(value, map(str, self.choices)) if isinstance(value, str) else None
        return super()._format_error(value) + (f"; did you mean {near}?" if near else "")


class Words(DelimitedList):
    """Words with commas between, any of which will do."""

    def __init__(self, word: fields.String, **kwargs: Any) -> None:
        super().__init__(word, validate=validate.Length(1, MAX_WORDS, error="must name something"), **kwargs)


class Word(fields.String):
    """Any text without a comma, which separates words."""

    def __init__(self, **kwargs: Any) -> None:
        error = "must be texts of at most 200 characters with commas between"
        super().__init__(validate=Spelled(WORD, error=error), **kwargs)


class Ether(fields.String):
    """A decimal amount of ether; loads as exact wei."""

    def __init__(self, **kwargs: Any) -> None:
        error = "must be an amount of ether such as 12.5, with at most 18 decimals"
        super().__init__(validate=Spelled(ETHER, error=error), **kwargs)

    def deserialize(self, value: Any, attr: Any = None, data: Any = None, **kwargs: Any) -> Any:
        text = super().deserialize(value, attr, data, **kwargs)
        if not isinstance(text, str):
            return text
        whole, _, decimals = text.partition(".")
        return int(whole + decimals.ljust(WEI_DIGITS, "0"))


class Wallet(fields.String):
    """An address in any letter case; loads as EIP-55."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=Spelled(WALLET, error=NOT_A_WALLET), **kwargs)

    def deserialize(self, value: Any, attr: Any = None, data: Any = None, **kwargs: Any) -> Any:
        text = super().deserialize(value, attr, data, **kwargs)
        return checksummed(text) if isinstance(text, str) else text


NOT_A_WALLET = "must be an address: 0x and 40 hexadecimal digits"


def checksummed(address: str) -> str:
    """The EIP-55 form; a mixed-case address must already be in it."""
    right = str(to_checksum_address(address))
    if address[2:] in (right[2:], right[2:].lower(), right[2:].upper()):
        return right
    raise ValidationError(f"has a wrong checksum; if the digits are right, it is {right}")


class Hash(fields.String):
    """A transaction hash; loads in lower case."""

    def __init__(self, **kwargs: Any) -> None:
        error = "must be a hash: 0x and 64 hexadecimal digits"
        super().__init__(validate=Spelled(HASH, error=error), **kwargs)

    def deserialize(self, value: Any, attr: Any = None, data: Any = None, **kwargs: Any) -> Any:
        text = super().deserialize(value, attr, data, **kwargs)
        return text.lower() if isinstance(text, str) else text


class Moment(fields.AwareDateTime):
    """An RFC 3339 date-time; loads as aware UTC."""

    def __init__(self, **kwargs: Any) -> None:
        wanted = "must be a time such as 2026-01-31T12:00:00Z (+ is %2B in a URL)"
        super().__init__(error_messages={"invalid": wanted}, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime:
        if not isinstance(value, str) or not MOMENT.fullmatch(value):
            raise self.make_error("invalid", input=value)
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.make_error("invalid", input=value) from error


class Strict(Schema):
    """snake_case in Python, camelCase outside; what is unknown is refused."""

    class Meta:
        unknown = RAISE

    RANGES: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Names of a lower and an upper bound: the one must not be above the other."""

    @validates_schema
    def check_ranges(self, data: Mapping[str, Any], **_: Any) -> None:
        """Whoever swaps two bounds is told so, and not that there is nothing between."""
        for low, high in self.RANGES:
            if low in data and high in data and data[low] > data[high]:
                compared = "later than" if isinstance(data[low], datetime) else "above"
                raise ValidationError(
                    f"must not be {compared} {self.fields[high].data_key}", str(self.fields[low].data_key)
                )

    error_messages = {"type": "must be a JSON object"}  # noqa: RUF012 - marshmallow declares it so

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.data_key = camel_case(field_obj.data_key or field_name)
        field_obj.error_messages |= {"required": "is missing", "null": "must not be null"}
        if isinstance(field_obj, fields.List):
            field_obj.error_messages["invalid"] = "must be a list"


def camel_case(name: str) -> str:
    """snake_case as camelCase."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
