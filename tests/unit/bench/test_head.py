"""The pieces of the head bench that need no chain."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from bench.head import percentile
from bench.watcher import NeverVisible, StatusRefused, Watcher, tip_hash


@pytest.fixture
def api():
    """An API that answers with what the test puts into `answer`."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = self.server.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answering)
    server.answer = (503, {"error": "nothing indexed"})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_watcher_says_when_a_block_became_visible(api):
    with Watcher(api.server_port) as watcher:
        api.answer = (200, {"asOf": {"blockNumber": 1, "blockHash": "0x01"}})
        first = watcher.seen("0x01", 5)
        api.answer = (200, {"asOf": {"blockNumber": 1, "blockHash": "0x02"}})
        second = watcher.seen("0x02", 5)

    assert first < second


def test_a_block_that_is_not_shown_in_time_is_an_error(api):
    with Watcher(api.server_port) as watcher, pytest.raises(NeverVisible, match="0x01"):
        watcher.seen("0x01", 0.05)


def test_an_api_that_refuses_ends_the_watch(api):
    api.answer = (429, {"error": "too many"})

    with Watcher(api.server_port) as watcher, pytest.raises(StatusRefused, match="429"):
        watcher.seen("0x01", 5)


def test_an_answer_without_a_block_shows_none():
    assert tip_hash(b'{"asOf": null}') is None
    assert tip_hash(b'{"asOf": {"blockHash": "0x05"}}') == "0x05"


def test_a_percentile_is_one_of_the_values():
    values = [float(value) for value in range(1, 101)]

    assert percentile(values, 0.95) == 95
    assert percentile([7.0], 0.95) == 7
