"""What a terminal does over hours, when a task dies or hangs, and with its memory."""

from pathlib import Path

from protocol import messages, rating, reasons
from tests.device.changed import changed_firmware
from tests.device.counter import Counter

HOUR_MS = 3_600_000
WRAP_MS = 1 << 30
CHECKED = "        dead = supervisor.check()\n"
COUNTED = """        dead = supervisor.check()
        if clock_ms() // 2_000 % 900 == 450:
            print("alloc", gc.mem_alloc())
"""
LEAST_FREE_BYTES = 16_384


def test_mark_is_sealed_every_hour(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=1) as counter:
        counter.terminal.unplug()
        counter.run(8 * HOUR_MS)
        counter.terminal.plug()
        counter.connect()
        counter.settle()
        marks = counter.told(rating.MARK)
        assert len(marks) == 8
        ups = [fields["up"] for _, fields in marks]
        assert all(abs(later - earlier - HOUR_MS) < 5_000 for earlier, later in zip(ups, ups[1:], strict=False))
        counter.check_chain()
        assert len(counter.terminal.resets) == 1


def test_ticks_wrap_without_notice(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=1, ticks_start_ms=WRAP_MS - 20_000) as counter:
        counter.login()
        for n in range(4):
            counter.open_invite(n)
            counter.press(1 + n)
            counter.until_state("idle", 20_000)
        counter.settle()
        assert [counter.levels(n) for n in range(4)] == [[5], [4], [3], [2]]
        ups = [fields["up"] for _, fields in counter.told()]
        assert ups == sorted(ups) and ups[-1] > 25_000


def test_dead_task_is_sealed_and_ends_in_a_reset(tmp_path: Path) -> None:
    firmware = changed_firmware(
        tmp_path, "link/tasks.py", "        await contacts.flag.wait()\n", "        raise RuntimeError\n"
    )
    with Counter(tmp_path, seed=1, firmware_dir=firmware) as counter:
        counter.until(lambda: len(counter.terminal.resets) > 1, "a reset", 10_000)
        counter.connect()
        counter.run(1_000)
        faults = counter.told(rating.FAULT)
        assert faults and faults[0][1]["why"] == reasons.WHY_TASK_DIED
        boots = [(clear.seq, fields["why"]) for clear, fields in counter.told(rating.BOOT)]
        assert boots[0] == (1, reasons.WHY_POWER_ON)
        # The chip resets itself by its watchdog: what tells an ordered reset from a hang is the fault right before it.
        assert boots[1] == (counter.told(rating.FAULT)[0][0].seq + 1, reasons.WHY_WATCHDOG)


def test_hanging_task_is_ended_by_the_watchdog(tmp_path: Path) -> None:
    firmware = changed_firmware(
        tmp_path,
        "app/requests.py",
        "        self._notice = text\n",
        "        while self._notice is None:\n            __import__('time').sleep_ms(10)\n",
    )
    with Counter(tmp_path, seed=1, firmware_dir=firmware) as counter:
        counter.send(messages.NOTICE, text="hang")
        counter.until(lambda: len(counter.terminal.resets) > 1, "a reset by the watchdog", 20_000)
        assert counter.terminal.resets[-1][1] == "watchdog"
        counter.peer.detach()
        counter.connect()
        counter.settle()
        assert counter.told(rating.BOOT)[-1][1]["why"] == reasons.WHY_WATCHDOG and counter.told(rating.FAULT) == []


def test_idle_hours_allocate_nothing(tmp_path: Path) -> None:
    firmware = changed_firmware(tmp_path, "link/tasks.py", CHECKED, COUNTED.replace("clock_ms", "time.ticks_ms"))
    counter = Counter(tmp_path, seed=1, firmware_dir=firmware).start(connect=False)
    counter.run(4 * HOUR_MS)
    used = [int(line.split()[1]) for line in counter.terminal.console().splitlines() if line.startswith("alloc")]
    counter.terminal.close()
    used = used[1:]  # the first was taken before every task had run once
    assert len(used) >= 7, counter.terminal.console()
    # At a quarter past and to each hour: a print keeps its text until the collector runs after the next hourly mark.
    assert max(used) - min(used) <= 512, used


def test_memory_stays_level_over_ratings(tmp_path: Path) -> None:
    with Counter(tmp_path, seed=1) as counter:
        counter.login()
        free = []
        for n in range(45):
            counter.open_invite(n)
            counter.press(1 + n % 5)
            counter.until_state("idle", 20_000)
            free.append(counter.status["heap_free"])
        assert min(free[15:]) > LEAST_FREE_BYTES
        assert min(free[30:]) >= min(free[15:30]) - 1_024, free
