"""The part of the RP2 port's `rp2` module that needs no PIO and no internal flash."""


def bootsel_button() -> int:
    """Return 1 while the BOOTSEL button is held; the simulated one never is."""
    return 0
