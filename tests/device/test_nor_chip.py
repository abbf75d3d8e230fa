"""The model of the W25Q32JV against its datasheet."""

import random

import pytest

from simulator.chips import nor_array, w25q


@pytest.fixture
def chip() -> w25q.W25Q:
    model = w25q.W25Q(nor_array.NorArray(bytearray(b"\xff" * 65536)))
    model.power_on(0)
    return model


T0 = w25q.WRITE_AFTER_POWER_US


def exchange(chip: w25q.W25Q, mosi: bytes, t_us: int) -> bytes:
    chip.select(t_us)
    miso = chip.transfer(mosi, t_us)
    chip.deselect(t_us)
    return miso


def program(chip: w25q.W25Q, address: int, data: bytes, t_us: int) -> None:
    exchange(chip, bytes([w25q.WRITE_ENABLE]), t_us)
    exchange(chip, bytes([w25q.PAGE_PROGRAM]) + address.to_bytes(3, "big") + data, t_us)


def erase(chip: w25q.W25Q, address: int, t_us: int) -> None:
    exchange(chip, bytes([w25q.WRITE_ENABLE]), t_us)
    exchange(chip, bytes([w25q.SECTOR_ERASE]) + address.to_bytes(3, "big"), t_us)


def read(chip: w25q.W25Q, address: int, size: int, t_us: int) -> bytes:
    return exchange(chip, bytes([w25q.READ_DATA]) + address.to_bytes(3, "big") + bytes(size), t_us)[4:]


def status(chip: w25q.W25Q, t_us: int) -> tuple[int, int]:
    return exchange(chip, b"\x05\0", t_us)[1], exchange(chip, b"\x35\0", t_us)[1]


def test_jedec_id_answers_winbond_4_mib(chip: w25q.W25Q) -> None:
    assert exchange(chip, b"\x9f\0\0\0", T0)[1:] == b"\xef\x40\x16"


def test_program_is_busy_for_its_time_and_then_reads_back(chip: w25q.W25Q) -> None:
    program(chip, 0x1234, b"abc", T0)
    assert status(chip, T0 + 399) == (w25q.BUSY | w25q.WEL, 0)
    assert status(chip, T0 + 400) == (0, 0)
    assert read(chip, 0x1233, 5, T0 + 400) == b"\xffabc\xff"
    assert chip.violations == []


def test_read_in_pieces_continues_at_the_next_byte(chip: w25q.W25Q) -> None:
    program(chip, 0, bytes(range(100)), T0)
    t_us = T0 + 1_000
    chip.select(t_us)
    chip.transfer(b"\x03\0", t_us)
    chip.transfer(b"\0\x05", t_us)
    assert chip.transfer(bytes(3), t_us) + chip.transfer(bytes(2), t_us) == bytes(range(5, 10))


def test_program_without_write_enable_changes_nothing(chip: w25q.W25Q) -> None:
    exchange(chip, b"\x02\0\0\0x", T0)
    assert read(chip, 0, 1, T0 + 1_000) == b"\xff"
    assert len(chip.violations) == 1


def test_program_only_clears_bits_and_a_second_one_is_a_violation(chip: w25q.W25Q) -> None:
    program(chip, 0, b"\xf0", T0)
    program(chip, 0, b"\x3c", T0 + 1_000)
    assert read(chip, 0, 1, T0 + 2_000) == b"\x30"
    assert "not blank" in chip.violations[0]


def test_program_past_the_page_wraps_to_its_start(chip: w25q.W25Q) -> None:
    program(chip, 0x1FE, b"abcd", T0)
    assert read(chip, 0x1FE, 2, T0 + 1_000) == b"ab"
    assert read(chip, 0x100, 3, T0 + 1_000) == b"cd\xff"
    assert "wraps" in chip.violations[0]


def test_erase_takes_its_time_and_blanks_one_sector(chip: w25q.W25Q) -> None:
    chip.array.image[:12288] = bytes(12288)
    erase(chip, 0x1ABC, T0)
    assert status(chip, T0 + 44_999)[0] & w25q.BUSY
    assert not status(chip, T0 + 45_000)[0]
    image = chip.array.image
    assert image[4096:8192] == b"\xff" * 4096 and image[:4096] == image[8192:12288] == bytes(4096)
    assert chip.array.wear[:3] == [0, 1, 0]


def test_instruction_while_busy_is_ignored_and_a_violation(chip: w25q.W25Q) -> None:
    erase(chip, 0, T0)
    assert read(chip, 0x2000, 1, T0 + 10) == b"\xff"
    assert chip.violations == ["instruction 0x03 while busy"]


def test_suspended_erase_lets_another_sector_be_programmed_and_ends_late(chip: w25q.W25Q) -> None:
    erase(chip, 0, T0)
    exchange(chip, b"\x75", T0 + 10_000)
    assert status(chip, T0 + 10_000) == (w25q.BUSY | w25q.WEL, w25q.SUS)
    assert status(chip, T0 + 10_020)[0] & w25q.BUSY == 0
    program(chip, 0x1000, b"x", T0 + 10_020)
    assert read(chip, 0x1000, 1, T0 + 11_000) == b"x"
    exchange(chip, b"\x7a", T0 + 20_000)
    assert status(chip, T0 + 54_999) == (w25q.BUSY, 0)
    assert status(chip, T0 + 55_000) == (0, 0)
    assert chip.violations == []


def test_suspend_too_soon_after_resume_is_a_violation(chip: w25q.W25Q) -> None:
    erase(chip, 0, T0)
    exchange(chip, b"\x75", T0 + 100)
    exchange(chip, b"\x7a", T0 + 200)
    exchange(chip, b"\x75", T0 + 210)
    assert chip.violations == ["suspend 10 µs after resume"]


def test_read_of_the_sector_under_suspended_erase_is_a_violation(chip: w25q.W25Q) -> None:
    erase(chip, 0, T0)
    exchange(chip, b"\x75", T0 + 100)
    read(chip, 0xFFF, 2, T0 + 200)
    assert "during its erase" in chip.violations[0]


def test_write_enable_too_soon_after_power_up_is_a_violation(chip: w25q.W25Q) -> None:
    program(chip, 0, b"x", 100)
    assert "after power-up" in chip.violations[0]
    assert chip.array.image[0] == 0xFF


@pytest.mark.parametrize("how", nor_array.TEARS)
def test_power_cut_tears_a_program_as_named(how: str) -> None:
    data = bytes(200)
    chip = w25q.W25Q(nor_array.NorArray(bytearray(b"\xff" * 8192)), seed=5, tear=how)
    chip.power_on(0)
    program(chip, 0, data, T0)
    chip.power_off(T0 + 100)
    left = bytes(chip.array.image[:200])
    zeros = left.count(0)
    if how == nor_array.NOTHING:
        assert zeros == 0
    elif how == nor_array.FIRST:
        assert 0 < zeros <= 200 and left == bytes(zeros) + b"\xff" * (200 - zeros)
    elif how == nor_array.LAST:
        assert 0 < zeros <= 200 and left == b"\xff" * (200 - zeros) + bytes(zeros)
    else:
        assert 20 < len(set(left))
    assert set(chip.array.image[200:]) == {0xFF}


@pytest.mark.parametrize("how", nor_array.TEARS)
def test_power_cut_tears_an_erase_and_never_clears_a_bit(how: str) -> None:
    old = random.Random(3).randbytes(4096)
    chip = w25q.W25Q(nor_array.NorArray(bytearray(old * 2)), seed=5, tear=how)
    chip.power_on(0)
    erase(chip, 0, T0)
    chip.power_off(T0 + 10_000)
    left = chip.array.image[:4096]
    assert all(a & b == b for a, b in zip(left, old, strict=True))
    assert (left == old) == (how == nor_array.NOTHING)
    assert chip.array.image[4096:] == old


def test_worst_times_are_the_datasheets(chip: w25q.W25Q) -> None:
    chip.timing = w25q.WORST
    program(chip, 0, b"x", T0)
    assert status(chip, T0 + 2_999)[0] and not status(chip, T0 + 3_000)[0]
    erase(chip, 0, T0 + 4_000)
    assert status(chip, T0 + 403_999)[0] and not status(chip, T0 + 404_000)[0]
