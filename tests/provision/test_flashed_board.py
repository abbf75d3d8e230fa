"""The whole firmware on a board with the jumper set: interrupted, its epoch ended at the prompt, and started again."""

import json
from pathlib import Path

import pytest
from littlefs import LittleFS

from host_agent.rescue import archive, image
from protocol import rating
from simulator.bare_board import BareBoard
from simulator.stage import FIRMWARE, PROTOCOL, _files
from tests.provision.stations import make_station, yiping
from tests.unit.simulated import wait_for

BLOCK_BYTES, BLOCKS = 4096, 768


def flashed(folder):
    """Return a board with the firmware on its flash, never provisioned."""
    folder.mkdir()
    flash = LittleFS(block_size=BLOCK_BYTES, block_count=BLOCKS, disk_version=0x00020000)
    for path, data in _files(FIRMWARE, PROTOCOL, "k5").items():
        parent = path.rpartition("/")[0]
        if parent:
            flash.makedirs(parent, exist_ok=True)
        with flash.open(path, "wb") as file:
            file.write(data)
    (folder / "flash.img").write_bytes(bytes(flash.context.buffer))
    about = {"chip": "rp2350", "release": "1.29.0", "date": "2026-06-01", "spent": []}
    (folder / "board.json").write_text(json.dumps(about))
    return BareBoard(folder, jumper=True)


def kinds_on(board):
    return [event.kind for event in image.read((board.folder / "nor.bin").read_bytes()).events]


def restart(board):
    board.unplug()
    board.plug()
    wait_for(lambda: board.port is not None and board.data_port is not None, "both ports of the terminal")


@pytest.mark.slow
def test_terminal_that_runs_is_interrupted_ended_and_provisioned_anew(tmp_path):
    station = make_station(tmp_path)
    station.close()
    with flashed(tmp_path / "board") as board:
        wait_for(lambda: board.port is not None, "the console's port")
        words = ("--station", station.path, "--port", board.port, "--archives", tmp_path / "rescued")
        place = ("--centre", "C01", "--window", "W01")
        first = yiping("terminal", "swap", *words, *place, "--json")
        assert first.exit_code == 0, first.output + board.console()
        restart(board)
        wait_for(lambda: rating.MAINTENANCE in kinds_on(board), "the start to be sealed")
        ended = yiping("terminal", "end", *words, "--json")
        assert ended.exit_code == 0, ended.output + board.console()
        assert board.engine.resets[-1][1] == "soft_reset"  # the firmware that was interrupted left the memory
        said = json.loads(ended.output)
        kinds = [event.kind for event in archive.read(Path(said["archive"]))]
        assert kinds[0] == rating.BOOT and rating.MAINTENANCE in kinds and kinds[-1] == rating.LAST_OF_EPOCH
        restart(board)
        again = yiping("terminal", "end", *words, "--json")
        assert json.loads(again.output) == said  # the start has sealed nothing more
        renewed = yiping("terminal", "swap", *words, *place, "--json")
        assert json.loads(renewed.output)["epoch"] == 2
