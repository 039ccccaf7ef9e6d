"""What a measured command reports."""

import sys

import pytest

from bench.measure import CommandFailed, measured


def test_a_command_reports_its_output_and_what_it_took(tmp_path):
    # Held long enough to be sampled.
    program = "import time; held = bytearray(60_000_000); time.sleep(0.2); print(len(held))"

    cost = measured([sys.executable, "-c", program], tmp_path)

    assert cost.output.strip() == "60000000"
    assert 60 < cost.peak_rss_mb <= cost.peak_tree_rss_mb
    assert 0 < cost.cpu_seconds < cost.wall_seconds * 2


def test_a_failing_command_is_no_measurement(tmp_path):
    with pytest.raises(CommandFailed, match="no such luck"):
        measured([sys.executable, "-c", "import sys; sys.exit('no such luck')"], tmp_path)
