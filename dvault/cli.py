"""The command line. A command is imported when it is asked for: what some of them need takes a second."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module

import click

INTERRUPTED = 130
"""Exit code of whoever ends by Ctrl-C, as shells have it."""

SECTIONS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Try it": {
        "demo": ("dvault.demo.command", "Play a market on a chain of its own, index it and serve it."),
    },
    "Run it": {
        "up": ("dvault.commands.serving", "Run the indexer and the API together."),
        "run": ("dvault.commands.indexing", "Follow the chain until stopped."),
        "serve": ("dvault.commands.serving", "Serve the API."),
        "backfill": ("dvault.commands.indexing", "Index final history, show how far it is, and stop."),
    },
    "Watch it": {
        "status": ("dvault.commands.watching", "Say where the indexer stands."),
        "reorgs": ("dvault.commands.watching", "List what reorgs took back."),
        "quarantine": ("dvault.commands.watching", "List logs of ours that could not be understood."),
        "doctor": ("dvault.commands.caring", "Look at everything that indexing and serving need."),
    },
    "Prove it and mend it": {
        "verify": ("dvault.commands.proving", "Compare every token and setting with the contracts."),
        "prove": ("dvault.commands.completeness", "Show that no log of ours is missing."),
        "digest": ("dvault.commands.completeness", "Say the digests of events and state at one block."),
        "rebuild": ("dvault.commands.proving", "Fold all history again from the raw events we keep."),
        "rewind": ("dvault.commands.proving", "Take back every block above one."),
        "db": ("dvault.commands.caring", "Look after the database."),
        "keys": ("dvault.commands.keys", "Look after the master key of what is kept encrypted."),
        "objects": ("dvault.commands.objects", "Look after uploads."),
        "chaos-rpc": ("dvault.commands.chaos", "Answer for a node, with faults: see how settings hold."),
    },
    "Look after people": {
        "admin": ("dvault.commands.administering", "Say who has which role."),
        "siwe": ("dvault.commands.signing", "Look into sign-in messages (EIP-4361)."),
    },
}
"""Section → command → its module, where it has that name with _ for -, and what it is for in one line."""
COMMANDS = {name: told for section in SECTIONS.values() for name, told in section.items()}


class LateGroup(click.Group):
    """A group that knows its commands by name, and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; Ctrl-C, while it is still being imported say, is answered as shells expect."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            ctx.exit(INTERRUPTED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if near and args[0] not in COMMANDS:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), told) for name, (_, told) in commands.items()])


@click.group(
    cls=LateGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`dvault COMMAND --help` shows its options and an example.",
)
@click.version_option(package_name="dynamicvault-backend")
def main() -> None:
    """Index the DynamicVault contracts into MongoDB and serve their state.

    Every answer says at which block it is true.

    Settings come from the environment and from .env; docs/settings.md lists them all.
    """
