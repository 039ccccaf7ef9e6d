"""Everything an operator decides, read once, checked whole, passed down as values.

The environment beats `.env`, which beats what `networks.toml` knows of the chosen network, which beats the
defaults below. Each field is the environment variable of the same name in capitals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config import perimeter_values, values
from config.networks import known_networks
from config.problems import Problem, SettingsError
from config.variables import env_file_variables, environment, unknown_variables

ENV_FILE = Path(".env")
_ADDRESSES = ("RWA_ASSET_ADDRESS", "PRICING_AGENT_ADDRESS", "MARKETPLACE_ADDRESS")


class Settings(BaseSettings):
    """One consistent configuration; immutable. Use `load_settings` to get one."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    dvault_env: values.Deployment = "development"
    network: str = "local"
    rpc_urls: values.Urls = Field(repr=False)
    chain_id: values.Count
    rwa_asset_address: values.Address
    pricing_agent_address: values.Address
    marketplace_address: values.Address
    start_block: values.StartBlock = "auto"
    finality: values.Finality = "tag"
    max_reorg_depth: values.Count = 128
    log_range_max: values.Count = 1000
    enrichment: values.Enrichment = "full"
    poll_interval_seconds: values.Seconds = 0.5
    lease_seconds: values.LeaseSeconds = 10.0
    mongodb_uri: values.MongodbUri | None = Field(default=None, repr=False)
    mongodb_database: values.DatabaseName = "dynamicvault"
    data_dir: values.Folder = Path(".dvault")
    host: values.Host = "127.0.0.1"
    port: values.Port = 8080
    api_workers: values.Count = 1
    secret_key: values.SecretKey | None = Field(default=None, repr=False)
    cors_origins: perimeter_values.Origins | None = None
    trusted_proxies: perimeter_values.ProxyCount = 0
    proxy_header: perimeter_values.ProxyHeader = "X-Forwarded-For"
    rate_limit_auth: perimeter_values.RateLimit = perimeter_values.Quota(30, 60)
    rate_limit_read: perimeter_values.RateLimit = perimeter_values.Quota(3000, 60)
    rate_limit_write: perimeter_values.RateLimit = perimeter_values.Quota(120, 60)
    redis_url: perimeter_values.RedisUrl | None = Field(default=None, repr=False)
    response_cache: perimeter_values.CacheSize = 64
    access_log: values.Switch = "on"
    jwt_keys: values.SecretKeys | None = Field(default=None, repr=False)
    api_key_peppers: values.SecretKeys | None = Field(default=None, repr=False)
    siwe_domains: values.Domains | None = None
    siwe_uris: values.Uris | None = None
    siwe_chain_ids: values.ChainIds | None = None
    siwe_max_age: values.Lifetime = 600
    access_token_seconds: values.Lifetime = 900
    session_idle_seconds: values.Lifetime = 604800
    session_max_seconds: values.Lifetime = 2592000
    public_url: values.Url | None = None
    s3_bucket: values.BucketName | None = None
    s3_endpoint: values.Url | None = None
    s3_region: values.Region = "us-east-1"
    aws_access_key_id: str | None = Field(default=None, repr=False)
    aws_secret_access_key: str | None = Field(default=None, repr=False)
    aws_session_token: str | None = Field(default=None, repr=False)
    master_key_file: values.File | None = None
    kms_key_arn: values.KmsKey | None = None
    kms_endpoint: values.HostAndPort | None = None
    log_level: values.LogLevel = "INFO"
    log_format: values.LogFormat = "text"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`load_settings` alone decides what is read, so that nothing else can."""
        return (init_settings,)

    @property
    def production(self) -> bool:
        return self.dvault_env == "production"

    def cautions(self) -> tuple[str, ...]:
        """What is allowed and still unwise, as sentences for an operator."""
        return tuple(_cautions(self)) if self.production else ()


def _cautions(settings: Settings) -> Iterator[str]:
    plain = [url for url in settings.rpc_urls if urlsplit(url).scheme == "http"]
    if plain:
        yield f"{len(plain)} of RPC_URLS use http: whoever sits between can rewrite the chain; use https."
    if settings.s3_bucket is None:
        yield "S3_BUCKET is not set: uploads stay on this machine, where no other API process finds them."
    if settings.s3_endpoint is not None and urlsplit(settings.s3_endpoint).scheme == "http":
        yield "S3_ENDPOINT uses http: whoever sits between can read and change uploads; use https."
    if settings.trusted_proxies and settings.proxy_header == "X-Forwarded-For":
        yield (
            "TRUSTED_PROXIES believes X-Forwarded-For: the proxy must drop a client's X_Forwarded_For, "
            "which a WSGI server takes for the same (nginx does so); else use PROXY_HEADER=Forwarded."
        )


SETTING_NAMES = tuple(name.upper() for name in Settings.model_fields)


def load_settings(
    environ: Mapping[str, str] | None = None,
    env_file: Path | None = ENV_FILE,
    overrides: Mapping[str, str] | None = None,
) -> Settings:
    """Read, complete and check the settings.

    `environ` stands for the process environment, `overrides` (environment name → value) are what a command
    line was given and beat everything. Raises SettingsError listing every problem at once.
    """
    process = environment() if environ is None else environ
    in_file = env_file_variables(env_file)
    problems = list(unknown_variables(process, in_file, SETTING_NAMES))
    given = _of_ours(in_file) | _of_ours(process) | _of_ours(overrides or {})
    settings, refused = _build(given)
    problems += refused
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


def _of_ours(variables: Mapping[str, str]) -> dict[str, str]:
    """Our settings among the variables; an empty one counts as not set."""
    return {name: variables[name].strip() for name in SETTING_NAMES if variables.get(name, "").strip()}


def _build(given: Mapping[str, str]) -> tuple[Settings | None, list[Problem]]:
    networks = known_networks()
    network = given.get("NETWORK", "local").lower()
    if network not in networks:
        remedy = f"Give one of {', '.join(sorted(networks))}; `custom` expects everything else to be set"
        return None, [Problem("NETWORK", given["NETWORK"], "no such network is known", remedy)]
    complete = {**networks[network], **given, "NETWORK": network}
    problems = list(_other_chain(networks[network], given, network))
    try:
        settings = Settings(**{name.lower(): value for name, value in complete.items()})  # type: ignore[arg-type]
    except ValidationError as refused:
        return None, problems + [_refusal(error, complete, network) for error in refused.errors()]
    return settings, problems + list(_contradictions(settings, given))


def _refusal(error: ErrorDetails, complete: Mapping[str, str], network: str) -> Problem:
    field = str(error["loc"][0])
    name = field.upper()
    remedy = f"Give {_expected(field)}"
    if error["type"] == "missing":
        return Problem(name, None, f"not set, and the network {network} does not know it", remedy)
    return Problem(name, complete[name], error["msg"].removeprefix("Value error, "), remedy)


def _expected(field: str) -> str:
    """The words of the field's `Expects`, which pydantic keeps in different places for optional fields."""
    info = Settings.model_fields[field]
    candidates = [*info.metadata, *getattr(info.annotation, "__metadata__", ())]
    for member in getattr(info.annotation, "__args__", ()):
        candidates += getattr(member, "__metadata__", ())
    return next((one.words for one in candidates if isinstance(one, values.Expects)), "another value")


def _other_chain(known: Mapping[str, str], given: Mapping[str, str], network: str) -> Iterator[Problem]:
    chain_id, known_id = given.get("CHAIN_ID"), known.get("CHAIN_ID")
    if chain_id and known_id and chain_id.isdecimal() and int(chain_id) != int(known_id):
        wrong = f"the network {network} is chain {known_id}"
        remedy = "Remove CHAIN_ID, or set NETWORK=custom and the three addresses of your deployment"
        yield Problem("CHAIN_ID", chain_id, wrong, remedy)


def _contradictions(settings: Settings, given: Mapping[str, str]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name in _ADDRESSES:
        address = getattr(settings, name.lower())
        if address in seen:
            yield Problem(name, address, f"{seen[address]} is the same address", "Give each contract its own")
        seen.setdefault(address, name)
    yield from _halves(settings)
    if settings.production:
        yield from _missing_in_production(settings, given)


def _halves(settings: Settings) -> Iterator[Problem]:
    """Settings that mean nothing without another one."""
    pairs = (
        ("s3_endpoint", "s3_bucket"),
        ("kms_endpoint", "kms_key_arn"),
        ("aws_access_key_id", "aws_secret_access_key"),
        ("aws_secret_access_key", "aws_access_key_id"),
        ("aws_session_token", "aws_access_key_id"),
    )
    for given, needed in pairs:
        if getattr(settings, given) is not None and getattr(settings, needed) is None:
            yield Problem(
                needed.upper(), None, f"not set, although {given.upper()} is", "Set both, or neither"
            )


def _missing_in_production(settings: Settings, given: Mapping[str, str]) -> Iterator[Problem]:
    wrong = "not set, and required with DVAULT_ENV=production"
    if settings.mongodb_uri is None:
        remedy = "Give the address of your replica set; the embedded database is for development"
        yield Problem("MONGODB_URI", None, wrong, remedy)
    if settings.secret_key is None:
        yield Problem("SECRET_KEY", None, wrong, f"Give {_expected('secret_key')}, the same to every process")
    if settings.jwt_keys is None:
        remedy = f"Give {_expected('jwt_keys')}, the same to every process; a new one goes in front"
        yield Problem("JWT_KEYS", None, wrong, remedy)
    if settings.api_key_peppers is None:
        remedy = f"Give {_expected('api_key_peppers')}, other ones than JWT_KEYS, the same to every process"
        yield Problem("API_KEY_PEPPERS", None, wrong, remedy)
    remedy = "Give the domains of the pages where people sign in, such as app.example"
    if settings.siwe_domains is None:
        yield Problem("SIWE_DOMAINS", None, wrong, remedy)
    elif any(domain.endswith(":*") for domain in settings.siwe_domains):
        told = "any port (:*) is for development, not for DVAULT_ENV=production"
        yield Problem("SIWE_DOMAINS", given["SIWE_DOMAINS"], told, remedy)
    if settings.master_key_file is None and settings.kms_key_arn is None:
        remedy = "Give the file with your master key, or set KMS_KEY_ARN; a generated one is for development"
        yield Problem("MASTER_KEY_FILE", None, wrong, remedy)
    if "NETWORK" not in given:
        remedy = "Name the network, so that no development chain is followed by accident"
        yield Problem("NETWORK", None, wrong, remedy)
