"""The node packages install from any registry, and on every platform that anvil is built for."""

from __future__ import annotations

import json

from chain.contracts import ROOT

PACKAGES = json.loads((ROOT / "package-lock.json").read_text())["packages"]


def test_the_lock_names_no_registry() -> None:
    assert not [name for name, package in PACKAGES.items() if "resolved" in package]


def test_the_lock_has_anvil_for_every_platform() -> None:
    wanted = PACKAGES["node_modules/@foundry-rs/anvil"]["optionalDependencies"]

    locked = {name: PACKAGES[f"node_modules/{name}"]["version"] for name in wanted}

    assert locked == wanted
    assert len(locked) == 5


def test_dependencies_are_pinned_exactly() -> None:
    manifest = json.loads((ROOT / "package.json").read_text())

    for name, version in {**manifest["dependencies"], **manifest["devDependencies"]}.items():
        assert PACKAGES[f"node_modules/{name}"]["version"] == version
