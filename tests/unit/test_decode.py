"""`yiping decode` opens the vectors, reads captures, and says what does not open."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from host_agent.cli import main
from protocol import cbor, evidence, frame, messages
from tests.both.support import aes, vectors
from tests.both.test_messages import SAMPLES
from tests.unit.line import World

CHAINS = vectors("evidence.json")["chains"]


def _decode(*args: str, stdin: str | bytes = "") -> tuple[int, list[dict], str]:
    result = CliRunner().invoke(main, ["decode", *args], input=stdin)
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return result.exit_code, lines, result.output


def _events(chain: dict, lines: list[str]) -> tuple[int, list[dict], str]:
    return _decode("event", "--secret", chain["secret"], "--epoch", str(chain["epoch"]), stdin="\n".join(lines) + "\n")


@pytest.mark.parametrize("index", range(len(CHAINS)))
def test_event_opens_the_vectors_with_fields_by_name(index: int) -> None:
    chain = CHAINS[index]
    code, lines, output = _events(chain, [case["event"] for case in chain["events"]])
    assert code == 0, output
    assert len(lines) == len(chain["events"])
    for line, case in zip(lines, chain["events"], strict=True):
        assert (line["seq"], line["boot"], line["kind"]) == (case["seq"], case["boot"], case["kind"])
        assert line["invite"] == (case["invite"] or None)
        assert line["terminal"] == chain["terminal_id"]
        assert line["chain"] == "ok"
        fields = cbor.decode_prefix(bytes.fromhex(case["plaintext"]))[0]
        for key, value in fields.items():
            assert line[evidence.FIELD_NAMES[key]] == (value.hex() if isinstance(value, bytes) else value)


def test_event_that_does_not_open_is_told_and_the_others_still_come() -> None:
    chain = CHAINS[0]
    good = [case["event"] for case in chain["events"][:3]]
    flipped = good[1][:-2] + f"{int(good[1][-2:], 16) ^ 1:02x}"
    code, lines, _ = _events(chain, [good[0], flipped, "zz", "", good[2]])
    assert code == 1
    assert [line.get("seq") for line in lines] == [1, None, None, 3]
    assert lines[1]["line"] == 2 and "tag" in lines[1]["error"]
    assert lines[2] == {"line": 3, "error": "not hexadecimal"}
    assert lines[3]["chain"] == "unknown"


def test_event_lines_as_people_keep_them_are_read() -> None:
    chain = CHAINS[0]
    one, two = (case["event"] for case in chain["events"][:2])
    text = b"\xef\xbb\xbf" + f"\r\n{one.upper()}\r\n\r\n  {two}  \r\n\t\r\n".encode()
    code, lines, output = _decode("event", "--secret", chain["secret"], "--epoch", "1", stdin=text)
    assert code == 0, output
    assert [(line["seq"], line["chain"]) for line in lines] == [(1, "ok"), (2, "ok")]
    assert _decode("event", "--secret", chain["secret"], "--epoch", "1", stdin="")[:2] == (0, [])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (lambda event: event[:-1], "not hexadecimal"),
        (lambda event: event[:-2], "ends inside a string"),
        (lambda event: "0x" + event, "not hexadecimal"),
        (lambda event: event + "00", "bytes after the object"),
        (lambda event: event * 2, "bytes after the object"),
        (lambda event: "é\x00", "not hexadecimal"),
    ],
)
def test_event_that_is_cut_or_longer_is_told_by_its_line(line: Callable[[str], str], error: str) -> None:
    chain = CHAINS[0]
    event = chain["events"][0]["event"]
    code, lines, _ = _events(chain, [event, line(event)])
    assert code == 1 and lines[0]["seq"] == 1 and lines[1]["line"] == 2 and error in lines[1]["error"]


def test_event_typed_at_a_keyboard_is_asked_for_and_an_output_that_takes_nothing_is_told() -> None:
    chain = CHAINS[0]
    command = [sys.executable, "-m", "host_agent", "decode", "event", "--secret", chain["secret"], "--epoch", "1"]
    master, slave = pty.openpty()
    asked = subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(slave)
    os.write(master, chain["events"][0]["event"].encode() + b"\n\x04")
    out, err = asked.communicate(timeout=60)
    os.close(master)
    assert asked.returncode == 0 and json.loads(out)["seq"] == 1 and b"one a line in hex" in err
    with open(os.devnull, "rb") as takes_nothing:
        events = chain["events"][0]["event"].encode()
        told = subprocess.run(
            command, input=events, stdout=takes_nothing, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert told.returncode == 1 and told.stderr.startswith(b"yiping: ") and told.stderr.count(b"\n") == 1


def test_event_under_another_secret_or_epoch_does_not_open() -> None:
    chain = CHAINS[0]
    event = chain["events"][0]["event"]
    code, lines, _ = _decode("event", "--secret", "00" * 32, "--epoch", "1", stdin=event)
    assert code == 1 and "tag" in lines[0]["error"]
    code, lines, _ = _decode("event", "--secret", chain["secret"], "--epoch", "2", stdin=event)
    assert code == 1 and "epoch 1, not 2" in lines[0]["error"]


def test_event_that_opens_but_is_not_canonical_is_refused() -> None:
    secret, kid = bytes(range(32)), "YP-0001"
    sealer = evidence.Sealer(aes, evidence.event_key(secret, 1), kid, 1)
    event = sealer.seal(1, None, 1, 1, {6: 5, 5: bytes(8)})
    assert event[0] == 0x83
    longer = b"\x98\x03" + event[1:]  # the same array with a longer head
    code, lines, _ = _decode("event", "--secret", secret.hex(), "--epoch", "1", stdin=longer.hex())
    assert code == 1 and "deterministic" in lines[0]["error"]
    unsorted = cbor.decode(event)
    header = unsorted[0]
    assert header[:3] == b"\xa5\x01\x0a"
    moved = b"\xa5" + header[3:] + header[1:3]
    event = cbor.encode([moved, {}, unsorted[2]])
    code, lines, _ = _decode("event", "--secret", secret.hex(), "--epoch", "1", stdin=event.hex())
    assert code == 1 and "order" in lines[0]["error"]


def test_event_chain_that_does_not_hold_is_told() -> None:
    secret = bytes(range(32))
    sealer = evidence.Sealer(aes, evidence.event_key(secret, 1), "YP-0001", 1)
    first = sealer.seal(16, None, 1, 1, {5: bytes(8)})
    second = sealer.seal(23, None, 1, 2, {5: b"12345678"})
    third = sealer.seal(23, None, 1, 3, {5: evidence.prev_hash(second)})
    again = sealer.seal(23, None, 2, 1, {5: b"12345678"})
    stdin = "\n".join(event.hex() for event in (first, second, third, again))
    code, lines, _ = _decode("event", "--secret", secret.hex(), "--epoch", "1", stdin=stdin)
    assert code == 0, "every event opens"
    assert [line["chain"] for line in lines] == ["ok", "broken", "ok", "broken"]


def test_event_wrong_options_are_usage_errors() -> None:
    for args in (["--secret", "00", "--epoch", "1"], ["--secret", "0g" * 32, "--epoch", "1"], ["--epoch", "1"]):
        assert _decode("event", *args)[0] == 2
    assert _decode("event", "--secret", "00" * 32, "--epoch", "65536")[0] == 2


def test_capture_shows_every_message_and_counts_damage(tmp_path) -> None:
    stream = b"\x55\x66"
    for number, (type_, fields) in enumerate(SAMPLES):
        stream += frame.encode(type_, 7, number, messages.encode(type_, fields))
    stream += frame.encode(0x77, 7, 0, b"\x80") + b"\x01\x02"
    path = tmp_path / "capture.bin"
    path.write_bytes(stream)
    code, lines, _ = _decode("capture", "--json", str(path))
    assert code == 0
    names = [messages.name(type_) for type_, _ in SAMPLES]
    assert [line["type"] for line in lines[:-1]] == [*names, "0x77"]
    assert lines[-2]["error"].startswith("unknown message")
    assert lines[-1]["counters"] == {
        "frames": len(SAMPLES) + 1,
        "bad_crc": 0,
        "bad_length": 0,
        "bad_cobs": 1,
        "skipped_bytes": 4,
    }
    code, _, output = _decode("capture", str(path))
    assert code == 0 and "INVITE session=7" in output and "skipped_bytes 4" in output
    code, _, with_hex = _decode("capture", "--hex", stdin=stream.hex())
    assert code == 0 and with_hex == output
    code, _, output = _decode("capture", "--hex", stdin="not hex")
    assert code == 1 and output.startswith("yiping: ") and output.count("\n") == 1


def test_capture_without_a_frame_is_told_with_what_to_try() -> None:
    code, _, output = _decode("capture", stdin=frame.encode(messages.QUERY, 1, 2, b"\x80").hex())
    assert code == 1 and output.splitlines()[-1].startswith("yiping: no frame in it") and "--hex" in output
    assert _decode("capture", stdin="")[0] == 0
    code, _, output = _decode("capture", "--hex", stdin="00 11 22 33")
    assert code == 1 and "--hex" not in output
    assert _decode("capture", "/nowhere")[0] == 2


def test_capture_of_a_live_link_shows_clear_parts_and_no_level() -> None:
    world = World(1)
    recorded = bytearray()
    send = world.up.send
    world.up.send = lambda data, now_ms: (recorded.extend(data), send(data, now_ms))
    sealer = evidence.Sealer(aes, bytes(16), "YP-0001", 1)
    world.outbox.add(sealer.seal(1, b"0123456789abcdef", 3, 1, {5: bytes(8), 6: 5}))
    assert world.run(10000, world.is_all_stored)
    _, lines, _ = _decode("capture", "--json", stdin=bytes(recorded))
    events = [event for line in lines for event in line.get("events", [])]
    assert events[0]["kind"] == "rated" and events[0]["invite"] == b"0123456789abcdef".hex()
    assert "level" not in json.dumps(lines)


def test_capture_names_content_frames_and_shows_no_picture(tmp_path) -> None:
    data = b"".join(
        (
            frame.encode(messages.BULK_DATA, 7, 3, (1024).to_bytes(4, "little") + b"portrait"),
            frame.encode(
                messages.BULK_ACK, 7, 3, messages.encode(messages.BULK_ACK, {"next": 1032, "reason": 1, "held": 0})
            ),
            frame.encode(messages.BULK_CLOSE, 7, 4, b"\x80"),
        )
    )
    (tmp_path / "line").write_bytes(data)
    code, lines, output = _decode("capture", str(tmp_path / "line"), "--json")
    assert code == 0 and b"portrait".hex() not in output
    assert [line.get("type") for line in lines[:3]] == ["BULK_DATA", "BULK_ACK", "BULK_CLOSE"]
    assert lines[0]["fields"] == {"offset": 1024, "data_bytes": 8}
    assert lines[1]["reason"] == "busy" and lines[1]["fields"] == {"next": 1032, "held": 0}
    assert "BULK_DATA session=7 id=3 12 B  offset=1024 data_bytes=8" in _decode("capture", str(tmp_path / "line"))[2]


def test_capture_shows_no_level_of_a_terminal_that_reveals(tmp_path) -> None:
    rated = {"invite": bytes(16), "final": True, "level": 2, "biz": 1, "tags": [213]}
    body = messages.encode(messages.REPLY, {"reason": 0, "detail": {"state": "idle", "rated": rated}})
    (tmp_path / "line").write_bytes(frame.encode(messages.REPLY, 7, 3, body))
    _, lines, _ = _decode("capture", str(tmp_path / "line"), "--json")
    assert lines[0]["detail"] == {"state": "idle", "rated": {"invite": "00" * 16, "final": True}}
