"""The kinds of value a setting can have: how each is read, and what is expected in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from eth_utils.address import to_checksum_address
from pydantic import AfterValidator, BeforeValidator, Field

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_DATABASE = re.compile(r"[A-Za-z0-9_-]{1,63}")
_DOMAIN = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])(:([0-9]{1,5}|\*))?")
_SECRET_KEY_MIN_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Expects:
    """What to write instead of a refused value; ends the sentence 'Give …'."""

    words: str


def _address(given: str) -> str:
    if not _ADDRESS.fullmatch(given):
        raise ValueError("this is not an address")
    digits, right = given[2:], to_checksum_address(given.lower())
    if int(digits, 16) == 0:
        raise ValueError("this is the zero address; no contract can be there")
    if digits not in (digits.lower(), digits.upper()) and "0x" + digits != right:
        raise ValueError(
            f"the checksum of this address is wrong, so a digit may be mistyped; the right form is {right}"
        )
    return right


def _urls(given: str) -> tuple[str, ...]:
    urls = tuple(part.strip() for part in given.split(",") if part.strip())
    if not urls:
        raise ValueError("there is no URL in it")
    if len(set(urls)) < len(urls):
        raise ValueError("a URL is listed twice")
    for position, url in enumerate(urls, start=1):
        _check_url(url, position)
    return urls


def _check_url(url: str, position: int) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"URL {position} begins with neither http:// nor https://")
    if not parts.hostname or (parts.port or 1) < 1:
        raise ValueError(f"URL {position} names no host")


def _url(given: str) -> str:
    _check_url(given, 1)
    if urlsplit(given).query or urlsplit(given).fragment:
        raise ValueError("there is a `?` or a `#` in it")
    return given.rstrip("/")


def _matching(pattern: str, wrong: str) -> AfterValidator:
    def check(given: str) -> str:
        if not re.fullmatch(pattern, given):
            raise ValueError(wrong)
        return given

    return AfterValidator(check)


def _mongodb_uri(given: str) -> str:
    if not re.match(r"mongodb(\+srv)?://[^/\s]+", given):
        raise ValueError("this is not a MongoDB connection string")
    return given


def _database(given: str) -> str:
    if not _DATABASE.fullmatch(given):
        raise ValueError("MongoDB takes no such database name")
    return given


def _secret(given: str) -> str:
    if len(given) < _SECRET_KEY_MIN_CHARACTERS:
        raise ValueError(f"{len(given)} characters are too few to be a secret")
    return given


def _secrets(given: str) -> tuple[str, ...]:
    keys = _parts(given)
    if len(set(keys)) < len(keys):
        raise ValueError("a key is listed twice")
    return tuple(map(_secret, keys))


def _domains(given: str) -> tuple[str, ...]:
    domains = _parts(given)
    for domain in domains:
        if not _DOMAIN.fullmatch(domain):
            raise ValueError(f"{domain!r} is not a domain")
    return domains


def _uris(given: str) -> tuple[str, ...]:
    uris = _parts(given)
    for uri in uris:
        _check_url(uri, uris.index(uri) + 1)
    return uris


def _chain_ids(given: str) -> frozenset[int]:
    numbers = _parts(given)
    if not all(re.fullmatch(r"[1-9][0-9]{0,17}", number) for number in numbers):
        raise ValueError("one of them is not a chain id")
    return frozenset(map(int, numbers))


def _parts(given: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in given.split(",") if part.strip())
    if not parts:
        raise ValueError("there is nothing in it")
    return parts


def _finality(given: str) -> Literal["tag"] | int:
    if given.lower() == "tag":
        return "tag"
    if not re.fullmatch(r"[1-9][0-9]{0,8}", given):
        raise ValueError("this is neither `tag` nor a number of confirmations")
    return int(given)


def _start_block(given: str) -> Literal["auto"] | int:
    if given.lower() == "auto":
        return "auto"
    if not re.fullmatch(r"[0-9]{1,18}", given):
        raise ValueError("this is neither `auto` nor a block number")
    return int(given)


def _host(given: str) -> str:
    if not given or "/" in given or any(map(str.isspace, given)):
        raise ValueError("this is not a host name or an address")
    return given


Address = Annotated[
    str, AfterValidator(_address), Expects("0x and 40 hexadecimal digits, in lower case or as EIP-55")
]
Urls = Annotated[
    tuple[str, ...], BeforeValidator(_urls), Expects("one or more http(s) URLs with commas between them")
]
Url = Annotated[str, AfterValidator(_url), Expects("an http(s) URL")]
BucketName = Annotated[
    str,
    _matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "S3 takes no such bucket name"),
    Expects("3 to 63 lower-case letters, digits, dots or hyphens"),
]
Region = Annotated[
    str, _matching(r"[a-z0-9-]{2,40}", "this is not a region"), Expects("a region such as eu-central-1")
]
KmsKey = Annotated[
    str,
    _matching(
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key|alias)/[\w/-]+", "this is not the ARN of a KMS key"
    ),
    Expects("an ARN such as arn:aws:kms:eu-central-1:123456789012:key/…"),
]
HostAndPort = Annotated[
    str,
    _matching(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d{1,5})?", "this is not a host"),
    Expects("a host name with a dot in it, and a port if it is not 443"),
]
MongodbUri = Annotated[
    str, AfterValidator(_mongodb_uri), Expects("mongodb://host:port/?replicaSet=name or mongodb+srv://host/")
]
DatabaseName = Annotated[
    str, AfterValidator(_database), Expects("1 to 63 letters, digits, underscores or hyphens")
]
SecretKey = Annotated[
    str, AfterValidator(_secret), Expects(f"at least {_SECRET_KEY_MIN_CHARACTERS} random characters")
]
SecretKeys = Annotated[
    tuple[str, ...],
    BeforeValidator(_secrets),
    Expects(f"one or more keys of at least {_SECRET_KEY_MIN_CHARACTERS} random characters, the newest first"),
]
Domains = Annotated[
    tuple[str, ...],
    BeforeValidator(_domains),
    Expects("host names with their port where it is not the usual one, such as app.example,localhost:3000"),
]
Uris = Annotated[
    tuple[str, ...], BeforeValidator(_uris), Expects("one or more http(s) URIs with commas between them")
]
ChainIds = Annotated[
    frozenset[int], BeforeValidator(_chain_ids), Expects("one or more chain ids with commas between them")
]
Finality = Annotated[
    Literal["tag"] | int, BeforeValidator(_finality), Expects("`tag` or a number of confirmations, 1 or more")
]
StartBlock = Annotated[
    Literal["auto"] | int, BeforeValidator(_start_block), Expects("`auto` or a block number, 0 or more")
]
Host = Annotated[str, AfterValidator(_host), Expects("a host name or an IP address to listen at")]
Port = Annotated[int, Field(ge=0, le=65535), Expects("a whole number from 0 (any free port) to 65535")]
Count = Annotated[int, Field(ge=1), Expects("a whole number, 1 or more")]
Seconds = Annotated[
    float, Field(gt=0, le=3600, allow_inf_nan=False), Expects("a number of seconds above 0, 3600 at most")
]
Lifetime = Annotated[
    int, Field(ge=1, le=315_360_000), Expects("a whole number of seconds, from 1 to ten years")
]
LeaseSeconds = Annotated[
    float, Field(ge=1, le=600, allow_inf_nan=False), Expects("a number of seconds from 1 to 600")
]
File = Annotated[Path, Expects("the path of a file")]
Folder = Annotated[Path, Expects("the path of a folder that may be written")]
Lower = BeforeValidator(lambda given: given.lower() if isinstance(given, str) else given)
Upper = BeforeValidator(lambda given: given.upper() if isinstance(given, str) else given)
Deployment = Annotated[
    Literal["development", "staging", "production", "test"],
    Lower,
    Expects("development, staging, production or test"),
]
Enrichment = Annotated[Literal["full", "none"], Lower, Expects("full or none")]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"], Upper, Expects("DEBUG, INFO, WARNING or ERROR")
]
LogFormat = Annotated[Literal["text", "json"], Lower, Expects("text or json")]
Switch = Annotated[Literal["on", "off"], Lower, Expects("on or off")]
