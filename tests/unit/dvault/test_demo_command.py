"""What `dvault demo` refuses before it starts anything, and what it does with commands that fail."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.variables import environment
from dvault.demo.command import demo, free_port
from dvault.demo.processes import ChildFailed, Crew


@pytest.mark.parametrize(
    ("option", "value"),
    [("--assets", "0"), ("--assets", "501"), ("--days", "0"), ("--days", "366"), ("--port", "65536")],
)
def test_a_number_out_of_range_is_refused_by_name(option, value):
    result = CliRunner().invoke(demo, [option, value])

    assert result.exit_code == 2
    assert f"'{option}': {value} is not in the range" in result.output


def test_a_port_in_use_is_one_clear_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        result = CliRunner().invoke(demo, ["--once", "--port", str(port)], standalone_mode=False)

    assert result.exit_code == 1
    assert f"port {port} of 127.0.0.1 cannot be used (address already in use)" in str(result.exception)
    assert "--port 0 takes any free one" in str(result.exception)


def test_port_0_is_any_free_one():
    port = free_port(0)

    assert free_port(port) == port


def test_a_command_that_fails_is_reported_with_its_last_words(tmp_path: Path):
    crew = Crew(tmp_path, environment())

    with pytest.raises(ChildFailed, match=r"dvault rewind ended with code 2(.|\n)*Missing option"):
        crew.finish("rewind")


def test_a_command_that_goes_is_noticed_while_time_passes(tmp_path: Path):
    crew = Crew(tmp_path, environment())
    try:
        crew.stay("rewind")

        with pytest.raises(ChildFailed, match="dvault rewind ended with code 2"):
            crew.pause(60)
    finally:
        crew.stop()
