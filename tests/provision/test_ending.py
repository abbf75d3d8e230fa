"""Provisioning anew and swapping, ended by a power cut between any two steps: no event is lost, no epoch used twice."""

import json

import pytest

from host_agent.errors import UserError
from host_agent.provision import ending, export, importing, signing
from host_agent.provision.identity_key import read_private
from host_agent.provision.registry import Registry
from host_agent.provision.station import ENDED, LOST, MADE, WRITTEN
from host_agent.rescue import archive
from host_agent.rescue import image as chip_image
from protocol import evidence, rating
from tests.both.support import aes
from tests.provision.bench_board import BenchBoard, PowerCut
from tests.provision.stations import PASSPHRASE, city_keys, make_station

PLACE = ("C01", "W01")
YP1 = "YP-000001-S"


@pytest.fixture
def station(tmp_path):
    made = make_station(tmp_path, codes=False)
    yield made
    made.close()


def archived(folder):
    """Return identity → bytes of every event in the archives."""
    return {event.place: event.evidence for path in folder.glob("*.rescue") for event in archive.read(path)}


def working(station, folder, ratings=5):
    """Return a board that is provisioned and has worked."""
    board = BenchBoard()
    ending.renew(board, station, folder, YP1, PLACE, False)
    board.work(ratings)
    return board


def test_bare_board_is_provisioned_with_nothing_to_archive(station, tmp_path):
    board = BenchBoard()
    ended, made = ending.renew(board, station, tmp_path / "a", YP1, PLACE, True)
    assert (ended.archive, ended.events, made.entry.epoch) == (None, 0, 1)
    assert board.settings["reveal_level"] is True and board.settings["journal"] == "new"
    assert station.newest(YP1).state == WRITTEN and not (tmp_path / "a").exists()


def test_renewed_terminal_leaves_every_event_in_the_archive_and_a_higher_epoch(station, tmp_path):
    board = working(station, tmp_path / "a")
    ended, made = ending.renew(board, station, tmp_path / "a", YP1, ("C01", "W02"), False)
    assert (ended.last_seq, ended.events, made.entry.epoch) == (6, 6, 2)
    assert archived(tmp_path / "a") == board.sealed
    states = [(one.epoch, one.state, one.last_seq, one.window) for one in station.epochs(YP1)]
    assert states == [(1, ENDED, 6, "W01"), (2, WRITTEN, None, "W02")]


def test_end_alone_may_be_repeated(station, tmp_path):
    board = working(station, tmp_path / "a")
    first = ending.end(board, station, tmp_path / "a")
    assert ending.end(board, station, tmp_path / "a") == first
    assert len(list((tmp_path / "a").iterdir())) == 1
    board.work(3)
    assert ending.end(board, station, tmp_path / "a").last_seq == first.last_seq


def steps_of(tmp_path):
    """Return how many steps a renewal takes."""
    folder = tmp_path / "count"
    folder.mkdir()
    station = make_station(folder, codes=False)
    board = working(station, folder / "a")
    before = board.steps
    ending.renew(board, station, folder / "a", YP1, PLACE, False)
    station.close()
    return before, board.steps


NOTES = ("written", "ended", "add")


@pytest.mark.parametrize("when", ["before", "after"])
def test_cut_at_every_step_of_a_renewal_loses_nothing_and_is_resumed(tmp_path, when, monkeypatch):
    first, last = steps_of(tmp_path)
    assert last - first >= 5
    cuts = [("step", step) for step in range(first + 1, last + 1)] + [("note", name) for name in NOTES]
    for what, which in cuts:
        folder = tmp_path / f"{what}-{which}"
        folder.mkdir()
        station = make_station(folder, codes=False)
        board = working(station, folder / "a")
        with monkeypatch.context() as patched:
            if what == "step":
                board.cut_at = (which, when)
            else:
                cut_note(patched, station, which, when)
            with pytest.raises(PowerCut):
                ending.renew(board, station, folder / "a", YP1, PLACE, False)
        board.cut_at = None
        board.work(2)  # the power comes back before anybody is at the bench: it starts as what it is
        finish(board, station, folder, f"{what} {which} {when}")
        station.close()


def cut_note(patched, station, name, when):
    real = getattr(type(station), name)

    def cut(self, *args):
        if when == "after":
            real(self, *args)
        raise PowerCut()

    patched.setattr(type(station), name, cut)


def finish(board, station, folder, tag):
    """Renew until it is done, let it work, and judge the whole story at the city."""
    ending.renew(board, station, folder / "a", YP1, PLACE, False)
    board.work(4)
    ending.end(board, station, folder / "a")
    assert archived(folder / "a") == board.sealed, tag
    city = Registry(folder / "registry.db", create=True)
    data = export.make(station, PASSPHRASE.encode())[0]
    importing.take(city, _private(), export.read(data), signing.fingerprint(station.public_key), 1)
    epochs = {}
    for (terminal, epoch, _), event in sorted(board.sealed.items()):
        key = evidence.event_key(city.get(terminal, epoch).secret, epoch)
        clear, _ = evidence.open_event(aes, key, event)
        epochs.setdefault(epoch, []).append(clear.kind)
    for epoch, kinds in epochs.items():
        assert kinds.count(rating.LAST_OF_EPOCH) == 1 and kinds[-1] == rating.LAST_OF_EPOCH, (tag, epoch)
    assert city.get(YP1, board.settings["epoch"]).secret.hex() == board.settings["secret"], tag
    assert station.newest(YP1).epoch == board.settings["epoch"], tag
    city.close()


def _private():
    global _KEY
    if _KEY is None:
        _KEY = read_private(city_keys()[0])
    return _KEY


_KEY = None


def test_queue_that_cannot_be_read_whole_keeps_the_terminal_as_it_is(station, tmp_path):
    board = working(station, tmp_path / "a", 30)
    event = board.sealed[(YP1, 1, 12)]
    at = bytes(board.image).find(event)
    board.image[at : at + 170] = bytes(170)
    before = dict(board.settings)
    with pytest.raises(UserError, match="events 12 to 12 of YP-000001-S cannot be read") as caught:
        ending.renew(board, station, tmp_path / "a", YP1, PLACE, False)
    assert "--accept-damage" in caught.value.cure
    assert board.settings == before and station.newest(YP1).state == WRITTEN and station.newest(YP1).epoch == 1
    ended, made = ending.renew(board, station, tmp_path / "a", YP1, PLACE, False, accept_damage=True)
    assert made.entry.epoch == 2 and set(board.sealed) - set(archived(tmp_path / "a")) == {(YP1, 1, 12)}
    assert ended.events == 30


def test_terminal_that_cannot_seal_is_told_and_kept(station, tmp_path):
    board = working(station, tmp_path / "a")
    for answer in ('{"why": 28}', '{"error": "JEDEC id 000000"}', "Traceback"):
        board._end = lambda answer=answer: answer
        with pytest.raises(UserError):
            ending.renew(board, station, tmp_path / "a", YP1, PLACE, False)
    assert station.newest(YP1).epoch == 1 and station.newest(YP1).state == WRITTEN


def test_spare_that_was_another_terminal_ends_as_that_one(station, tmp_path):
    board = working(station, tmp_path / "a")
    other = station.next_terminal()
    _, made = ending.renew(board, station, tmp_path / "a", other, ("C01", "W09"), False)
    assert (made.entry.terminal, made.entry.epoch) == (other, 1)
    assert station.newest(YP1).state == ENDED and archived(tmp_path / "a") == board.sealed


def test_epoch_of_another_station_is_ended_all_the_same(station, tmp_path):
    board = working(station, tmp_path / "a")
    folder = tmp_path / "second"
    folder.mkdir()
    second = make_station(folder, "bench-2", first=50, codes=False)
    _, made = ending.renew(board, second, folder / "a", YP1, PLACE, False)
    assert made.entry.epoch == 2 and archived(folder / "a") == board.sealed
    second.close()


def test_settings_that_never_came_to_life_are_ended_without_an_event(station, tmp_path):
    board = BenchBoard()
    ending.renew(board, station, tmp_path / "a", YP1, PLACE, False)
    ended, made = ending.renew(board, station, tmp_path / "a", YP1, PLACE, False)
    assert (ended.last_seq, made.entry.epoch) == (0, 2)
    assert [one.state for one in station.epochs(YP1)] == [ENDED, WRITTEN]
    assert {MADE, LOST}.isdisjoint(one.state for one in station.epochs(YP1))


def test_no_archive_holds_the_secret(station, tmp_path):
    board = working(station, tmp_path / "a")
    secret = board.settings["secret"]
    ending.renew(board, station, tmp_path / "a", YP1, PLACE, False)
    for path in (*(tmp_path / "a").iterdir(), *tmp_path.glob("bench-1*")):
        raw = path.read_bytes()
        assert secret.encode() not in raw and bytes.fromhex(secret) not in raw
    assert json.loads(next((tmp_path / "a").iterdir()).read_text().splitlines()[0])["format"] == archive.FORMAT


def test_archive_that_was_altered_stays_and_the_chip_is_archived_beside_it(station, tmp_path):
    board = working(station, tmp_path / "a")
    first = ending.end(board, station, tmp_path / "a").archive
    first.write_bytes(first.read_bytes()[:-20])
    again = ending.end(board, station, tmp_path / "a").archive
    assert again != first and archive.read(again)


def test_terminal_that_a_chip_names_wrongly_leads_no_archive_out_of_its_folder(station, tmp_path):
    board = working(station, tmp_path / "a")
    chip = chip_image.read(bytes(board.image))
    path = ending.save(chip, ending.About("", "../../out", 1), 6, tmp_path / "a", "prompt")
    assert path == tmp_path / "a" / "unknown-1-6.rescue"
