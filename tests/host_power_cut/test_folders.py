"""A name is durable only when its folder was synced: the folders and the file that no SQLite makes."""

import os
from pathlib import Path

import pytest

from host_agent import data_lock, folders
from host_agent.receiver.store import Store as CityStore
from host_agent.receiver.targets import FileTarget
from host_agent.store import Store

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows syncs no folder; NTFS keeps a journal of names")


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the inodes that were synced, in order."""
    seen: list[int] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        seen.append(os.fstat(fd).st_ino)
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


def inode(path: Path) -> int:
    return path.stat().st_ino


def test_data_folder_made_by_the_lock_or_a_store_is_durable_with_all_above_it(tmp_path: Path, synced) -> None:
    for name, make in (("lock", data_lock.take), ("agent", Store), ("city", CityStore)):
        synced.clear()
        folder = tmp_path / name / "deep" / "data"
        make(folder).close()
        assert {inode(tmp_path), inode(folder.parent.parent), inode(folder.parent)} <= set(synced), name


def test_folder_that_is_there_costs_no_sync(tmp_path: Path, synced) -> None:
    folders.make(tmp_path)
    assert synced == []


def test_folder_that_cannot_be_synced_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_fd: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fsync)
    folders.make(tmp_path / "data")
    assert (tmp_path / "data").is_dir()


def test_failing_disk_is_told_when_a_folder_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output"):
        folders.make(tmp_path / "data")


def test_records_are_handed_on_only_when_the_files_name_is_durable_too(tmp_path: Path, synced) -> None:
    path = tmp_path / "out" / "ratings.jsonl"
    target = FileTarget(path)
    target.send(["{}"])
    assert {inode(tmp_path), inode(path.parent), inode(path)} <= set(synced)
    synced.clear()
    target.send(["{}"])
    assert synced == [inode(path)]
    path.rename(tmp_path / "out" / "ratings.1.jsonl")
    synced.clear()
    target.send(["{}"])
    assert set(synced) == {inode(path.parent), inode(path)}
