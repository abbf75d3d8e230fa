"""A receiver takes a thousand events a second on one core, with every commit on the disk."""

import time

from tests.city.terminals import City, Terminal, message

EVENTS = 2000
BATCH = 20  # what mosquitto lets be under way by default; larger ones are cheaper


def test_intake_takes_a_thousand_events_in_a_cpu_second(tmp_path):
    terminals = [Terminal(f"T{number}", step_ms=20) for number in range(20)]
    city = City(tmp_path, *terminals)
    batch = []
    for number in range(EVENTS):
        terminal = terminals[number % len(terminals)]
        invite = terminal.invite()
        batch.append(message(terminal, terminal.rates(1 + number % 5, invite), invite.preimage))
    began = time.process_time()
    for start in range(0, EVENTS, BATCH):
        city.take(*batch[start : start + BATCH])
    spent = time.process_time() - began
    print(f"{EVENTS / spent:.0f} events a CPU second")
    assert city.store.outbox.counts() == (EVENTS, 0)
    assert spent < EVENTS / 1000
    city.close()
