"""A market that is indexed by processes which die all the time, and what must hold after every death."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from signal import SIGKILL

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chain.node import Node
from tests.e2e import forked
from tests.e2e.books import Books
from tests.e2e.dying import End
from tests.e2e.places import PLACES
from tests.e2e.running import Market, Running
from tests.integration.market_play import ETHER

KILLED = -SIGKILL
DEATH_SECONDS = 30.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Storm:
    """Starts commands, sees them die, and holds the database against itself after each death."""

    def __init__(self, stage: Market, node: Node, chance: random.Random) -> None:
        self.stage, self.chance = stage, chance
        self.deaths: list[str] = []
        self.seen = stage.dvault.folder / "seen"
        self._books = Books(stage, node)
        self._armed = stage.dvault.folder / "armed"
        self._fee = 0
        self._started = time.monotonic()

    # --- what happens on the chain --------------------------------------------------------

    def deeds(self, poison: bool = False) -> None:
        """A few blocks that between them give every statement of a commit something to write."""
        play = self.stage.play
        if poison:
            play.emit_raw(play.market, [keccak(text="AssetListed(uint256,address,uint256,uint256)")])
        token = play.mint_token(play.alice)
        approved = play.view(play.asset, "isApprovedForAll", play.alice, play.market)
        self._fee = self._fee % 500 + 1
        with play.one_block():
            play.mint(play.alice)
            play.mint(self._stranger())  # who holds nothing else
            play.approve_all(play.alice, not approved)
            play.set_price(token, 11 * ETHER)
            play.approve_and_list(play.alice, token, 2 * ETHER)
            play.set_fee(self._fee)
        with play.one_block():
            play.buy(play.bob, token)
            play.set_price(1, 12 * ETHER + self._fee)  # the oldest, which no reorg takes away
            play.approve_all(self._stranger())
        play.transfer(play.bob, play.alice, token)  # of which bob has none left

    def _stranger(self) -> str:
        """Somebody who never said a word before, with money for one."""
        address = to_checksum_address(self.chance.randbytes(20))
        for method, *params in (("anvil_setBalance", hex(ETHER)), ("anvil_impersonateAccount",)):
            self.stage.rpc.call(method, address, *params)
        return address

    def something_happens(self, confirmations: int) -> None:
        """Every kind of deed, and those of before become final."""
        self.deeds(poison=True)
        self.stage.mine(confirmations)

    # --- deaths ---------------------------------------------------------------------------

    def start(self, command: str, place: str | None = None, nth: int = 1, *, armed: bool = True) -> Running:
        """A command that ends at a place: from the start, or from `arm` on."""
        self._armed.unlink(missing_ok=True)
        end = End(place, nth, armed=None if armed else self._armed, small_commits=True, seen=self.seen)
        return forked.start(self.stage.dvault, command, end=end)

    def current(self, place: str | None = None) -> Running:
        """A follower that has caught up with what the dead left; from `arm` on the place counts."""
        running = self.start("run", place, armed=False)
        self.stage.await_current(running)
        return running

    def arm(self) -> None:
        self._armed.touch()

    def dies(self, running: Running, place: str) -> None:
        """It reaches its place and ends there; what it leaves is whole."""
        try:
            code = running.ended(DEATH_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{place} was not reached: {error}") from None
        assert code == KILLED, f"{place}: ended with {code}: {running.said[-3000:]}"
        self._after(running, place)

    def kill(self, running: Running, longest_seconds: float, what: str) -> None:
        """Any moment is as good as another one: here time itself is what is tested."""
        time.sleep(self.chance.uniform(0.0, longest_seconds))
        assert running.process.poll() is None, running.said[-3000:]
        running.kill()
        self._after(running, f"at random in {what}")

    def _after(self, running: Running, place: str) -> None:
        self.deaths.append(place)
        try:
            self._books.assert_whole()
        except AssertionError as error:
            raise AssertionError(f"after death {len(self.deaths)}, {place}: {error}") from error
        self.dead(running)

    def dead(self, running: Running) -> None:
        """It is, and its lease has expired: the dead do not renew, so nobody waits for that."""
        running.kill()
        self.stage.connection.database["checkpoints"].update_one(
            {"_id": "lease", "holder": {"$regex": f":{running.pid}$"}}, {"$set": {"expiresAt": EPOCH}}
        )

    def whole(self) -> None:
        """What is kept now is whole."""
        self._books.assert_whole()

    # --- peace ----------------------------------------------------------------------------

    def settled(self) -> None:
        """One start brings everything to what an index from scratch has, says `verify`, and says `rebuild`."""
        running = self.start("run")
        self.stage.await_current(running)
        assert running.stop() == 0
        self._books.assert_whole()
        self.stage.assert_true()
        self.stage.assert_like_fresh()
        self.no_place_forgotten()

    def no_place_forgotten(self) -> None:
        """Every place that any process reached is one at which we kill."""
        reached = set(self.seen.read_text().splitlines()) if self.seen.exists() else set()
        assert reached <= {*PLACES}, f"nobody kills at {sorted(reached - {*PLACES})}"

    def say(self) -> None:
        """How many deaths there were; `pytest -rP` shows it."""
        seconds = time.monotonic() - self._started
        named = [place for place in self.deaths if "random" not in place]
        sys.stdout.write(
            f"{len(self.deaths)} kills: {len(named)} at {len(set(named))} named places, "
            f"{len(self.deaths) - len(named)} at random times, in {seconds:.0f} s\n"
        )


@contextmanager
def storm(stage: Market, seed: int) -> Iterator[Storm]:
    with Node([stage.chain.url]) as node:
        yield Storm(stage, node, random.Random(seed))
