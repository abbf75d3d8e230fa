"""Makes terminals of existing FF68 raters: the agent is the master of their bus and seals what is pressed.

A rater so joined is an ordinary terminal to the rest of the agent: protocol.link_terminal over an in-process transport.
All of it runs on a thread with an event loop of its own (runtime.py), since sealing waits for the disk.
"""
