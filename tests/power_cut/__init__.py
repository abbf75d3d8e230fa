"""Cut the power of the journal at every flash operation, clean and torn, and again while it recovers.

One run is recorded; then every operation of its log is cut in every way, the chip is started again and judged.
    nor.py      the driver's interface on the chip model's memory array, without SPI and time
    runs.py     the recorded runs: what the terminal does, call by call
    promise.py  what must hold at any moment of a run
    cutting.py  the images a cut can leave, and the judging of each
    replay.py   one cut again, by its id: python -m tests.power_cut.replay ID
"""
