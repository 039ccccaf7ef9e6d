"""The TypeScript client is what the OpenAPI document makes it, and its README shows code that compiles."""

from __future__ import annotations

import json
import re

import pytest

from tests.clients import CLIENT, installed, run

MANIFEST = json.loads((CLIENT / "package.json").read_text())
PACKAGES = json.loads((CLIENT / "package-lock.json").read_text())["packages"]


@pytest.mark.timeout(150)
def test_the_committed_types_are_those_of_the_openapi_document(tmp_path):
    document = CLIENT.parents[1] / "docs" / "openapi.json"
    run(str(installed() / "openapi-typescript"), str(document), "--output", str(tmp_path / "schema.ts"))

    assert (tmp_path / "schema.ts").read_text() == (CLIENT / "src" / "schema.ts").read_text(), (
        "run make openapi"
    )


@pytest.mark.timeout(150)
def test_the_examples_of_the_readme_compile(tmp_path):
    examples = re.findall(r"^```ts\n(.*?)^```", (CLIENT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) > 5
    source = CLIENT.as_posix() + "/src/index.js"
    for number, example in enumerate(examples):
        text = example.replace('"dynamicvault-client"', json.dumps(source))
        if "new DynamicVault(" not in text:
            text = f"import type {{ DynamicVault }} from {json.dumps(source)};\ndeclare const vault: DynamicVault;\n{text}"
        (tmp_path / f"example{number}.mts").write_text(text)
    settings = {
        "extends": f"{CLIENT.as_posix()}/tsconfig.json",
        "compilerOptions": {
            "noEmit": True,
            "rootDir": "/",
            "typeRoots": [f"{CLIENT.as_posix()}/node_modules/@types"],
        },
        "include": ["*.mts"],
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings))

    run(str(installed() / "tsc"), "--project", str(tmp_path))


def test_nothing_is_needed_at_run_time_and_all_else_is_locked_without_naming_a_registry():
    assert "dependencies" not in MANIFEST
    for name, version in MANIFEST["devDependencies"].items():
        assert PACKAGES[f"node_modules/{name}"]["version"] == version
    assert not [name for name, package in PACKAGES.items() if "resolved" in package]
