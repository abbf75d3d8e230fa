"""Provisioning one terminal: what goes to it, what the station keeps, and that the secret goes nowhere else."""

import json
import logging
import stat

import pytest

from host_agent import qr_codes, qr_token
from host_agent.errors import UserError
from host_agent.provision import record, sealed
from host_agent.provision.identity_key import read_private
from host_agent.provision.record import provision
from host_agent.provision.station import ENDED, LOST, MADE, WRITTEN
from tests.provision.stations import BASE_URL, PASSPHRASE, city_keys, make_station, yiping

PLACE = ("k5", "centre-1", "07")


@pytest.fixture
def station(tmp_path):
    made = make_station(tmp_path)
    yield made
    made.close()


def made_at(station, terminal=None, **options):
    return provision(station, terminal or station.next_terminal(), *PLACE, **options)


def secret_of(made):
    return json.loads(made.settings)["secret"]


def test_settings_are_those_that_the_firmware_reads(station, tmp_path):
    from store import settings  # the firmware's own reader

    made = made_at(station, reveal_level=True, link="uart")
    path = tmp_path / "settings.json"
    path.write_bytes(made.settings)
    own = settings.load(str(path))
    assert (own.terminal, own.epoch, own.board, own.window) == (made.entry.terminal, 1, "k5", "07")
    assert own.reveal_level is True and own.link == "uart" and own.journal == "new"
    key = qr_token.read_key(tmp_path / "qr.key")
    assert own.qr == qr_codes.packed(qr_codes.Codes(BASE_URL, key, "centre-1").window("07"))
    assert made.window_address.startswith(BASE_URL)


def test_secret_and_journal_are_new_each_time_and_levels_are_told_only_when_said(station):
    all_made = [made_at(station) for _ in range(3)]
    values = [json.loads(made.settings) for made in all_made]
    assert len({value["secret"] for value in values}) == len({value["journal_id"] for value in values}) == 3
    assert all(value["reveal_level"] is False and len(bytes.fromhex(value["secret"])) == 32 for value in values)
    assert len({value["terminal"] for value in values}) == 3


def test_station_without_codes_makes_settings_without_one(tmp_path):
    station = make_station(tmp_path, "bare", codes=False)
    made = made_at(station)
    assert made.window_address is None and "qr" not in json.loads(made.settings)
    station.close()


def test_record_is_durable_before_the_settings_are_handed_out_and_opens_at_the_city(station):
    made = made_at(station)
    text, box, proof = station._db.conn.execute("SELECT public, sealed, proof FROM records").fetchone()
    public = json.loads(text)
    opened = sealed.unseal(read_private(city_keys()[0]), public, box)
    assert opened.secret is not None and opened.secret.hex() == secret_of(made)
    assert sealed.sha256(opened.proof).digest() == proof
    public["reveal_level"] = True
    with pytest.raises(sealed.SealedError, match="altered"):
        sealed.unseal(read_private(city_keys()[0]), public, box)


def test_nothing_is_handed_out_when_the_record_cannot_be_kept(station):
    station._db.conn.execute("CREATE TRIGGER no BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(Exception, match="full"):
        made_at(station)
    assert station.places() == []


def test_epoch_rises_and_one_in_use_must_end_first(station):
    first = made_at(station)
    terminal = first.entry.terminal
    again = made_at(station, terminal)  # the first settings never reached it
    assert again.entry.epoch == 2
    station.written(terminal, 2)
    with pytest.raises(UserError, match="in use, in epoch 2"):
        made_at(station, terminal)
    station.ended(terminal, 2, 41)
    third = made_at(station, terminal, after_epoch=7)
    assert third.entry.epoch == 8
    states = [(place.epoch, place.state, place.last_seq) for place in station.epochs(terminal)]
    assert states == [(1, MADE, None), (2, ENDED, 41), (8, MADE, None)]


def test_lost_terminal_may_be_provisioned_again_and_the_city_is_told(station):
    made = made_at(station)
    terminal = made.entry.terminal
    station.written(terminal, 1)
    station.lost(terminal, 1)
    assert station.newest(terminal).state == LOST
    told = [json.loads(row[0]) for row in station._db.conn.execute("SELECT public FROM records ORDER BY n")]
    assert [(one["n"], one["what"]) for one in told] == [(1, "provisioned"), (2, "lost")]
    assert made_at(station, terminal).entry.epoch == 2
    with pytest.raises(UserError, match="epoch 1 is lost"):
        station.lost(terminal, 1)
    with pytest.raises(UserError, match="made no epoch 9"):
        station.written(terminal, 9)


def test_written_is_repeatable_after_a_crash(station):
    terminal = made_at(station).entry.terminal
    station.written(terminal, 1)
    station.written(terminal, 1)
    assert station.newest(terminal).state == WRITTEN


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"terminal": "YP-000001-J"}, "mistyped"),
        ({"board": "k9"}, "no board 'k9'"),
        ({"centre": "a/b"}, "centre 'a/b' cannot be"),
        ({"window": ""}, "window '' cannot be"),
        ({"link": "radio"}, "no link 'radio'"),
    ],
)
def test_wrong_values_are_refused_before_anything_is_kept(station, changed, said):
    values = {"terminal": "YP-000001-S", "board": "k5", "centre": "c", "window": "1", "link": "usb"} | changed
    link = values.pop("link")
    with pytest.raises(UserError, match=said):
        provision(station, **values, link=link)
    assert station._db.conn.execute("SELECT count(*) FROM records").fetchone()[0] == 0


def test_window_code_too_large_for_the_screen_is_refused(station, monkeypatch):
    monkeypatch.setattr(record.qr_codes, "packed", lambda text: None)
    with pytest.raises(UserError, match="too large"):
        made_at(station)
    assert station.places() == []


def test_new_ids_never_come_again_and_skip_those_given_by_hand(station):
    assert station.next_terminal() == "YP-000001-S"
    provision(station, "YP-000002-Q", *PLACE)
    assert station.next_terminal().startswith("YP-000003-")


def test_station_keeps_no_secret_anywhere_and_its_file_is_private(station, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    secrets_made = [secret_of(made_at(station)) for _ in range(4)]
    station.written(station.places()[0].terminal, 1)
    shown = yiping("station", "list", "--station", station.path).output
    shown += yiping("station", "list", "--json", "--station", station.path).output
    out, err = capfd.readouterr()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(kept) > 10_000 and "YP-000004" in shown
    for secret in secrets_made:
        for text in (shown, out, err, caplog.text):
            assert secret not in text
        assert bytes.fromhex(secret) not in kept and secret.encode() not in kept
    for path in tmp_path.glob("bench-1.db*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PASSPHRASE.encode() not in station.path.read_bytes()


def test_secret_is_not_in_what_is_printed_of_the_objects(station):
    made = made_at(station)
    assert secret_of(made) not in repr(made) and "07" in repr(made)


def test_station_commands_make_list_and_refuse(tmp_path):
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    words = ("station", "init", "--name", "bench", "--station", tmp_path / "s.db", "--city", city_keys()[1])
    words += ("--passphrase-file", tmp_path / "passphrase")
    done = yiping(*words)
    assert done.exit_code == 0 and "station " in done.output and PASSPHRASE not in done.output
    assert yiping("station", "list", "--station", tmp_path / "s.db").output == "no terminals yet\n"
    again = yiping(*words)
    assert again.exit_code == 1 and "there is a station already" in again.output
    none = yiping("station", "list", "--station", tmp_path / "none.db")
    assert none.exit_code == 1 and "yiping station init" in none.output
    wrong = yiping(*words[:-4], "--city", tmp_path / "passphrase", *words[-2:])
    assert wrong.exit_code == 1 and "no key to seal records with" in wrong.output
    (tmp_path / "passphrase").write_text("short\n")
    short = yiping(*words[:5], tmp_path / "t.db", *words[6:])
    assert short.exit_code == 1 and "too short" in short.output
