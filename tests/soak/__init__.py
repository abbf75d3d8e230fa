"""The soak: a seeded chaos of everything at once, and what became of every press that was shown.

    make soak                                    10 minutes of real time, 2 simulated weeks, a seed that is printed
    make soak ARGS="--minutes 3 --seed 7"        the same faults in the same order again
    make soak ARGS="--minutes 0 --weeks 4"       unplugged terminals only: the same seed gives the same table
    make soak ARGS="--terminals 4 --weeks 0"     the chain only

Real mode: several simulated terminals with the unchanged firmware, the real agent, broker, receiver and city stand-in.
People invite over the agent's API or with the clerk's key, press, change their mind, mash, refuse; faults.py breaks
every part meanwhile, several at a time. Virtual mode: terminals that live unplugged for weeks (virtual.py). Both run at
the same time. Presses are noted by the soak's own hands (the pins) and ears (the buzzer), never from the code under
test. When the last fault is mended everything must drain; then compare.py lays what the city has beside what was shown.

The table is in build/soak.json too, one flat object with `faults` by kind. The exit code is 1 when anything was lost,
doubled, altered or invented, did not drain, or raised an alarm that no fault explains. Then build/soak-<seed>/ is kept:
visits.jsonl (every visit with its presses), faults.log, city.jsonl, alarms.json, the parts' logs, and the chips.
In real mode the seed repeats the faults and what people intend, not the instant at which the two meet.
"""
