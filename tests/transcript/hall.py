"""A whole hall with real parts: broker, receiver, municipal system, agent, a terminal that reveals, an old rater."""

import json
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from host_agent.dialects import ff68_frame as ff68
from simulator.demo.broker import BrokerPart
from simulator.demo.http_json import answers, call
from simulator.demo.parts import Part, free_port, run_once, yiping
from simulator.legacy_rater import RaterBus
from simulator.terminal import SimTerminal
from tests.browser.hall_page import served
from tests.city.live import Receiver
from tests.dialects.hall import SerialServer
from tests.unit.agent_support import ROOT, WAIT_S, AgentProcess, wait_until

POLICY = """
[policy]
invite_ms = 30000
change_ms = 300
guard_ms = 50
detail = "off"
thanks_ms = 200
[[integration]]
name = "hall"
token_file = "hall.token"
origins = ["{page}"]
[[dialect]]
kind = "gwq"
windows = ["W01"]
[[dialect]]
kind = "rateservice"
listen = "127.0.0.1:{rate}"
win_nums = {{ "1" = "W01" }}
user_codes = {{ u9 = "009" }}
scores = {{ "1" = 1, "2" = 2, "3" = 3, "4" = 4, "5" = 5 }}
[[dialect]]
kind = "ff68_rater"
port = "socket://127.0.0.1:{bus}"
addresses = {{ "1" = "W01" }}
grades = {{ "1" = 0, "2" = 1, "3" = 2, "4" = 3, "5" = 4 }}
[[legacy]]
window = "W02"
port = "{raters}"
address = 1
guard_ms = 500
grades = {{ "0" = 1, "1" = 2, "2" = 3, "3" = 4, "4" = 5 }}
key_file = "YP-L001.key"
"""
TOKEN = "transcript-0123456789abcdef"
PRESS_MS = 120
RATER_GUARD_S = 0.9  # an earlier press was aimed at the citizen before: the agent begins the evaluation anew, 3 s later
BEGIN = ff68.encode(ff68.Frame(1, 1, b"\x0b"))


class Hall:
    """Own every part; windows W01 (terminal) and W02 (old rater)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pages = ExitStack()
        self.old_page = f"http://127.0.0.1:{self._pages.enter_context(served({}))}"
        self.broker = BrokerPart(folder, free_port(), "mosquitto")
        self.city_port, self.rate_port = free_port(), free_port()
        self.city = Part(
            "city",
            yiping("city", "run", "--listen", f"127.0.0.1:{self.city_port}", "--data", str(folder / "city")),
            folder,
            answers(f"http://127.0.0.1:{self.city_port}/api/v1/summary"),
        )
        url = f'url = "http://127.0.0.1:{self.city_port}/api/v1/ratings"'
        self.receiver = Receiver(folder, self.broker, forward=url)
        self.terminal = SimTerminal("k5", folder / "terminal", folder / "port", reveal_level=True).start()
        self.raters = RaterBus(folder / "raters").start()
        self.bus = SerialServer()
        where = folder / "agent"
        where.mkdir()
        (where / "hall.token").write_text(TOKEN, encoding="ascii")
        made = ("legacy", "provision", "--terminal", "YP-L001", "--centre", "C01", "--window", "W02")
        run_once("provision", yiping(*made, "--folder", str(where)), folder)
        for provision in (folder / "terminal" / "provision.json", where / "YP-L001.provision.json"):
            run_once("registry", yiping("registry", "add", "--registry", "registry.db", str(provision)), folder)
        policy = POLICY.format(page=self.old_page, rate=self.rate_port, bus=self.bus.port, raters=folder / "raters")
        windows = [("W01", "YP-0001", folder / "port"), ("W02", "YP-L001", "ff68")]
        constants = {"host_agent.dialects.gwq.GRACE_S": 0.0, "host_agent.dialects.evaluation.LOOK_S": 0.05}
        self.agent = AgentProcess(where, self.broker.port, windows, policy=policy, constants=constants)

    def start(self) -> None:
        for part in (self.broker, self.city, self.receiver.part):
            part.start()
        self.agent.start("--wait", ready=False)
        for window in ("W01", "W02"):
            wait_until(f"the terminal of {window}", lambda window=window: self.window(window).get("connected"))
        self.login("W01", "007")
        self.login("W02", "008")

    def ask(self, method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
        """Call the agent with the hall's token."""
        return self.agent.call(method, path, body, {"Authorization": f"Bearer {TOKEN}"})

    def window(self, name: str) -> dict:
        try:
            return self.ask("GET", f"/api/v1/windows/{name}")[1]
        except OSError:
            assert self.agent.process.poll() is None, self.agent.output()
            return {}

    def login(self, window: str, number: str) -> None:
        assert self.ask("POST", f"/api/v1/windows/{window}/login", {"number": number})[0] == 200

    def press(self, key: int) -> str:
        """Press a key of the terminal as soon as it asks; return the invite once it is rated."""
        wait_until("the invited terminal", lambda: self.window("W01")["state"] == "invited")
        invite = self.window("W01")["invite"]["invite"]

        def rated() -> bool:
            return self.window("W01")["invite"]["state"] == "rated"

        def pressed() -> bool:
            """Press again only when the page was too new to take it."""
            if self.window("W01")["state"] == "invited":
                self.terminal.press(key, PRESS_MS)
                wait_until("the key to be up again", lambda: not self.terminal.wiring.keys[key].down)
            return rated()

        wait_until("the press", pressed)
        return invite

    def press_rater(self, key: int) -> str:
        """Press a key of the old rater a moment after it began; return the invite once it is rated."""
        rater = self.raters.rater()

        def rated() -> bool:
            if rater.evaluated_for_s > RATER_GUARD_S:
                rater.press(key)
            return self.window("W02")["invite"]["state"] == "rated"

        wait_until("the rater's press", rated)
        return self.window("W02")["invite"]["invite"]

    def rest(self) -> None:
        """Wait until the terminal has left the citizen before."""
        wait_until("the terminal at rest", lambda: self.window("W01")["state"] in ("idle", "serving"))

    def at_the_city(self, invite: str) -> dict:
        """Return what the municipal system has of an invite, once it has its rating."""

        def found() -> dict | None:
            status, body = call("GET", f"http://127.0.0.1:{self.city_port}/api/v1/invites/{invite}", timeout_s=WAIT_S)
            return body if status == 200 and body.get("level") else None

        return wait_until(f"invite {invite} at the city", found)

    def close(self) -> None:
        self.agent.stop(signal.SIGKILL)
        self.terminal.close()
        self.raters.close()
        self.bus.close()
        self._pages.close()
        for part in (self.receiver.part, self.city, self.broker):
            part.stop()

    def run_example(self, case: str) -> subprocess.Popen:
        """Start the Python example of docs/ as an integrator would."""
        command = [
            sys.executable,
            str(ROOT / "docs" / "examples" / "counter.py"),
            f"http://127.0.0.1:{self.agent.port}",
        ]
        command += [str(self.folder / "agent" / "hall.token"), "W01", "007", case]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def private_data(self) -> bytes:
        """Return all that the agent keeps and logs, and what it says of itself."""
        files = [path.read_bytes() for path in (self.folder / "agent").rglob("*") if path.is_file()]
        return b"\n".join([*files, json.dumps(self.ask("GET", "/api/v1/status")[1]).encode()])
