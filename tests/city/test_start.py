"""Bad input to `yiping receiver run`: one line that says what, where and what to do, exit code 1, nothing else."""

import datetime
import ipaddress
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from host_agent.errors import UserError
from host_agent.receiver import aes
from host_agent.receiver.config import load
from host_agent.receiver.store import FILE_NAME, Store
from simulator.demo.broker import find_mosquitto
from simulator.demo.parts import Part, free_port, listens
from tests.city.terminals import Terminal

ROOT = Path(__file__).parents[2]

GOOD = """\
[receiver]
name = "city-01"
data_dir = "data"
listen = "127.0.0.1:{listen}"
[broker]
url = "{broker}"
{security}
[forward]
file = "ratings.jsonl"
"""


def write(folder: Path, broker: str = "mqtt://127.0.0.1:9", security: str = "", registry: bool = True) -> Path:
    if registry:
        from host_agent.provision.registry import Registry

        book = Registry(folder / "registry.db", create=True)
        book.add([Terminal().entry()])
        book.close()
    path = folder / "receiver.toml"
    path.write_text(GOOD.format(listen=free_port(), broker=broker, security=security))
    return path


def fails(path: Path) -> str:
    """Run the command; return its one line."""
    command = [sys.executable, "-m", "host_agent", "receiver", "run", "--config", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("yiping: ")
    return line


def test_broker_that_is_not_there_is_one_line(tmp_path):
    line = fails(write(tmp_path))
    assert "no connection to the broker" in line
    assert "127.0.0.1:9" in line


def test_registry_absent_is_one_line(tmp_path):
    line = fails(write(tmp_path, registry=False))
    assert "registry" in line
    assert "yiping registry add" in line


def test_registry_that_is_no_database_is_one_line(tmp_path):
    path = write(tmp_path, registry=False)
    (tmp_path / "registry.db").write_bytes(b"something else entirely " * 100)
    assert "cannot read the registry" in fails(path)


def test_database_that_is_none_is_one_line(tmp_path):
    path = write(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE_NAME).write_bytes(b"something else entirely " * 100)
    assert "cannot open the receiver's database" in fails(path)


def test_data_folder_that_is_a_file_is_one_line(tmp_path):
    path = write(tmp_path)
    (tmp_path / "data").write_text("")
    assert "data folder" in fails(path)


def test_port_taken_is_one_line(tmp_path):
    path = write(tmp_path)
    host, port = load(path).address
    with socket.create_server((host, port)):
        assert "cannot listen" in fails(path)


def test_second_receiver_of_one_folder_is_one_line(tmp_path):
    from host_agent import data_lock

    path = write(tmp_path)
    lock = data_lock.take(tmp_path / "data", "receiver")
    assert "another receiver already uses this data folder" in fails(path)
    lock.close()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("data_dir", "data_dri"), "receiver.data_dri"),
        (('name = "city-01"', "name = 5"), "receiver.name"),
        (('name = "city-01"\n', ""), "name"),
        (('name = "city-01"', 'name = "a/b"'), "receiver.name"),
        (("mqtt://", "http://"), "broker.url"),
        (("file =", "url ="), "forward.url"),
        (('file = "ratings.jsonl"', ""), "forward"),
        (("[forward]", '[forward]\nurl = "http://127.0.0.1:1/"'), "forward"),
        (("[forward]", '[silence]\nhours = "9-5"\n[forward]'), "silence.hours"),
        (("[forward]", "[silence]\ndays = [0]\n[forward]"), "silence.days"),
        (("[broker]", 'centre = "a/b"\n[broker]'), "receiver.centre"),
        (("[broker]", "[brokre]"), "brokre"),
    ],
)
def test_configuration_wrong_names_file_and_key(tmp_path, change, named):
    path = write(tmp_path)
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    with pytest.raises(UserError) as caught:
        load(path)
    assert any(str(path) in line and named in line for line in caught.value.lines())


def test_configuration_with_several_faults_tells_all(tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text().replace('"city-01"', '"a/b"').replace("mqtt://", "ftp://"))
    with pytest.raises(UserError) as caught:
        load(path)
    assert len(caught.value.lines()) == 2


def test_extra_absent_is_told_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(aes, "ciphers", None)
    with pytest.raises(UserError, match=r'extra city.*pip install "yiping\[city\]"'):
        aes.Aes(bytes(16))


def test_store_of_an_earlier_run_is_opened_again(tmp_path):
    Store(tmp_path).close()
    Store(tmp_path).close()


# --- a broker that refuses


@pytest.fixture
def mosquitto(tmp_path):
    """Return a function that starts mosquitto with these lines of configuration and returns its port."""
    found = find_mosquitto()
    if found is None:
        pytest.skip("mosquitto is not installed")
    parts = []

    def start(*lines: str) -> int:
        port = free_port()
        conf = tmp_path / "mosquitto.conf"
        conf.write_text("\n".join(["user root", f"listener {port} 127.0.0.1", *lines]) + "\n")
        part = Part("mosquitto", [found, "-c", str(conf)], tmp_path, lambda: listens(port))
        part.start()
        parts.append(part)
        return port

    yield start
    for part in parts:
        part.stop()


def test_broker_that_does_not_know_us_is_one_line(tmp_path, mosquitto):
    port = mosquitto("allow_anonymous false")
    line = fails(write(tmp_path, f"mqtt://127.0.0.1:{port}"))
    assert "Not authorized" in line
    assert "username" in line


def test_broker_with_a_certificate_of_another_authority_is_one_line(tmp_path, mosquitto):
    certificate(tmp_path, "server")
    certificate(tmp_path, "stranger")
    port = mosquitto(
        "allow_anonymous true", f"certfile {tmp_path / 'server.pem'}", f"keyfile {tmp_path / 'server.key'}"
    )
    security = 'ca_file = "stranger.pem"'
    line = fails(write(tmp_path, f"mqtts://127.0.0.1:{port}", security))
    assert "certificate does not verify" in line


def test_broker_with_an_expired_certificate_is_one_line(tmp_path, mosquitto):
    certificate(tmp_path, "server", days=-1)
    port = mosquitto(
        "allow_anonymous true", f"certfile {tmp_path / 'server.pem'}", f"keyfile {tmp_path / 'server.key'}"
    )
    line = fails(write(tmp_path, f"mqtts://127.0.0.1:{port}", 'ca_file = "server.pem"'))
    assert "expired" in line


def certificate(folder: Path, name: str, days: int = 30) -> None:
    """Write a self-signed certificate for 127.0.0.1 and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
