"""The bench's web server lets only its own page in, and passes on what the page asks."""

import asyncio
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from simulator.bench.app import build
from simulator.bench.senses import Senses
from simulator.demo.chain import Place
from simulator.terminal import SimTerminal

PORT = 8470
OWN = {"origin": f"http://127.0.0.1:{PORT}"}


class FakeDesk:
    """Take the place of the desk: one message to show, and a list of what was asked."""

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.ended = False
        self.pages = 0

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True

    def open_page(self) -> asyncio.Queue:
        self.pages += 1
        queue: asyncio.Queue = asyncio.Queue()
        queue.put_nowait({"hello": {"clerk_url": "http://127.0.0.1:1/"}})
        queue.put_nowait(b"\x89PNG")
        return queue

    def close_page(self, _queue: asyncio.Queue) -> None:
        self.pages -= 1

    async def act(self, message: dict) -> None:
        self.asked.append(message)


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def client(desk: FakeDesk):
    with TestClient(build(desk, PORT), base_url=f"http://127.0.0.1:{PORT}") as client:
        yield client
    assert desk.ended


def test_bench_page_allows_nothing_from_outside(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http://" not in answer.text and "https://" not in answer.text and "style=" not in answer.text


@pytest.mark.parametrize("name", ["bench.css", "bench.js"])
def test_bench_static_files_are_served(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 200


def test_bench_foreign_host_is_refused(client: TestClient) -> None:
    assert client.get("/", headers={"host": "rating.example"}).status_code == 400


@pytest.mark.parametrize("headers", [{}, {"origin": "http://rating.example"}, {"origin": "http://127.0.0.1:1"}])
def test_bench_socket_of_another_origin_is_refused(client: TestClient, desk: FakeDesk, headers: dict) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        client.websocket_connect(f"ws://127.0.0.1:{PORT}/ws", headers=headers),
    ):
        pass
    assert closed.value.code == 1008
    assert desk.pages == 0


def test_bench_socket_shows_and_passes_on_what_is_asked(client: TestClient, desk: FakeDesk) -> None:
    with client.websocket_connect(f"ws://127.0.0.1:{PORT}/ws", headers=OWN) as socket:
        assert socket.receive_json()["hello"]
        assert socket.receive_bytes() == b"\x89PNG"
        for text in ("no json", "[1]", "{" * 2000, '{"do": "down", "key": 1}'):
            socket.send_text(text)
        socket.send_json({"do": "up", "key": 1})
    assert desk.asked == [{"do": "down", "key": 1}, {"do": "up", "key": 1}]
    assert desk.pages == 0


def test_bench_puts_on_the_glass_only_what_is_on_it(tmp_path: Path) -> None:
    with SimTerminal("t35", tmp_path / "state", clock="virtual") as terminal:
        senses = Senses(Place("W01", "1", "YP-0001", "t35", tmp_path / "port", terminal))
        assert senses.about() == {
            "width": 480, "height": 320, "touch": True, "lamps": False, "keys": ["function", "clerk"],
        }  # fmt: skip
        put: list[tuple] = []
        terminal.touch = lambda *points: put.append(points)
        on_it = ([[0, 0]], [[479, 319], [1, 2]], [])
        for points in (*on_it, [[480, 0]], [[1, 2, 3]], [["1", 2]], [[True, 2]], None, [[1, 2]] * 3):
            senses.touch(points)
        assert put == [((0, 0),), ((479, 319), (1, 2)), ()]
        senses.key("1", True)  # no such key on a glass
        senses.key(["function"], True)
        assert not any(key.down for key in terminal.wiring.keys.values())
        senses.key("function", True)
        assert terminal.wiring.keys["function"].down
