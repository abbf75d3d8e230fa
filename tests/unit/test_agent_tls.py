"""The uplink over TLS against a real broker: what it carries, and certificates that do not verify."""

import pytest

from tests.unit.agent_support import Broker, StandInReceiver, free_port
from tests.unit.test_agent_uplink import connect_error, needs_mosquitto, run
from tests.unit.tls_files import Authority


@needs_mosquitto
@pytest.mark.parametrize(
    ("from_days", "to_days", "trusted", "wanted"),
    [(-9, -1, True, "certificate has expired"), (-1, 9, False, "unable to get local issuer certificate")],
)
def test_uplink_wrong_certificate_is_one_sentence(tmp_path, from_days, to_days, trusted, wanted):
    authority = Authority(tmp_path)
    broker = tls_broker(tmp_path, authority.server("broker", from_days, to_days))
    ca_file = authority.ca_file if trusted else Authority(tmp_path, "another authority").ca_file
    try:
        message = connect_error(tmp_path, broker.port, scheme="mqtts", extra=f'ca_file = "{ca_file}"')
    finally:
        broker.stop()
    assert message.startswith("the broker's certificate does not verify") and wanted in message and "\n" not in message


@needs_mosquitto
def test_uplink_over_tls_carries_events_and_receipts(tmp_path):
    authority = Authority(tmp_path)
    plain = free_port()
    broker = tls_broker(tmp_path, authority.server("broker", -1, 9), plain)
    receiver = StandInReceiver(plain)

    async def scenario(parts):
        parts.add(range(1, 501))
        await parts.receipted(500)

    try:
        run(tmp_path, broker.port, scenario, scheme="mqtts", extra=f'ca_file = "{authority.ca_file}"')
    finally:
        receiver.close()
        broker.stop()


def tls_broker(folder, files, plain_port=None):
    broker = Broker(folder)
    cert_file, key_file = files
    plain = f"listener {plain_port} 127.0.0.1\n" if plain_port else ""
    broker.extra = (
        f"{plain}listener {broker.port} 127.0.0.1\ncertfile {cert_file}\nkeyfile {key_file}\nallow_anonymous true\n"
    )
    return broker.start()
