"""The terminal's end of the cable: noise, half frames, closed ports, floods and slow readers."""

import random
from pathlib import Path

import pytest

from protocol import frame, messages, rating, reasons
from tests.device.counter import Counter, invite_id
from tests.ui.gallery import draw_all


@pytest.fixture
def counter(tmp_path: Path):
    with Counter(tmp_path, seed=1) as counter:
        counter.login()
        yield counter
        assert "Traceback" not in counter.terminal.console()
        assert len(counter.terminal.resets) == 1


def send(counter: Counter, data: bytes) -> None:
    """Put bytes on the cable beside the agent's own."""
    counter.terminal.engine.soc.usb.write(data)
    counter.run(50)


def test_noise_is_counted_and_the_link_goes_on(counter: Counter) -> None:
    rng = random.Random(7)
    for _ in range(20):
        send(counter, rng.randbytes(rng.randrange(1, 400)))
    send(counter, b"\x00")
    counter.open_invite()
    counter.press(1)
    counter.settle()
    assert counter.levels() == [5]
    counter.run(11_000)
    assert sum(counter.status[name] for name in ("bad_crc", "bad_cobs", "bad_length", "skipped_bytes")) > 0


def test_control_c_does_not_stop_the_program(counter: Counter) -> None:
    send(counter, b"\x03" * 64 + b"\x04" * 8 + b"\x00")
    assert counter.ask(messages.QUERY) == reasons.OK


def test_frames_of_another_session_are_dropped(counter: Counter) -> None:
    body = messages.encode(messages.PAUSE, {"paused": True})
    send(counter, frame.encode(messages.PAUSE, 77, 5, body))
    counter.run(11_000)
    assert counter.state == "idle" and counter.status["bad_session"] >= 1


def test_unknown_and_malformed_requests_are_answered(counter: Counter) -> None:
    session = counter.peer.link.session
    send(counter, frame.encode(messages.INVITE, session, 201, b"\x80"))
    send(counter, frame.encode(0x2E, session, 202, b"\x80"))
    counter.run(11_000)
    assert counter.status["bad_message"] == 1 and counter.status["unknown_message"] == 1
    assert counter.ask(messages.QUERY) == reasons.OK


def test_counters_and_round_trip_are_in_every_status(counter: Counter) -> None:
    send(counter, b"\x01\x02\x03\x00")
    counter.run(21_000)
    reader = {"frames", "bad_crc", "bad_length", "bad_cobs", "skipped_bytes"}
    link = {"bad_session", "bad_message", "unknown_message", "frames_sent", "sessions", "rtt_ms", "rto_ms"}
    agent = counter.peer.link.status()
    simulated = counter.terminal.status()["link"]
    assert reader | link | {"resent", "holes", "timeouts"} <= set(counter.status)
    assert reader | link | {"early", "duplicates", "voids", "requests_resent"} <= set(agent)
    assert simulated["told"] == counter.status and simulated["rtt_ms"] == counter.status["rtt_ms"]
    for way in ("to_terminal", "from_terminal"):
        assert reader | {"bytes"} == set(simulated[way])
    assert counter.status["bad_cobs"] + counter.status["bad_length"] == 1
    assert simulated["to_terminal"]["skipped_bytes"] == counter.status["skipped_bytes"] == 3
    assert simulated["from_terminal"]["frames"] == agent["frames"] > 5
    assert 0 <= counter.status["rtt_ms"] < 100 and 0 <= agent["rtt_ms"] < 100
    counter.terminal.unplug()
    counter.run(500)
    assert counter.terminal.status()["link"]["rtt_ms"] is None


def test_request_sent_twice_is_done_once(counter: Counter) -> None:
    fields = {
        "invite": invite_id(1), "age_ms": 0, "ttl_ms": 9_000, "timeout_ms": 0, "origin": 1, "qr": None,
    }  # fmt: skip
    data = frame.encode(messages.INVITE, counter.peer.link.session, 150, messages.encode(messages.INVITE, fields))
    for _ in range(3):
        send(counter, data)
    assert [state for state, _ in counter.states].count("invited") == 1


def test_port_closed_and_opened_again_finds_all_events(counter: Counter) -> None:
    usb = counter.terminal.engine.soc.usb
    for n in range(1, 4):
        usb.close()
        counter.peer.detach()
        counter.run(500)
        counter.press("clerk")
        counter.run(800)
        counter.press(n)
        counter.run(9_000)
        counter.connect()
        counter.settle()
    assert [fields["level"] for _, fields in counter.told(rating.RATED)] == [5, 4, 3]
    counter.check_chain()


def test_reader_that_stops_reading_blocks_nothing(counter: Counter) -> None:
    counter.acknowledges = False
    usb = counter.terminal.engine.soc.usb
    usb.on_data, taking = (lambda data: False), usb.on_data
    for n in range(1, 4):
        counter.terminal.press("clerk")
        counter.run(1_000)
        counter.terminal.press(n)
        counter.run(10_000)
    usb.on_data = taking
    counter.acknowledges = True
    counter.connect()
    counter.settle()
    counter.check_chain()


def test_backlog_of_a_long_absence_drains_in_order(counter: Counter) -> None:
    assert (
        counter.ask(messages.CONFIG, policy={"detail": "off", "change_ms": 0, "thanks_ms": 0, "guard_ms": 0})
        == reasons.OK
    )
    counter.settle()
    counter.terminal.unplug()
    counter.run(31_000)
    for n in range(90):
        counter.terminal.press("clerk", 60)
        counter.run(120)
        counter.terminal.press(1 + n % 5, 60)
        counter.run(160)
    counter.terminal.plug()
    counter.connect()
    counter.settle()
    assert [fields["level"] for _, fields in counter.told(rating.RATED)] == [6 - (1 + n % 5) for n in range(90)]
    counter.check_chain()


def test_silence_of_the_agent_is_noticed_and_shown(counter: Counter) -> None:
    band = (0, 0, 320, 46)
    counter.run(300)
    with_link = counter.terminal.screenshot().crop(band).tobytes()
    counter.peer._detached = True  # the port stays open, nothing is said
    counter.run(32_000)
    expected = draw_all("k5")["idle_offline.zh"].picture.crop(band)
    assert counter.terminal.screenshot().crop(band).tobytes() == expected.tobytes()
    counter.connect()
    counter.run(300)
    assert counter.terminal.screenshot().crop(band).tobytes() == with_link
