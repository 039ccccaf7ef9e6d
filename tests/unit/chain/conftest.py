"""Nodes to ask and nodes that answer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from chain.node import Node
from tests.unit.chain.fake_node import FakeNode


@pytest.fixture
def fake() -> Iterator[FakeNode]:
    with FakeNode() as fake:
        yield fake


@pytest.fixture
def other() -> Iterator[FakeNode]:
    """A second provider of the same chain."""
    with FakeNode() as other:
        yield other


@pytest.fixture
def connect() -> Iterator[Callable[..., Node]]:
    """Make nodes that ask the given fakes, with short deadlines."""
    with ExitStack() as stack:

        def connected(*fakes: FakeNode, deadline_seconds: float = 3.0, **options: object) -> Node:
            urls = [fake.url for fake in fakes]
            return stack.enter_context(Node(urls, deadline_seconds=deadline_seconds, **options))  # type: ignore[arg-type]

        yield connected


@pytest.fixture
def node(fake: FakeNode, connect: Callable[..., Node]) -> Node:
    return connect(fake)
