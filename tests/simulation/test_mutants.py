"""The storm finds what it is there to find: faults planted in a copy of the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.simulation.mutants import ROOT, Unfit, hunted, main, patched
from tests.simulation.planted import MUTANTS, Mutant

QUICK = {
    "the rolling digest is that of the orphans": 6,
    "a commit does not ask for its epoch": 12,
    "an approval outlives a transfer": 3,
}
"""Found within few seeds, in three layers."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place_of_the_program_as_it_is(mutant: Mutant) -> None:
    text = (ROOT / mutant.path).read_text()

    assert patched(text, mutant) != text
    compile(patched(text, mutant), mutant.path, "exec")


def test_there_are_many_and_no_two_are_alike() -> None:
    assert len(MUTANTS) >= 25
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.path, mutant.before, mutant.after) for mutant in MUTANTS}) == len(MUTANTS)


def test_a_mutant_that_no_longer_fits_is_refused() -> None:
    with pytest.raises(Unfit, match="2 places"):
        patched("twice twice", Mutant("a name", "a/path.py", "twice", "once"))


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_fault_is_found(name: str) -> None:
    mutant = next(each for each in MUTANTS if each.name == name)

    found = hunted(mutant, QUICK[name])

    assert found.seed is not None
    assert found.difference


def test_a_change_that_is_no_fault_is_not_called_one() -> None:
    harmless = Mutant("nothing", "indexer/fold.py", "BASIS_POINTS = 10_000", "BASIS_POINTS = 10 ** 4")

    assert hunted(harmless, 2).seed is None


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_every_planted_fault_is_found(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = main([])

    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["survivors"] == []
    assert code == 0
