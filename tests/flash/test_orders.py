"""What a run over a fleet leaves to do by hand: queues to be delivered, identities to be told to the city."""

from host_agent.flash import ledger, orders
from host_agent.flash.ledger import Ledger
from host_agent.provision import ending
from tests.provision.bench_board import BenchBoard
from tests.provision.stations import make_station


def test_archive_with_events_that_no_agent_had_is_named_with_the_command(tmp_path):
    kept, station, board = tmp_path / "archive", make_station(tmp_path), BenchBoard()
    book = Ledger(tmp_path / "flash.db")
    run = book.begin_run("k5 1.0")
    before = orders.archives(kept)
    ending.renew(board, station, kept, station.next_terminal(), ("C01", "W01"), False)
    board.work(30)
    ended = ending.end(board, station, kept)
    (said,) = orders.after(book, run, orders.archives(kept) - before)
    assert said.startswith(f"{ended.events} events that no agent had are in {ended.archive}")
    assert f"yiping terminal rescue --archive {ended.archive} --deliver agent.toml" in said
    assert orders.after(book, run, set()) == []
    ended.archive.write_bytes(b"cut off")
    (said,) = orders.after(book, run, {ended.archive})
    assert said.startswith(f"{ended.archive}: ")
    book.close()
    station.close()


def test_new_identities_of_this_run_are_to_be_told_to_the_city(tmp_path):
    book = Ledger(tmp_path / "flash.db")
    for uid in ("a", "b"):
        run = book.begin_run("k5 1.0")
        book.end(book.begin(run, "p", uid, "provision"), ledger.OK, "")
    book.end(book.begin(run, "p", "c", "provision"), ledger.STAGE_FAILED, "")
    (said,) = orders.after(book, run, set())
    assert said.startswith("one terminal has") and said.endswith("yiping registry export")
    book.close()
