"""The demo from its first process to its last word."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, NoReturn

from rich.progress import track

from chain.devchain import DevChain, DevChainOptions
from chain.transactions import DevRpc
from config.settings import SETTING_NAMES
from config.variables import environment
from dvault.console import messages
from dvault.demo.answers import Answers
from dvault.demo.catalogue import PEOPLE
from dvault.demo.history import DAY, Block, Planner, plan_history
from dvault.demo.live import Live, play_on, play_once
from dvault.demo.player import ACCOUNTS, ETHER_EACH, Player
from dvault.demo.processes import Crew
from dvault.demo.tour import ADDRESSES, stops
from store.mongod import EmbeddedMongod

CONFIRMATIONS = 12
"""A development chain calls nothing final; deeper than the deepest reorg of the live part."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for. `port` is the API's; `now` in Unix seconds, history ends the night before."""

    assets: int
    days: int
    seed: int
    port: int
    now: int

    @property
    def began_at(self) -> int:
        return (self.now // DAY - self.days) * DAY


class Show:
    """Everything that runs is closed by the stack it was given."""

    def __init__(self, plan: Plan, stack: ExitStack) -> None:
        self.is_live = False
        self._plan, self._stack = plan, stack
        self._started = monotonic()
        self._planner = Planner(Random(plan.seed))
        self._blocks = plan_history(self._planner, plan.assets, plan.days, plan.began_at)

    # --- what a caller does ---

    def prepare(self) -> None:
        """Start everything, play history, index it, and serve it."""
        # What is interrupted while it starts may still be writing when the folder goes.
        temporary = tempfile.TemporaryDirectory(prefix="dvault-demo-", ignore_cleanup_errors=True)
        folder = Path(self._stack.enter_context(temporary))
        messages.print("starting a development chain and a database …")
        self._player = self._start_player()
        uri = self._start_database(folder / "mongod")
        self._play_history()
        self._crew = Crew(folder, self._settings(uri, folder))
        self._stack.callback(self._crew.stop)
        self._index()
        self._live = Live(self._planner, self._player, lambda line: messages.print(line, soft_wrap=True))

    def go_on(self) -> NoReturn:
        """Show the way around, and play until interrupted."""
        self._tell_the_way()
        play_on(self._live, self._planner, self._crew.pause)

    def finish(self) -> dict[str, Any]:
        """Play a little, compare the store with the chain, and return the summary."""
        for _ in play_once(self._live):
            status = self._answers.follow(self._player.head.hash)
        verified = self._verify()
        return {
            "blocks": status["tip"]["number"] - self._player.deployed.start_block + 1,
            "events": status["events"],
            "assets": verified["assets"],
            "transactions": self._answers.count("/api/transactions"),
            "reorgs": status["reorgs"],
            "verifyDifferences": len(verified["differences"]),
            "digest": status["digest"],
            "seconds": round(monotonic() - self._started, 1),
        }

    # --- steps ---

    def _start_player(self) -> Player:
        options = DevChainOptions(
            timestamp=self._plan.began_at, accounts=ACCOUNTS, extra=("--balance", str(ETHER_EACH))
        )
        chain = self._stack.enter_context(DevChain(options=options))
        return Player(self._stack.enter_context(DevRpc(chain.url)))

    def _start_database(self, folder: Path) -> str:
        """Its URI. Whoever is interrupted while it starts stops it too."""
        database = EmbeddedMongod(folder)
        self._stack.callback(database.stop)
        return database.start()

    def _play_history(self) -> None:
        deeds = sum(len(block.deeds) for block in self._blocks)
        messages.print(
            f"playing {self._plan.days} days of {self._plan.assets} assets: "
            f"{deeds} deeds in {len(self._blocks)} blocks …"
        )
        for block in self._shown(self._blocks):
            self._player.play(block)

    def _shown(self, blocks: list[Block]) -> Any:
        return track(blocks, "blocks", console=messages, transient=True, disable=not messages.is_terminal)

    def _index(self) -> None:
        messages.print("indexing what is final of it …")
        self._crew.finish("backfill")
        self._crew.stay("run")
        self._crew.stay("serve")
        self._answers = Answers(self._plan.port, self._crew.pause)
        status = self._answers.follow(self._player.head.hash)
        self.is_live = True
        messages.print(
            f"live: {status['events']} events up to block {status['tip']['number']}, with the head"
        )

    def _verify(self) -> dict[str, Any]:
        child = self._crew.finish("verify", "--json", may_fail=True)
        if not child.answer().startswith("{"):
            raise child.failed()
        return dict(json.loads(child.answer()))

    def _settings(self, mongodb_uri: str, folder: Path) -> dict[str, str]:
        """The environment of our commands: ours without its settings, and those of this demo."""
        others = {name: value for name, value in environment().items() if name not in SETTING_NAMES}
        deployed = self._player.deployed
        return others | {
            "NETWORK": "local",
            "RPC_URLS": self._player.rpc.url,
            "RWA_ASSET_ADDRESS": deployed.asset,
            "PRICING_AGENT_ADDRESS": deployed.agent,
            "MARKETPLACE_ADDRESS": deployed.marketplace,
            "START_BLOCK": str(deployed.start_block),
            "FINALITY": str(CONFIRMATIONS),
            "MONGODB_URI": mongodb_uri,
            "MONGODB_DATABASE": "demo",
            "DATA_DIR": str(folder / "data"),
            "HOST": "127.0.0.1",
            "PORT": str(self._plan.port),
            "POLL_INTERVAL_SECONDS": "0.2",
            "LOG_LEVEL": "WARNING",
        }

    def _tell_the_way(self) -> None:
        url = self._answers.url
        lines = ["", "Running: chain, database, indexer, API. Ctrl-C stops them all. Look at:"]
        lines += [f"  {url}{path}" for path in ADDRESSES]
        lines += ["", "Worth trying:"]
        person = self._player.address(PEOPLE[0])
        for stop in stops(self._planner.market.owners, person):
            lines += [f"  # {stop.what}", f"  curl -s '{url}{stop.path}'"]
        lines += ["", "What happens now:"]
        messages.print("\n".join(lines), markup=False, soft_wrap=True)
