"""The house itself: documents that tell the truth, rules that hold, files that can be read."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from config.settings import SETTING_NAMES, Settings

ROOT = Path(__file__).parents[2]
PACKAGES = ("chain", "store", "indexer", "api", "config", "dvault")
COMMANDS = {
    "run", "backfill", "status", "serve", "up", "demo", "verify", "rebuild", "rewind", "reorgs", "quarantine",
    "doctor", "db", "admin", "siwe", "prove", "digest", "keys", "objects",
    "chaos-rpc",
}  # fmt: skip
FILE_LINES_MAX = 300
NOT_OURS = {".git", ".venv", "node_modules", ".dvault", ".hypothesis", "__pycache__"}
TEXT_KINDS = {
    "", ".py", ".md", ".toml", ".yml", ".yaml", ".json", ".sol", ".mjs", ".lock", ".service", ".example", ".sh", ".txt",
}  # fmt: skip
FORBIDDEN_WORDS = re.compile(r"/work" + r"/|shared" + r"/|/root" + r"/|/tmp" + r"/w/|\.pye" + r"nv")


def our_files(*kinds: str) -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        passed_over = NOT_OURS & set(parts) or any(part.endswith("_cache") for part in parts)
        if path.is_file() and not passed_over and (not kinds or path.suffix in kinds):
            yield path


def source_files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def markdown_files() -> list[Path]:
    return list(our_files(".md"))


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def show(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", markdown_files(), ids=show)
def test_every_link_of_a_document_leads_somewhere(document: Path):
    for link in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if not re.match(r"[a-z]+:", link):
            assert (document.parent / link).exists(), f"{show(document)} links to {link}"


@pytest.mark.parametrize("document", markdown_files(), ids=show)
def test_every_make_target_a_document_names_exists(document: Path):
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*)", document.read_text(), re.MULTILINE))

    assert named <= make_targets()


def test_the_environment_is_read_in_config_only():
    readers = {show(path) for path in source_files() if reads_environment(path)}

    assert {reader for reader in readers if not reader.startswith("config/")} == set()


def reads_environment(path: Path) -> bool:
    names = {"environ", "environb", "getenv", "getenvb", "putenv"}
    tree = ast.parse(path.read_text())
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imported = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return bool({f"os.{name}" for name in names} & (attributes | imported))


def test_no_exception_is_caught_broadly_outside_the_command_line():
    broad = [
        f"{show(path)}:{node.lineno}"
        for path in source_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and swallows_everything(node)
    ]

    assert [place for place in broad if not place.startswith("dvault/")] == []


def swallows_everything(handler: ast.ExceptHandler) -> bool:
    caught = ast.unparse(handler.type) if handler.type else "BaseException"
    passed_on = any(isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler))
    return caught in {"Exception", "BaseException"} and not passed_on


def test_every_source_file_can_be_read_in_one_sitting():
    long = {
        show(path): n for path in source_files() if (n := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }

    assert long == {}


def test_every_source_file_says_what_it_is_for():
    silent = [show(path) for path in source_files() if not ast.get_docstring(ast.parse(path.read_text()))]

    assert silent == []


def test_no_file_names_a_place_on_the_machine_it_was_written_on():
    found = [
        f"{show(path)}:{number}"
        for path in our_files(*TEXT_KINDS)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if FORBIDDEN_WORDS.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("lock", ["requirements.lock", "package-lock.json"])
def test_the_lock_files_pin_content_and_not_places(lock: str):
    text = (ROOT / lock).read_text()

    assert '"resolved"' not in text
    assert "--index" not in text
    assert "--find-links" not in text
    assert "file:" not in text
    if lock.endswith(".lock"):
        assert "://" not in text


def test_every_dependency_is_in_the_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))

    assert {re.match(r"[A-Za-z0-9_.-]+", line)[0].lower() for line in wanted} <= locked  # type: ignore[index]


def test_the_settings_document_the_example_and_the_class_name_the_same_settings_in_one_order():
    document = re.findall(r"^\| `([A-Z0-9_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    example = re.findall(r"^# ([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert sorted(document) == sorted(SETTING_NAMES)
    assert sorted(example) == sorted(SETTING_NAMES)


def test_the_settings_document_and_the_example_tell_the_defaults():
    text = (ROOT / "docs/settings.md").read_text()
    document = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| `([^`]+)` \|", text, re.MULTILINE))
    example = dict(re.findall(r"^# ([A-Z0-9_]+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE))

    for field, info in Settings.model_fields.items():
        if not info.is_required() and info.default is not None:
            assert document[field.upper()] == str(info.default)
            assert example[field.upper()] == str(info.default)


def test_compose_runs_the_parts_with_commands_that_exist_and_publishes_on_loopback_only():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    assert services.keys() == {"mongo", "anvil", "indexer", "api"}
    assert "--replSet" in services["mongo"]["command"]
    assert "rs.initiate" in services["mongo"]["healthcheck"]["test"][-1]
    assert services["anvil"]["profiles"] == ["dev"]
    assert (services["indexer"]["command"], services["api"]["command"]) == (["run"], ["serve"])
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert service["image"] != "dynamicvault-backend" or service["environment"].keys() <= set(
            SETTING_NAMES
        )


def test_the_image_runs_as_nobody_special_from_the_lock():
    lines = (ROOT / "Dockerfile").read_text().splitlines()

    assert "USER dvault" in lines
    assert 'ENTRYPOINT ["tini", "--", "dvault"]' in lines
    assert any("--require-hashes -r requirements.lock" in line for line in lines)
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            assert {f"!{source}" for source in line.split()[1:-1]} <= set(allowed)


def test_systemd_starts_commands_that_exist():
    started = [
        re.search(r"^ExecStart=\S+/dvault (\w+)$", unit.read_text(), re.MULTILINE)[1]  # type: ignore[index]
        for unit in sorted((ROOT / "deploy/systemd").glob("*.service"))
    ]

    assert started == ["serve", "run"]


def test_the_readme_lists_the_commands_of_the_command_line():
    readme = (ROOT / "README.md").read_text()
    listed = set(re.findall(r"^\| `([a-z-]+)` \| [a-z]", readme, re.MULTILINE))

    assert listed == COMMANDS


def test_every_folder_of_the_architecture_exists_and_every_package_is_in_it():
    listed = set(re.findall(r"^\| `([a-z]+)/` \|", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE))

    assert set(PACKAGES) <= listed
    assert all((ROOT / folder).is_dir() for folder in listed)


def test_continuous_integration_runs_what_developers_run():
    script = ROOT / ".ci/run"

    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in script.read_text()
    called = set(re.findall(r"^make ([a-z-]+)", script.read_text(), re.MULTILINE))
    assert {"setup", "check", "test"} <= called <= make_targets()
    subprocess.run(["bash", "-n", script, ROOT / "tools/setup"], check=True)
