"""The dates of certificates, read as a library reads them, and the words before and after they end."""

import datetime
import random
import ssl

import pytest
from cryptography import x509

from host_agent.certificates import DAY_MS, Certificates, not_after_utc_ms
from host_agent.config_model import BrokerSection
from tests.unit.tls_files import Authority


def now_ms():
    return int(datetime.datetime.now(datetime.UTC).timestamp() * 1000)


def der_of(cert_file):
    return ssl.PEM_cert_to_DER_cert(cert_file.read_text(encoding="ascii"))


@pytest.mark.parametrize("days", [-400, 1, 400, 365 * 30, 365 * 60])
def test_certificate_date_is_what_another_library_reads(tmp_path, days):
    cert_file, _ = Authority(tmp_path).server("pc-01", -500, days)
    wanted = x509.load_pem_x509_certificate(cert_file.read_bytes()).not_valid_after_utc
    assert not_after_utc_ms(der_of(cert_file)) == int(wanted.timestamp()) * 1000


def test_certificate_that_is_none_has_no_date_and_does_no_harm(tmp_path):
    der = der_of(Authority(tmp_path).server("pc-01", -1, 9)[0])
    rng = random.Random(5)
    for cut in range(0, len(der), 7):
        assert not_after_utc_ms(der[:cut]) is None
    for _ in range(300):
        noisy = bytearray(der)
        noisy[rng.randrange(len(der))] ^= 1 << rng.randrange(8)
        not_after_utc_ms(bytes(noisy))
    assert not_after_utc_ms(b"") is None


def watch(cert_file, at_ms=now_ms):
    return Certificates(BrokerSection(url="mqtts://city:8883", cert_file=cert_file), at_ms)


@pytest.mark.parametrize(
    ("to_days", "days_left", "said"),
    [
        (30, 29, None),
        (15, 14, None),
        (14, 13, "expires in 13 days"),
        (2, 1, "expires in 1 day"),
        (1, 0, "expires in 0 days"),
        (-1, -2, "expired on "),
    ],
)
def test_certificate_of_this_side_is_told_two_weeks_before_and_after_its_end(tmp_path, to_days, days_left, said):
    cert_file, _ = Authority(tmp_path).server("pc-01", -40, to_days)
    found = watch(cert_file, lambda: now_ms() + 1_000)  # in the second of its making, whole days would be left
    assert found.days_left() == days_left
    texts = [one.text for one in found.findings()]
    assert texts == [] if said is None else len(texts) == 1 and said in texts[0]
    if said:
        assert texts[0].startswith("this side's certificate for the broker ")
        assert texts[0].endswith(f"({cert_file}): put a new one there")
        assert found.findings()[0].expired is (to_days < 0)


def test_certificate_renewed_in_its_place_is_read_again(tmp_path):
    authority = Authority(tmp_path)
    cert_file, _ = authority.server("pc-01", -40, -1)
    found = watch(cert_file)
    assert found.findings()[0].expired
    authority.server("pc-01", -1, 300)
    assert found.findings() == [] and found.days_left() == 299
    cert_file.unlink()
    assert found.findings() == [] and found.days_left() is None


def test_certificate_of_the_broker_is_told_and_the_expired_one_first(tmp_path):
    authority = Authority(tmp_path)
    found = watch(authority.client("pc-01", -1, 9)[0])
    found.shown(der_of(authority.server("broker", -9, -1)[0]))
    texts = [one.text for one in found.findings()]
    assert texts[0].startswith("the broker's certificate expired on ")
    assert texts[0].endswith("(city:8883): have its operator renew it")
    assert texts[1].startswith("this side's certificate for the broker expires in 8 days")
    assert found.days_left() == -2
    found.shown(None)
    assert found.days_left() == 8


def test_certificate_none_is_used_says_nothing():
    found = watch(None, lambda: DAY_MS)
    assert found.days_left() is None and found.findings() == []
