"""The station's file: several programs change it at once, one holds it, its making is cut off."""

import sqlite3
import threading

import pytest

from host_agent.errors import UserError
from host_agent.provision.record import provision
from host_agent.provision.station import Station
from tests.provision.stations import make_station

PROGRAMS, EACH = 4, 15


def test_programs_that_take_ids_at_once_all_get_their_own(tmp_path):
    path = make_station(tmp_path, codes=False).path
    taken: list[str] = []
    failed: list[BaseException] = []

    def work() -> None:
        station = Station(path)
        try:
            for _ in range(EACH):
                terminal = station.next_terminal()
                provision(station, terminal, "k5", "C01", terminal)
                station.written(terminal, 1)
                taken.append(terminal)
        except UserError as error:
            failed.append(error)
        finally:
            station.close()

    threads = [threading.Thread(target=work) for _ in range(PROGRAMS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and len(set(taken)) == PROGRAMS * EACH
    station = Station(path)
    assert [n for n, _, _ in station.records(1)] == list(range(1, PROGRAMS * EACH + 1))
    station.close()


def test_station_that_another_program_holds_is_told_with_a_cure_and_nothing_is_changed(tmp_path):
    station = make_station(tmp_path, codes=False)
    terminal = station.next_terminal()
    provision(station, terminal, "k5", "C01", "W01")
    station._db.conn.execute("PRAGMA busy_timeout = 20")
    holder = sqlite3.connect(station.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for change in (station.next_terminal, lambda: station.lost(terminal, 1), lambda: station.written(terminal, 1)):
        with pytest.raises(UserError, match="the station cannot be changed") as caught:
            change()
        assert "end the program that holds it" in caught.value.cure
    holder.close()
    station.lost(terminal, 1)
    assert station.newest(terminal).state == "lost"
    station.close()


def test_change_that_fails_in_its_middle_leaves_nothing(tmp_path):
    station = make_station(tmp_path, codes=False)
    with pytest.raises(RuntimeError), station.transaction():
        provision(station, station.next_terminal(), "k5", "C01", "W01")
        raise RuntimeError
    assert station.places() == [] and station.next_terminal() == "YP-000001-S"
    station.close()


def test_station_whose_making_was_cut_off_is_made_the_next_time(tmp_path):
    (tmp_path / "bench-1.db.part").write_bytes(b"cut off")
    (tmp_path / "bench-1.db.part-wal").write_bytes(b"cut off")
    station = make_station(tmp_path, codes=False)
    assert station.next_terminal() == "YP-000001-S" and station.path.stat().st_mode & 0o777 == 0o600
    station.close()
    assert not list(tmp_path.glob("*.part*"))
