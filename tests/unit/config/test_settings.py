"""What an operator may write, and what is said when it is wrong."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.networks import known_networks
from config.problems import SettingsError
from config.settings import SETTING_NAMES, Settings, load_settings

RWA = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
AGENT = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
MARKET = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
CUSTOM = {
    "NETWORK": "custom",
    "RPC_URLS": "https://a.example/v1/key, https://b.example",
    "CHAIN_ID": "688689",
    "RWA_ASSET_ADDRESS": RWA,
    "PRICING_AGENT_ADDRESS": AGENT,
    "MARKETPLACE_ADDRESS": MARKET,
}
PRODUCTION = CUSTOM | {
    "DVAULT_ENV": "production",
    "MONGODB_URI": "mongodb://user:hunter2@db.example/?replicaSet=rs0",
    "SECRET_KEY": "k" * 32,
    "JWT_KEYS": "j" * 32,
    "API_KEY_PEPPERS": "p" * 32,
    "SIWE_DOMAINS": "app.example",
    "MASTER_KEY_FILE": "/etc/dvault/master_key",
    "S3_BUCKET": "uploads",
}


def load(**environ: str) -> Settings:
    return load_settings(environ, env_file=None)


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load(**environ)
    return str(refused.value)


def test_without_any_setting_the_local_network_is_complete():
    settings = load()

    assert settings.network == "local"
    assert settings.chain_id == 31337
    assert settings.rpc_urls == ("http://127.0.0.1:8545",)
    assert settings.finality == 64
    assert settings.start_block == 0
    assert settings.log_range_max == 10000
    assert settings.poll_interval_seconds == 0.1
    assert settings.mongodb_uri is None


def test_the_testnet_needs_a_node_and_nothing_else():
    settings = load(NETWORK="pharos-testnet", RPC_URLS="https://node.example")

    assert settings.chain_id == 688688
    assert settings.finality == "tag"
    assert settings.start_block == "auto"
    assert settings.max_reorg_depth == 128
    assert settings.log_range_max == 1000
    assert "RPC_URLS: not set" in refusal(NETWORK="pharos-testnet")


def test_a_custom_network_names_everything_that_is_missing_at_once():
    text = refusal(NETWORK="custom")

    assert "5 settings are wrong" in text
    for name in CUSTOM.keys() - {"NETWORK"}:
        assert f"{name}: not set" in text


def test_every_key_of_every_known_network_is_a_setting_and_every_network_can_be_used():
    for network, known in known_networks().items():
        assert known.keys() <= set(SETTING_NAMES)
        assert load_settings(CUSTOM | known | {"NETWORK": network}, env_file=None).network == network


def test_the_environment_beats_the_env_file_which_beats_the_network(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text("# a comment\nPORT=9001\nLOG_RANGE_MAX='50'\nHOST=\n")

    settings = load_settings({"PORT": "9002"}, env_file=file)

    assert (settings.port, settings.log_range_max, settings.host) == (9002, 50, "127.0.0.1")


def test_what_a_command_was_told_beats_everything():
    assert load_settings({"PORT": "9002"}, env_file=None, overrides={"PORT": "0"}).port == 0


def test_an_empty_value_counts_as_not_set():
    assert load(PORT="", NETWORK=" ").port == 8080


def test_the_process_environment_is_read_when_no_other_is_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PORT", "9003")

    assert load_settings(env_file=None).port == 9003


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        load().port = 1


def test_several_nodes_are_given_with_commas():
    assert load(RPC_URLS=" http://a:1 ,https://b/x,").rpc_urls == ("http://a:1", "https://b/x")


@pytest.mark.parametrize("spelling", [RWA, RWA.lower(), "0x" + RWA[2:].upper(), "0X" + RWA[2:].lower()])
def test_an_address_may_be_in_any_letter_case_and_is_kept_checksummed(spelling: str):
    assert load(RWA_ASSET_ADDRESS=spelling).rwa_asset_address == RWA


def test_a_wrong_checksum_is_refused_with_the_right_form():
    wrong = RWA.replace("f", "F", 1) if "f" in RWA else RWA.swapcase()

    assert f"the right form is {RWA}" in refusal(RWA_ASSET_ADDRESS=wrong)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RWA_ASSET_ADDRESS", "0x1234", "not an address"),
        ("MARKETPLACE_ADDRESS", "0x" + "0" * 40, "zero address"),
        ("CHAIN_ID", "0x7a69", "valid integer"),
        ("RPC_URLS", "ftp://node.example", "neither http:// nor https://"),
        ("RPC_URLS", "http://a.example,http://a.example", "twice"),
        ("RPC_URLS", "http://", "names no host"),
        ("RPC_URLS", "http://a.example:port", "Port could not be cast"),
        ("RPC_URLS", ",", "no URL"),
        ("START_BLOCK", "-1", "neither `auto` nor a block number"),
        ("FINALITY", "0", "neither `tag` nor a number of confirmations"),
        ("FINALITY", "safe", "Give `tag` or a number of confirmations, 1 or more"),
        ("MAX_REORG_DEPTH", "0", "greater than or equal to 1"),
        ("LOG_RANGE_MAX", "many", "Give a whole number, 1 or more"),
        ("POLL_INTERVAL_SECONDS", "nan", "finite"),
        ("POLL_INTERVAL_SECONDS", "0", "Give a number of seconds above 0"),
        ("MONGODB_URI", "postgres://db.example", "not a MongoDB connection string"),
        ("MONGODB_DATABASE", "a.b", "Give 1 to 63 letters"),
        ("HOST", "http://0.0.0.0", "Give a host name"),
        ("PORT", "65536", "Give a whole number from 0 (any free port) to 65535"),
        ("DVAULT_ENV", "prod", "Give development, staging, production or test"),
        ("ENRICHMENT", "some", "Give full or none"),
        ("LOG_LEVEL", "loud", "Give DEBUG, INFO, WARNING or ERROR"),
        ("LOG_FORMAT", "xml", "Give text or json"),
        ("SECRET_KEY", "short", "Give at least 32 random characters"),
        ("JWT_KEYS", "j" * 40 + ",short", "too few to be a secret"),
        ("JWT_KEYS", "j" * 40 + "," + "j" * 40, "a key is listed twice"),
        ("SIWE_DOMAINS", "https://app.example", "is not a domain"),
        ("SIWE_DOMAINS", "app.example:http", "is not a domain"),
        ("SIWE_URIS", "app.example", "neither http:// nor https://"),
        ("SIWE_CHAIN_IDS", "1,mainnet", "not a chain id"),
        ("SIWE_MAX_AGE", "0", "Give a whole number of seconds"),
        ("SESSION_MAX_SECONDS", "9" * 30, "Give a whole number of seconds"),
        ("PUBLIC_URL", "api.example", "Give an http(s) URL"),
        ("PUBLIC_URL", "https://api.example/?a=b", "there is a `?` or a `#` in it"),
        ("S3_BUCKET", "My_Bucket", "Give 3 to 63 lower-case letters"),
        ("S3_REGION", "Frankfurt!", "Give a region such as"),
        ("KMS_KEY_ARN", "alias/mine", "this is not the ARN of a KMS key"),
    ],
)
def test_a_malformed_value_is_named_with_what_to_do(name: str, value: str, said: str):
    text = refusal(**{name: value})

    assert "1 setting is wrong" in text
    assert f"- {name}=" in text
    assert said in text
    assert "Give " in text


def test_all_problems_are_reported_at_once():
    with pytest.raises(SettingsError) as refused:
        load(PORT="x", FINALITY="x", RPC_URL="x")

    assert {problem.name for problem in refused.value.problems} == {"PORT", "FINALITY", "RPC_URL"}


def test_secrets_are_never_shown():
    text = refusal(
        RPC_URLS="https://user:hunter2@node.example:8/v3/apikey?token=abc,ws://x.example/apikey",
        MONGODB_URI="mongo://user:hunter2@db.example/",
        SECRET_KEY="hunter2",
        JWT_KEYS="hunter2",
        API_KEY_PEPPERS="hunter2",
    )
    shown = text + repr(load(**PRODUCTION))

    assert "https://node.example:8/…" in text
    for secret in ("hunter2", "apikey", "abc", "kkkk", "jjjj", "pppp", "v1/key"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("RPC_URL", "RPC_URLS"),
        ("MONGO_URI", "MONGODB_URI"),
        ("MARKETPLACE_ADRESS", "MARKETPLACE_ADDRESS"),
        ("rpc_urls", "RPC_URLS"),
        ("DVAULT_PORT", "PORT"),
        ("DVAULT_ENVIRONMENT", "DVAULT_ENV"),
        ("DVAULT_NETWROK", "NETWORK"),
    ],
)
def test_a_misspelt_name_in_the_environment_is_refused_with_the_nearest_one(name: str, nearest: str):
    text = refusal(**{name: "whatever"})

    assert f"{name}: there is no such setting" in text
    assert f"The nearest one is {nearest}:" in text
    assert "whatever" not in text


def test_other_peoples_variables_do_not_matter():
    load(HOME="/root", HOSTNAME="x", PATH="/bin", XDG_DATA_DIRS="/x", LANG="C", POST="1", NODE_ENV="x")


def test_any_unknown_name_in_the_env_file_is_refused_but_those_of_compose(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text("COMPOSE_PROJECT_NAME=x\nCOLOUR=red\n")

    with pytest.raises(SettingsError, match=r"COLOUR: there is no such setting \(in the .env file\)"):
        load_settings({}, env_file=file)


def test_the_three_addresses_must_differ():
    text = refusal(MARKETPLACE_ADDRESS=RWA.lower())

    assert f"MARKETPLACE_ADDRESS='{RWA}': RWA_ASSET_ADDRESS is the same address" in text


def test_an_unknown_network_is_refused_with_the_known_ones():
    assert "Give one of custom, local, pharos-testnet" in refusal(NETWORK="mainnet")


def test_a_chain_id_that_contradicts_the_network_is_refused():
    assert "the network local is chain 31337" in refusal(CHAIN_ID="1")
    assert load(CHAIN_ID="31337").chain_id == 31337


def test_production_names_what_it_cannot_do_without():
    text = refusal(DVAULT_ENV="production")

    required = ("MONGODB_URI", "SECRET_KEY", "JWT_KEYS", "API_KEY_PEPPERS", "SIWE_DOMAINS", "MASTER_KEY_FILE")
    for name in (*required, "NETWORK"):
        assert f"- {name}: not set, and required with DVAULT_ENV=production" in text


def test_where_people_sign_in_is_given_as_a_list():
    settings = load(
        JWT_KEYS=f"{'n' * 32}, {'o' * 32}",
        SIWE_DOMAINS="app.example, localhost:3000,[::1]:*",
        SIWE_URIS="https://app.example/login",
        SIWE_CHAIN_IDS="1, 31337",
    )

    assert settings.jwt_keys == ("n" * 32, "o" * 32)
    assert settings.siwe_domains == ("app.example", "localhost:3000", "[::1]:*")
    assert settings.siwe_uris == ("https://app.example/login",)
    assert settings.siwe_chain_ids == {1, 31337}


def test_any_port_is_for_development():
    assert "SIWE_DOMAINS='localhost:*'" in refusal(**PRODUCTION | {"SIWE_DOMAINS": "localhost:*"})


def test_production_warns_of_nodes_without_https():
    assert load(**PRODUCTION).cautions() == ()
    assert "1 of RPC_URLS use http" in load(**PRODUCTION | {"RPC_URLS": "http://a.example"}).cautions()[0]
    assert "uploads stay on this machine" in load(**PRODUCTION | {"S3_BUCKET": ""}).cautions()[0]
    assert "S3_ENDPOINT uses http" in load(**PRODUCTION | {"S3_ENDPOINT": "http://s3.example"}).cautions()[0]


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({"S3_ENDPOINT": "https://s3.example"}, "S3_BUCKET"),
        ({"KMS_ENDPOINT": "kms.example"}, "KMS_KEY_ARN"),
        ({"AWS_ACCESS_KEY_ID": "hunter2"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_SECRET_ACCESS_KEY": "hunter2"}, "AWS_ACCESS_KEY_ID"),
        ({"AWS_SESSION_TOKEN": "hunter2"}, "AWS_ACCESS_KEY_ID"),
    ],
)
def test_a_setting_that_means_nothing_alone_is_refused(given: dict[str, str], needed: str):
    text = refusal(**given)

    assert f"{needed}: not set, although {next(iter(given))} is" in text
    assert "hunter2" not in text


def test_a_production_master_key_may_be_in_kms():
    arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"

    assert load(**PRODUCTION | {"MASTER_KEY_FILE": "", "KMS_KEY_ARN": arn}).kms_key_arn == arn


def test_what_amazon_tools_read_besides_is_not_ours_to_judge():
    load(AWS_ACCESS_KEY="x", AWS_SECURITY_TOKEN="x", AWS_REGION="x", AWS_PROFILE="x", AWS_SECRET_KEY="x")
