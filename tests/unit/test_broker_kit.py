"""The broker kit: the list of clients, and a real mosquitto that lets nobody speak or listen as another."""

import json
import queue
import signal
import ssl

import paho.mqtt.client as mqtt
import pytest
from click.testing import CliRunner
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from host_agent import folders
from host_agent.broker_kit import clients as kit
from host_agent.broker_kit.authority import Authority
from host_agent.cli import main
from tests.unit.agent_support import MOSQUITTO, Broker

WAIT_S = 60
NOT_AUTHORIZED = 0x87
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


def yiping(*words, code=0):
    result = CliRunner().invoke(main, ["broker", *map(str, words)])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A broker's folder with two agents of one centre and a receiver."""
    made = tmp_path_factory.mktemp("kit") / "broker"
    yiping("init", "--dir", made, "--host", "127.0.0.1", "--host", "localhost")
    yiping("add-agent", "--dir", made, "--centre", "C01", "--agent", "pc-01", "--terminal", "YP-0001")
    yiping("add-agent", "--dir", made, "--centre", "C01", "--agent", "pc-02", "--terminal", "YP-0002")
    yiping("add-receiver", "--dir", made, "--name", "city-01")
    return made


class KitBroker(Broker):
    """Run mosquitto with the kit's own configuration, on a free port."""

    def _mosquitto(self):
        config = self.folder / "mosquitto.conf"
        self.extra = config.read_text(encoding="utf-8").replace("listener 8883", f"listener {self.port} 127.0.0.1")
        return super()._mosquitto()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)


@pytest.fixture
def broker(folder, tmp_path):
    started = KitBroker(folder)
    kept = (folder / "mosquitto.conf").read_text(encoding="utf-8")
    started.start()
    yield started
    started.stop()
    (folder / "mosquitto.conf").write_text(kept, encoding="utf-8")


class Peer:
    """A stranger's MQTT client with one certificate of the folder; every wait is bounded and named."""

    def __init__(self, broker, folder, certificate, client_id=None, ca=None):
        self.events = queue.Queue()
        self.received = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id or certificate, protocol=mqtt.MQTTv5)
        pair = (folder / "clients" / f"{certificate}.pem", folder / "clients" / f"{certificate}.key")
        self.client.tls_set(
            ca or folder / "ca.pem", *(pair if certificate else (None, None)), tls_version=ssl.PROTOCOL_TLS_CLIENT
        )
        self.client.on_connect = lambda _c, _d, _f, code, _p: self.events.put(("connect", code.value))
        self.client.on_publish = lambda _c, _d, _m, code, _p: self.events.put(("publish", code.value))
        self.client.on_subscribe = lambda _c, _d, _m, codes, _p: self.events.put(("subscribe", codes[0].value))
        self.client.on_disconnect = lambda _c, _d, _f, code, _p: self.events.put(("disconnect", code.value))
        self.client.on_message = lambda _c, _d, message: self.received.put((message.topic, message.payload))
        expiry = Properties(PacketTypes.CONNECT)
        expiry.SessionExpiryInterval = 0
        self.client.connect("127.0.0.1", broker.port, clean_start=True, properties=expiry)
        self.client.loop_start()

    def next(self, what):
        found, code = self.events.get(timeout=WAIT_S)
        assert found == what, (found, code)
        return code

    def publish(self, topic, payload=b"x"):
        self.client.publish(topic, payload, qos=1)
        return self.next("publish")

    def subscribe(self, topic):
        self.client.subscribe(topic, 1)
        return self.next("subscribe")

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def peers(broker, folder):
    opened = []

    def connect(*args, **options):
        peer = Peer(broker, folder, *args, **options)
        opened.append(peer)
        assert peer.next("connect") == 0
        return peer

    yield connect
    for peer in opened:
        peer.close()


@needs_mosquitto
def test_kit_agent_and_receiver_do_what_they_must(peers):
    agent, city = peers("yiping-C01-pc-01"), peers("yiping-receiver-city-01")
    assert city.subscribe("$share/city-01/yiping/v1/+/terminal/+/event") < 0x80
    assert agent.subscribe("yiping/v1/C01/agent/pc-01/receipt") < 0x80
    assert agent.publish("yiping/v1/C01/terminal/YP-0001/event", b"event") == 0
    assert city.received.get(timeout=WAIT_S) == ("yiping/v1/C01/terminal/YP-0001/event", b"event")
    assert city.publish("yiping/v1/C01/agent/pc-01/receipt", b"receipt") == 0
    assert agent.received.get(timeout=WAIT_S) == ("yiping/v1/C01/agent/pc-01/receipt", b"receipt")


@needs_mosquitto
@pytest.mark.parametrize(
    "topic",
    [
        "C01/terminal/YP-0002/event",
        "C01/terminal/YP-0002/state",
        "C02/terminal/YP-0001/event",
        "C01/agent/pc-02/state",
        "C01/agent/pc-02/service",
        "C01/agent/pc-01/receipt",
        "C01/agent/pc-02/receipt",
        "C01/agent/pc-02/command/pause",
    ],
)
def test_kit_agent_publishes_nothing_as_another_and_no_receipt(peers, topic):
    agent = peers("yiping-C01-pc-01")
    assert agent.publish(f"yiping/v1/{topic}") == NOT_AUTHORIZED


@needs_mosquitto
def test_kit_agent_reads_nothing_of_another(peers):
    other, agent, city = peers("yiping-C01-pc-02"), peers("yiping-C01-pc-01"), peers("yiping-receiver-city-01")
    for topic in ("yiping/v1/#", "#", "yiping/v1/C01/agent/+/receipt", "yiping/v1/C01/terminal/+/event"):
        agent.subscribe(topic)
    assert other.subscribe("yiping/v1/C01/agent/pc-02/receipt") < 0x80
    assert other.publish("yiping/v1/C01/terminal/YP-0002/event") < NOT_AUTHORIZED
    assert city.publish("yiping/v1/C01/agent/pc-02/receipt", b"for pc-02") == 0
    assert other.received.get(timeout=WAIT_S)[1] == b"for pc-02"
    # What reaches it comes in order: had it got anything of the others, it would be before this.
    assert city.publish("yiping/v1/C01/agent/pc-01/receipt", b"for pc-01") == 0
    assert agent.received.get(timeout=WAIT_S) == ("yiping/v1/C01/agent/pc-01/receipt", b"for pc-01")


@needs_mosquitto
def test_kit_agent_under_anothers_client_id_takes_no_session(peers):
    victim = peers("yiping-C01-pc-02")
    peers("yiping-C01-pc-01", client_id="yiping-C01-pc-02")
    assert victim.publish("yiping/v1/C01/terminal/YP-0002/event") < 0x80, "the victim is still connected"


@needs_mosquitto
def test_kit_without_a_certificate_of_this_authority_nobody_connects(broker, folder, tmp_path):
    stranger = Authority.create("somebody else")
    (tmp_path / "clients").mkdir()
    certificate, key = stranger.issue("yiping-C01-pc-01")
    (tmp_path / "clients" / "yiping-C01-pc-01.pem").write_bytes(certificate)
    (tmp_path / "clients" / "yiping-C01-pc-01.key").write_bytes(key)
    for name in ("yiping-C01-pc-01", ""):
        peer = Peer(broker, tmp_path, name, client_id="yiping-C01-pc-01", ca=folder / "ca.pem")
        assert peer.events.get(timeout=WAIT_S)[0] == "disconnect"
        peer.close()


@needs_mosquitto
def test_kit_removed_agent_may_do_nothing_after_the_rules_are_read_again(broker, folder, peers):
    yiping("add-agent", "--dir", folder, "--centre", "C01", "--agent", "pc-09", "--terminal", "YP-0009")
    broker.reload()
    agent = peers("yiping-C01-pc-09")
    topic = "yiping/v1/C01/terminal/YP-0009/event"
    # The signal is not answered: the broker has read the rules when it obeys them.
    assert any(agent.publish(topic) < 0x80 for _ in range(10_000))
    yiping("remove", "--dir", folder, "yiping-C01-pc-09")
    broker.reload()
    assert any(agent.publish(topic) == NOT_AUTHORIZED for _ in range(10_000))
    assert "pc-09" not in yiping("list", "--dir", folder)


def test_kit_private_files_are_for_their_owner_only(folder):
    private = [folder / "ca.key", folder / "server.key", folder / "acl", *(folder / "clients").glob("*.key")]
    assert len(private) >= 6
    assert all(path.stat().st_mode & 0o077 == 0 for path in private)


def test_kit_second_init_and_double_use_are_refused_and_change_nothing(folder):
    before = (folder / "clients.json").read_bytes(), (folder / "ca.pem").read_bytes()
    assert "authority already" in yiping("init", "--dir", folder, "--host", "other", code=1)
    taken = ["add-agent", "--dir", folder, "--centre", "C01", "--agent", "pc-03", "--terminal", "YP-0001"]
    assert "belongs to agent pc-01" in yiping(*taken, code=1)
    assert "no terminal" in yiping("add-agent", "--dir", folder, "--centre", "C01", "--agent", "pc-03", code=1)
    wild = ["add-agent", "--dir", folder, "--centre", "+", "--agent", "pc-03", "--terminal", "YP-0003"]
    assert "no id" in yiping(*wild, code=1)
    assert "no client" in yiping("remove", "--dir", folder, "yiping-C01-pc-77", code=1)
    assert before == ((folder / "clients.json").read_bytes(), (folder / "ca.pem").read_bytes())


def test_kit_init_where_the_authority_was_taken_away_changes_nothing(tmp_path):
    kept = tmp_path / "kit"
    yiping("init", "--dir", kept, "--host", "127.0.0.1")
    yiping("add-receiver", "--dir", kept, "--name", "city-01")
    (kept / "ca.key").rename(tmp_path / "ca.key")
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    assert "list of clients already" in yiping("init", "--dir", kept, "--host", "127.0.0.1", code=1)
    assert before == {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}


@pytest.mark.parametrize("host", ["", "政务", "a b", "*", "x" * 64 + ".example"])
def test_kit_init_for_a_host_that_is_no_name_makes_nothing(tmp_path, host):
    assert "no name of a host" in yiping("init", "--dir", tmp_path / "kit", "--host", host, code=1)
    assert not (tmp_path / "kit").exists()


def test_kit_init_for_a_long_host_name_makes_its_certificate(tmp_path):
    host = ".".join(["broker"] * 12)
    yiping("init", "--dir", tmp_path / "kit", "--host", host)
    certificate = x509.load_pem_x509_certificate((tmp_path / "kit" / "server.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [host]


def test_kit_folder_that_takes_no_file_is_named(tmp_path):
    (tmp_path / "kit").write_text("a file")
    for words in (["init", "--host", "127.0.0.1"], ["add-receiver", "--name", "city-01"]):
        assert str(tmp_path / "kit") in yiping(words[0], "--dir", tmp_path / "kit" / "in", *words[1:], code=1)


def test_kit_private_file_over_what_a_broken_write_left_is_for_its_owner_only(tmp_path):
    left = tmp_path / "a.key.part"
    left.write_text("left")
    left.chmod(0o644)
    folders.write_private(tmp_path / "a.key", b"key")
    assert (tmp_path / "a.key").stat().st_mode & 0o077 == 0


def test_kit_id_of_a_stolen_pc_is_not_given_again(tmp_path):
    add = ["add-agent", "--dir", tmp_path, "--centre", "C01", "--terminal", "YP-0001", "--agent"]
    yiping("init", "--dir", tmp_path, "--host", "127.0.0.1")
    yiping(*add, "pc-01")
    yiping("remove", "--dir", tmp_path, "yiping-C01-pc-01")
    assert "its old certificate would be good again" in yiping(*add, "pc-01", code=1)
    assert "pc-01" not in yiping("rules", "--dir", tmp_path, "--kind", "mosquitto")
    yiping(*add, "pc-01b")


def test_kit_ids_that_meet_in_one_client_id_are_refused():
    first = kit.Client(role=kit.AGENT, centre="A-B", name="C", terminals=("YP-0001",))
    second = kit.Client(role=kit.AGENT, centre="A", name="B-C", terminals=("YP-0002",))
    clients = kit.Clients(prefix="yiping/v1").with_client(first)
    with pytest.raises(kit.ClientsError, match="taken"):
        clients.with_client(second)


def test_kit_list_of_clients_round_trips_and_names_what_is_wrong(folder):
    text = (folder / "clients.json").read_text(encoding="utf-8")
    assert kit.loads(text).dumps() == text
    for broken in ("", "{}", text.replace('"format": 1', '"format": 2'), text.replace('"pc-02"', '"pc/02"'), "[1]"):
        with pytest.raises(kit.ClientsError):
            kit.loads(broken)


def test_kit_rules_for_emqx_say_the_same_and_end_with_no(folder):
    mosquitto = yiping("rules", "--dir", folder, "--kind", "mosquitto")
    emqx = yiping("rules", "--dir", folder, "--kind", "emqx").splitlines()
    assert mosquitto == (folder / "acl").read_text(encoding="utf-8")
    assert sum(line.startswith("{allow, ") for line in emqx) == mosquitto.count("\ntopic ")
    assert emqx[-1] == "{deny, all}."
    rows = json.loads(yiping("list", "--dir", folder, "--json"))
    assert {row["client_id"] for row in rows} >= {"yiping-C01-pc-01", "yiping-receiver-city-01"}
    assert all(row["certificate_days"] > 800 for row in rows)
