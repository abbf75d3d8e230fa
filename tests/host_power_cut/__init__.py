"""Cut the power of the PC at every file operation of the agent's and the receiver's stores, and judge what is left.

As SQLite's own crash tests do, but with the library, the stores and the writer that the product runs: one run is
recorded, then the disk is rebuilt as a power cut after each operation may have left it, the real store is started on it
and judged, and goes on working.
    vfs.py        watches the file operations of SQLite
    images.py     what a disk may hold after a power cut that came after n operations
    runs.py       which runs there are
    agent_*.py    the agent's runs, and what must hold of its store
    city_*.py     the receiver's
    rater_*.py    those of an old rater's journal in the agent
    rollout_*.py  those of a roll-out's plan beside the receiver's store
    cutting.py    the cuts of a run, and the judging of each
    replay.py     one cut again, by its id: python -m tests.host_power_cut.replay ID
"""
