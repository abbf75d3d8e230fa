"""Wire protocol and evidence shared by terminal, agent and receiver; pure, runs on CPython and MicroPython."""
