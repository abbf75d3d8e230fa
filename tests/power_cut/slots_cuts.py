"""Cut the power at every write and erase of the internal flash while the bootstrap chooses a slot. Runs under
MicroPython, on its own littlefs; prints what was found, see test_slots.py.
"""

import os

import vfs

import slots
from tests.both.flash_room import put, put_slot
from tests.power_cut.littlefs_flash import BLOCK, CLEAN, TORN, TORN_LATE, Flash

BLOCKS = 48
PLACE = "/ram"
NEVER = 1 << 30
TEARS = ((CLEAN, "clean"), (TORN, "torn"), (TORN_LATE, "late"))


def mounted(image: bytearray, cut: int = NEVER, tear: int = TORN) -> Flash:
    """Put a flash at PLACE and work there."""
    flash = Flash(image, cut, tear)
    vfs.mount(vfs.VfsLfs2(flash), PLACE)
    os.chdir(PLACE)
    return flash


def left() -> None:
    """Take it away again."""
    os.chdir("/")
    vfs.umount(PLACE)


def cut_each(name: str, base: bytearray) -> None:
    """Cut one start at each of its operations; the next start goes on from the old state or from the new one."""
    image = bytearray(base)
    mounted(image)
    before = slots.read()
    chosen = slots.choose()
    after = slots.read()
    left()
    assert after is not None and after != before
    for tear, how in TEARS:
        old = new = cut = 0
        done = False
        while not done:
            cut += 1
            image = bytearray(base)
            flash = mounted(image, cut, tear)
            slots.choose()  # what it returns nobody runs any more
            done = flash.operations < cut
            left()
            mounted(image)
            found = slots.read()
            assert found == before or found == after, (name, how, cut, found)
            assert found == after or not done, (name, how, cut, found)
            old += found == before
            new += found == after
            if found == before:
                assert slots.choose() == chosen and slots.read() == after, (name, how, cut)
            else:
                following = slots.choose()
                assert following[0] in ("a", "b") and slots.read() is not None, (name, how, cut)
            left()
        print(f"start {name} {how} cuts {cut - 1} old {old} new {new}")


def starts_under_cuts(base: bytearray) -> int:
    """Cut every start once, each at its own operation; return how many starts ran the trial before it was given up."""
    image = bytearray(base)
    ran = cut = 0
    while True:
        cut += 1
        flash = mounted(image, 1 + cut % 3)
        slots.choose()
        cut_off = flash.operations >= flash.cut
        left()
        mounted(image)
        if not cut_off:
            raise ValueError("no cut")
        slot, on_trial = slots.choose()
        state = slots.read()
        left()
        if not on_trial:
            assert slot == "b" and state["back"] == 31 and state["trial"] == ""
            return ran
        ran += 1


def with_state(state: dict) -> bytearray:
    """Return a flash on which the bootstrap wrote a state."""
    image = blank()
    mounted(image)
    slots.write({"slot": "b", "trial": "", "tries": 0, "floor": 0, "back": 0})
    slots.write(state)
    left()
    return image


def blank() -> bytearray:
    image = bytearray(b"\xff" * (BLOCK * BLOCKS))
    vfs.VfsLfs2.mkfs(Flash(image, NEVER))
    return image


def main() -> None:
    """Cut the count of a trial, its end, and the mending of a damaged state."""
    trial = {"slot": "b", "trial": "a", "tries": 0, "floor": 3, "back": 0}
    base = with_state(trial)
    cut_each("count", base)
    print("ran", starts_under_cuts(base))
    trial["tries"] = 3
    cut_each("end", with_state(trial))
    damaged = blank()
    mounted(damaged)
    put_slot("b", 5)
    put_slot("a", 9)
    put(slots.PATH, b"\x00" * 64)
    left()
    cut_each("mend", damaged)


main()
