"""A level that a terminal may tell to old counter software passes through the agent's memory and stays nowhere."""

import pytest

from tests.dialects.hall import OldCounter
from tests.privacy import search
from tests.privacy.hall import Hall
from tests.unit.agent_support import wait_until

pytestmark = pytest.mark.slow
LEVEL = 2
SPOKEN = (b"RateSubmit", b"attitude", b"honest", b"TEXT '")


def test_revealed_level_is_in_no_file_log_answer_or_message(tmp_path):
    hall = Hall(tmp_path, reveal_level=True)
    try:
        hall.start()
        with OldCounter(f"ws://127.0.0.1:{hall.rate_port}/") as counter:
            assert counter.call("Login", winNum="1", userCode="u7")["code"] == "0"
            counter.send("RateQuest", rateId="77", transactor="", item="公积金")
            wait_until("the quest's invite", lambda: hall.window()["state"] == "invited")
            hall.press(LEVEL, hall.window()["invite"]["invite"])
            told = next(answer for answer in iter(counter.next, None) if answer.get("method") == "RateSubmit")
            assert told["param"]["attitude"] == LEVEL
        hall.look()
        assert hall.agent.stop() == 0
        hall.keep_files("after its end")
        spoken = {
            where: [word for word in SPOKEN if any(word in one for one in what)] for where, what in hall.said.items()
        }
        assert {where: words for where, words in spoken.items() if words} == {}
        assert b"terminal YP-0001 answers" in hall.said["file agent.out after its end"][0], "the log tells everything"
        assert "level" not in set(search.keys_of_database(hall.pc / "data" / "agent.db"))
        for topic, payload in hall.ear.heard:
            assert "level" not in set(search.keys_of(payload)), topic
    finally:
        hall.close()
