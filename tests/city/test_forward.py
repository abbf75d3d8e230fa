"""Handing on: at least once, in order, past a system that is down, slow, or refuses a record."""

import asyncio
import json
import os
import random
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from host_agent.receiver import forward
from host_agent.receiver.forward import Forwarder
from host_agent.receiver.store import Store
from host_agent.receiver.targets import FileTarget, HttpTarget, Refused, TargetError

WAIT_S = 60.0


class Script:
    """A target that does what a test says, and notes what it took."""

    def __init__(self, *moods):
        self.moods = list(moods)  # an exception a call, then all is well
        self.refuses = ()
        self.calls = 0
        self.taken = []

    def send(self, records):
        self.calls += 1
        if self.moods:
            raise self.moods.pop(0)
        if any(record in self.refuses for record in records):
            raise Refused("HTTP 422 no such level")
        self.taken += records


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def put(store, *records):
    with store.batch():
        for record in records:
            store.outbox.put(record)


def run_until(store, target, done, monkeypatch):
    """Run a forwarder until `done(forwarder)`; pauses are short, the order of things is the true one."""
    monkeypatch.setattr(forward, "IDLE_S", 0.02)
    monkeypatch.setattr(forward, "LAST_S", 0.02)

    async def main():
        with ThreadPoolExecutor(1) as worker:
            loop = asyncio.get_running_loop()
            forwarder = Forwarder(
                store, lambda work, *args: loop.run_in_executor(worker, work, *args), target, random.Random(1)
            )
            task = asyncio.create_task(forwarder.run())
            async with asyncio.timeout(WAIT_S):
                while not done(forwarder):
                    assert not task.done(), task.exception()
                    await asyncio.sleep(0.005)
            task.cancel()
            await asyncio.wait({task})
            return forwarder

    return asyncio.run(main())


def test_forward_down_then_up_hands_all_on_in_order(store, monkeypatch):
    records = [f'{{"n":{number}}}' for number in range(450)]
    put(store, *records)
    target = Script(TargetError("down"), TargetError("down"), TargetError("down"))
    faults = []

    def done(forwarder):
        faults.append(forwarder.fault)
        return forwarder.handed_total == 450

    forwarder = run_until(store, target, done, monkeypatch)
    assert target.taken == records
    assert "down" in faults
    assert forwarder.fault is None
    assert store.outbox.counts() == (0, 0)


def test_forward_refused_record_is_parked_and_holds_nobody_up(store, monkeypatch):
    records = [f'{{"n":{number}}}' for number in range(50)]
    put(store, *records)
    target = Script()
    target.refuses = (records[17],)
    run_until(store, target, lambda f: f.handed_total == 49, monkeypatch)
    assert target.taken == records[:17] + records[18:]
    assert store.outbox.counts() == (1, 1)
    assert store.conn.execute("SELECT parked FROM outbox").fetchone() == ("HTTP 422 no such level",)


def test_forward_parked_record_is_tried_again(store, monkeypatch):
    monkeypatch.setattr(forward, "UNPARK_S", 0.05)
    put(store, '{"n":1}')
    target = Script(Refused("not yet"))
    run_until(store, target, lambda f: f.handed_total == 1, monkeypatch)
    assert target.taken == ['{"n":1}']


def test_forward_news_wakes_it(store, monkeypatch):
    target = Script()
    queued = []

    def done(forwarder):
        if not queued:
            queued.append(forwarder._run(put, store, '{"n":1}'))
            queued[0].add_done_callback(lambda _: forwarder.wake())
        return bool(target.taken)

    run_until(store, target, done, monkeypatch)
    assert target.taken == ['{"n":1}']


class Web(BaseHTTPRequestHandler):
    """Answer as the server's script says."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append((self.path, dict(self.headers), body))
        status, text = self.server.answers.pop(0) if self.server.answers else (200, b"{}")
        if status == 0:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args):
        pass


@pytest.fixture
def web():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.bodies, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def target_of(server, token=None):
    return HttpTarget(f"http://127.0.0.1:{server.server_address[1]}/api/v1/ratings?hall=1", token, None)


def test_http_posts_one_array_with_token(web):
    target = target_of(web, "geheim")
    target.send(['{"id":"a"}', '{"id":"b"}'])
    target.send(['{"id":"c"}'])
    (path, headers, body), (_, _, second) = web.bodies
    assert path == "/api/v1/ratings?hall=1"
    assert headers["Authorization"] == "Bearer geheim"
    assert json.loads(body) == [{"id": "a"}, {"id": "b"}]
    assert json.loads(second) == [{"id": "c"}]


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_http_refusal_of_the_content_is_refused_with_its_reason(web, status):
    web.answers = [(status, b'{"error":{"code":"x","message":"record 0: level must be 1 to 5"}}')]
    with pytest.raises(Refused, match=f"HTTP {status} record 0: level"):
        target_of(web).send(["{}"])


@pytest.mark.parametrize("status", [301, 401, 403, 404, 429, 500, 503])
def test_http_other_answers_are_tried_again(web, status):
    web.answers = [(status, b"<html>")]
    target = target_of(web)
    with pytest.raises(TargetError, match=str(status)):
        target.send(["{}"])
    target.send(["{}"])


def test_http_kept_connection_that_died_is_renewed(web):
    target = target_of(web)
    target.send(["{}"])
    web.answers = [(0, b"")]
    target.send(["{}"])
    assert len(web.bodies) == 3


def test_http_nobody_there_is_told(web):
    target = HttpTarget("http://127.0.0.1:9/", None, None)
    with pytest.raises(TargetError, match="127.0.0.1:9"):
        target.send(["{}"])


def test_http_endless_answer_is_not_read(web):
    web.answers = [(200, b"x" * 1_000_000)]
    target_of(web).send(["{}"])


def test_file_lines_are_appended_over_restarts(tmp_path):
    path = tmp_path / "out" / "ratings.jsonl"
    FileTarget(path).send(['{"n":1}', '{"n":2}'])
    FileTarget(path).send(['{"n":"三"}'])
    assert path.read_text(encoding="utf-8") == '{"n":1}\n{"n":2}\n{"n":"三"}\n'


@pytest.mark.parametrize("torn", ['{"n"', '{"n":2}', "x" * 10_000])
def test_file_line_torn_by_a_power_cut_is_removed(tmp_path, torn):
    path = tmp_path / "ratings.jsonl"
    path.write_text('{"n":1}\n' + torn)
    FileTarget(path).send(['{"n":2}'])
    assert path.read_text() == '{"n":1}\n{"n":2}\n'


def test_file_with_only_a_torn_line_begins_anew(tmp_path):
    path = tmp_path / "ratings.jsonl"
    path.write_text("x" * 9000)
    FileTarget(path).send(['{"n":1}'])
    assert path.read_text() == '{"n":1}\n'


def test_file_moved_away_is_begun_anew(tmp_path):
    path = tmp_path / "ratings.jsonl"
    target = FileTarget(path)
    target.send(['{"n":1}'])
    os.rename(path, tmp_path / "ratings.1")
    target.send(['{"n":2}'])
    assert path.read_text() == '{"n":2}\n'


def test_file_that_cannot_be_opened_anew_is_tried_again(tmp_path):
    target = FileTarget(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "out.1")
    (tmp_path / "out").mkdir()
    for _ in range(3):
        with pytest.raises(TargetError, match="Is a directory"):
            target.send(["1"])
    (tmp_path / "out").rmdir()
    target.send(["2"])
    assert ((tmp_path / "out").read_text(), (tmp_path / "out.1").read_text()) == ("2\n", "")


def test_file_emptied_from_outside_is_begun_anew(tmp_path):
    path = tmp_path / "ratings.jsonl"
    target = FileTarget(path)
    target.send(['{"n":1}'])
    path.write_text("")
    target.send(['{"n":2}'])
    assert path.read_text() == '{"n":2}\n'


def test_file_write_that_fails_halfway_is_done_over(tmp_path, monkeypatch):
    path = tmp_path / "ratings.jsonl"
    target = FileTarget(path)
    target.send(['{"n":1}'])
    true_fsync = os.fsync

    def full(_fd):
        monkeypatch.setattr(os, "fsync", true_fsync)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TargetError, match="No space left"):
        target.send(['{"n":2}', '{"n":3}'])
    target.send(['{"n":2}', '{"n":3}'])
    assert path.read_text() == '{"n":1}\n{"n":2}\n{"n":3}\n'
