"""Load the self-test when one is due; it leaves the memory with its end."""

from asyncio import create_task

from link import unload


def checks(desk: object, panel: object, chips: tuple) -> object:
    """Return what begins a self-test; `chips` is what self_test.quick.Chips is made of, `panel` shows what it found."""

    def begin(why: int, request: int | None = None, done: object | None = None) -> None:
        """Test now and seal the result; call `done` with the mask of the parts that failed.

        None when the terminal does not rest, or stops to: nothing was judged then, and nothing is sealed. A `request`
        is answered when the test begins, as others wait behind it: OK with the test's number, or BUSY.
        """
        from self_test import live

        create_task(live.run(desk, panel, chips, why, request, done))
        unload.forget(live.LOADED)

    return begin
