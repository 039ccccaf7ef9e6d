"""The signing key."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from config.secret import peppers, signing_key, token_keys
from config.settings import load_settings


def test_a_given_key_is_used_as_it_is(tmp_path: Path):
    settings = load_settings({"SECRET_KEY": "s" * 40, "DATA_DIR": str(tmp_path)}, env_file=None)

    assert signing_key(settings) == "s" * 40
    assert list(tmp_path.iterdir()) == []


def test_without_one_a_key_is_made_once_and_kept_for_its_owner(tmp_path: Path):
    settings = load_settings({"DATA_DIR": str(tmp_path / "new")}, env_file=None)

    first, second = signing_key(settings), signing_key(settings)

    assert first == second
    assert len(first) >= 32
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["secret_key"]
    assert (tmp_path / "new" / "secret_key").stat().st_mode & 0o077 == 0


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path):
    settings = load_settings({"DATA_DIR": str(tmp_path)}, env_file=None)

    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: signing_key(settings), range(32)))

    assert len(keys) == 1


def test_tokens_are_signed_by_the_keys_given_or_else_by_one_of_their_own(tmp_path: Path):
    given = load_settings({"JWT_KEYS": f"{'n' * 32},{'o' * 32}", "DATA_DIR": str(tmp_path)}, env_file=None)
    without = load_settings({"DATA_DIR": str(tmp_path)}, env_file=None)

    assert token_keys(given) == ("n" * 32, "o" * 32)
    assert list(tmp_path.iterdir()) == []
    assert token_keys(without) == token_keys(without) != (signing_key(without),)
    assert (tmp_path / "token_key").stat().st_mode & 0o077 == 0


def test_api_keys_are_hashed_by_the_peppers_given_or_else_by_one_of_their_own(tmp_path: Path):
    given = load_settings(
        {"API_KEY_PEPPERS": f"{'n' * 32},{'o' * 32}", "DATA_DIR": str(tmp_path)}, env_file=None
    )
    without = load_settings({"DATA_DIR": str(tmp_path)}, env_file=None)

    assert peppers(given) == ("n" * 32, "o" * 32)
    assert list(tmp_path.iterdir()) == []
    assert peppers(without) == peppers(without) != token_keys(without)
    assert (tmp_path / "pepper").stat().st_mode & 0o077 == 0
