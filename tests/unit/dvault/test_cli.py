"""The command line before it does anything: what it offers, and what it loads for that."""

import io
import subprocess
import sys
from importlib import import_module

import click
import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.progress import Progress

from dvault.cli import COMMANDS, SECTIONS, LateGroup, main

HEAVY = ("web3", "eth_abi", "aiohttp", "granian", "flask", "rich.progress")
GROUPS = {"db": ("init", "indexes"), "keys": ("list", "rotate-master"), "objects": ("copy", "sweep"),
          "admin": ("grant", "revoke", "list"), "siwe": ("check",)}  # fmt: skip
LINES = [*((name,) for name in COMMANDS if name not in GROUPS)]
LINES += [(group, name) for group, names in GROUPS.items() for name in names]


@pytest.mark.parametrize("command", LINES, ids=" ".join)
def test_every_command_has_help_with_an_example(command):
    told = CliRunner().invoke(main, [*command, "--help"])

    assert told.exit_code == 0
    assert "Example:" in told.output
    assert f"dvault {' '.join(command)}" in told.output


def test_the_help_is_grouped_in_the_order_of_a_story():
    told = CliRunner().invoke(main, ["--help"]).output

    places = [told.index(f"{title}:") for title in SECTIONS]
    assert places == sorted(places)
    assert all(f"  {name} " in told for name in COMMANDS)


def test_what_the_group_says_of_a_command_is_how_the_command_begins():
    for name, (module, told) in COMMANDS.items():
        command: click.Command = getattr(import_module(module), name.replace("-", "_"))
        assert command.name == name
        assert (command.help or "").startswith(told.rstrip(".")), name


def test_ctrl_c_while_a_command_is_being_imported_is_answered_as_shells_expect():
    class Interrupted(LateGroup):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            raise KeyboardInterrupt

    told = CliRunner().invoke(Interrupted("dvault"), ["run"])

    assert (told.exit_code, told.output) == (130, "stopped\n")


@pytest.mark.parametrize("width", [32, 50, 89, 90, 200])
def test_the_progress_bar_cuts_nothing_short_however_narrow_the_terminal(width):
    from dvault.commands.indexing import columns

    console = Console(width=width, file=io.StringIO(), force_terminal=True)
    progress = Progress(*columns(width), console=console)
    progress.add_task("backfill", total=12_345, completed=4_321, rate=1234.5)
    with console.capture() as shown:
        console.print(progress.get_renderable())

    assert "4321/12345" in shown.get()
    assert "…" not in shown.get()
    assert shown.get().count("\n") == 1


def test_a_mistyped_command_is_guessed():
    told = CliRunner().invoke(main, ["stauts"])

    assert told.exit_code == 2
    assert "No such command 'stauts'. Did you mean 'status'?" in told.output


@pytest.mark.parametrize("command", ["run", "serve", "up", "backfill", "status", "doctor"])
def test_every_command_refuses_a_wrong_setting(command):
    told = CliRunner(env={"NETWORK": "mainnet", "PORT": "many"}).invoke(main, [command])

    assert told.exit_code == 1
    assert isinstance(told.exception, SystemExit)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("dvault.cli", HEAVY),
        ("dvault.commands.watching", HEAVY),
        ("dvault.commands.serving", ("granian", "web3")),
    ],
)
def test_a_command_loads_only_what_it_needs(module, heavy):
    loads = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"

    told = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)

    assert told.stdout == "[]\n"
