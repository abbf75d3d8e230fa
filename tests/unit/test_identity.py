"""Sealing identities: a stranger opens what was sealed, and no key passes that should not."""

import base64
import random

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from host_agent import config as agent_config
from host_agent import identity, public_key
from host_agent.errors import UserError
from host_agent.identity import IdentitySealer
from host_agent.public_key import KeyFileError
from protocol import cbor

OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), identity.LABEL)
IDENTITY = {"user_name": "张三", "user_prop": "1", "certkey_gov": "330102199001011234", "mobile": "13800138000"}
AGENT = '[agent]\nid = "pc-01"\ncentre = "C01"\n[[window]]\nid = "W01"\nterminal = "YP-0001"\nport = "/dev/null"\n'


def pem_of(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def with_modulus(modulus, exponent=public_key.EXPONENT):
    return pem_of(rsa.RSAPublicNumbers(exponent, modulus).public_key())


@pytest.fixture(scope="module")
def city():
    """Make the city's key once."""
    return rsa.generate_private_key(public_key.EXPONENT, public_key.MIN_BITS)


@pytest.fixture(scope="module")
def pem(city):
    return pem_of(city.public_key())


def configured(tmp_path, pem=None):
    text = AGENT
    if pem is not None:
        (tmp_path / "city.pub.pem").write_bytes(pem)
        text += '[privacy]\nidentity_key_file = "city.pub.pem"\n'
    (tmp_path / "agent.toml").write_text(text, encoding="utf-8")
    return agent_config.load(tmp_path / "agent.toml")


# --- RSAES-OAEP


def test_sealed_identity_opens_with_another_library(city, pem, tmp_path):
    sealed = IdentitySealer(configured(tmp_path, pem)).seal(IDENTITY)
    assert cbor2.loads(city.decrypt(sealed, OAEP)) == IDENTITY


def test_sealed_identity_needs_the_label(city, pem):
    sealed = identity.encrypt(public_key.parse(pem), b"x")
    with pytest.raises(ValueError, match="Decryption failed|Encryption/decryption failed"):
        city.decrypt(sealed, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))


def test_same_identity_twice_is_sealed_to_different_bytes(pem, tmp_path):
    sealer = IdentitySealer(configured(tmp_path, pem))
    assert sealer.seal(IDENTITY) != sealer.seal(IDENTITY)


@given(st.binary(max_size=identity.PLAIN_LIMIT_BYTES), st.binary(max_size=40), st.binary(min_size=32, max_size=32))
def test_encoded_message_has_the_structure_of_the_rfc(message, label, seed):
    # With exponent 1 the ciphertext is the encoded message itself: RFC 8017 §7.1.1 step 2 can be read in it.
    modulus = (1 << public_key.MIN_BITS) - 1
    encoded = identity._encrypt(public_key.PublicKey(modulus, 1, ""), message, label, seed)
    size = public_key.MIN_BITS // 8
    assert len(encoded) == size
    assert encoded[0] == 0
    masked_seed, masked = encoded[1:33], encoded[33:]
    assert bytes(a ^ b for a, b in zip(masked_seed, identity.mask(masked, 32), strict=True)) == seed
    block = bytes(a ^ b for a, b in zip(masked, identity.mask(seed, size - 33), strict=True))
    digest = hashes.Hash(hashes.SHA256())
    digest.update(label)
    assert block == digest.finalize() + bytes(size - len(message) - 66) + b"\x01" + message


@given(st.integers(0, identity.PLAIN_LIMIT_BYTES))
def test_every_length_is_sealed_to_the_keys_length_and_opens(pem, city, size):
    message = random.Random(size).randbytes(size)
    sealed = identity.encrypt(public_key.parse(pem), message)
    assert len(sealed) == public_key.MIN_BITS // 8
    assert city.decrypt(sealed, OAEP) == message


def test_one_byte_more_is_refused(pem, tmp_path):
    sealer = IdentitySealer(configured(tmp_path, pem))
    room = identity.PLAIN_LIMIT_BYTES - len(cbor.encode({"user_name": "x" * 256})) + 256
    assert len(sealer.seal({"user_name": "x" * room})) == public_key.MIN_BITS // 8
    with pytest.raises(ValueError, match="^the identity is too long$"):
        sealer.seal({"user_name": "x" * (room + 1)})


def test_mask_of_some_length_begins_that_of_each_greater_one():
    assert identity.mask(b"seed", 100)[:33] == identity.mask(b"seed", 33)
    assert identity.mask(b"", 0) == b""


def test_key_of_4096_bits_seals_too():
    private = rsa.generate_private_key(public_key.EXPONENT, 4096)
    sealed = identity.encrypt(public_key.parse(pem_of(private.public_key())), b"x" * identity.PLAIN_LIMIT_BYTES)
    assert private.decrypt(sealed, OAEP) == b"x" * identity.PLAIN_LIMIT_BYTES


# --- without a key


def test_without_a_key_identities_are_dropped_counted_and_told_without_a_value(tmp_path, caplog):
    sealer = IdentitySealer(configured(tmp_path))
    assert sealer.warnings() == []
    assert [sealer.seal(IDENTITY), sealer.seal(IDENTITY)] == [None, None]
    (warning,) = sealer.warnings()
    assert warning["code"] == "identity_dropped"
    assert "2 citizens' identities" in warning["message"] and "privacy.identity_key_file" in warning["message"]
    assert sealer.faults() == []
    assert sealer.view() == {"identity_key": None, "identities_dropped": 2}
    assert len(caplog.records) == 1 and not any(value in caplog.text for value in IDENTITY.values())


def test_with_a_key_nothing_is_told_but_which(pem, tmp_path):
    sealer = IdentitySealer(configured(tmp_path, pem))
    sealer.seal(IDENTITY)
    assert sealer.warnings() == []
    assert sealer.view() == {"identity_key": public_key.parse(pem).fingerprint, "identities_dropped": 0}


# --- the key's file


def test_key_is_read_as_another_library_wrote_it(city, pem):
    numbers = city.public_key().public_numbers()
    key = public_key.parse(pem)
    assert (key.modulus, key.exponent, key.size_bytes) == (numbers.n, numbers.e, 384)
    der = city.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der)
    assert key.fingerprint == digest.finalize().hex()
    assert public_key.parse(pem.replace(b"\n", b"\r\n")) == key


def refused(pem_bytes, why):
    with pytest.raises(KeyFileError, match=why):
        public_key.parse(pem_bytes)


def test_keys_that_are_too_small_or_odd_are_refused(city):
    refused(pem_of(rsa.generate_private_key(65_537, 2048).public_key()), "2048 bits are too few")
    modulus = city.public_key().public_numbers().n
    refused(with_modulus(modulus, 3), "exponent is not 65537")
    refused(with_modulus(modulus, 65_539), "exponent is not 65537")
    refused(pem_of(ec.generate_private_key(ec.SECP256R1()).public_key()), "no RSA key")
    refused(spki(modulus + 1), "modulus is even")
    refused(spki((1 << public_key.MAX_BITS) + 1), "too many")
    refused(spki((1 << public_key.MIN_BITS - 2) + 1), "3071 bits are too few")


def test_what_is_no_public_key_is_refused_by_name(city, pem):
    private = city.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    bare = city.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    refused(private, "PRIVATE key, which belongs to the city alone")
    refused(pem + private, "PRIVATE key")
    refused(bare, "bare RSA key")
    refused(pem.replace(b"PUBLIC KEY", b"CERTIFICATE"), "holds a certificate")
    refused(pem + pem, "one PEM block")
    refused(b"comment\n" + pem, "one PEM block")
    refused(b"", "one PEM block")
    refused(b"\xff\xfe", "no PEM text")
    refused(b"-----BEGIN PUBLIC KEY-----\nMII\n-----END PUBLIC KEY-----\n", "base64 is damaged")


def der_length(size):
    if size < 0x80:
        return bytes((size,))
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(raw),)) + raw


def tlv(tag, content, length=None):
    return bytes((tag,)) + (der_length(len(content)) if length is None else length) + content


def integer(value):
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def spki_der(modulus, exponent=public_key.EXPONENT):
    numbers = tlv(0x30, tlv(0x02, integer(modulus)) + tlv(0x02, integer(exponent)))
    algorithm = tlv(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return tlv(0x30, algorithm + tlv(0x03, b"\0" + numbers))


def armoured(der):
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(der) + b"-----END PUBLIC KEY-----\n"


def spki(modulus, exponent=public_key.EXPONENT):
    return armoured(spki_der(modulus, exponent))


def test_every_flaw_of_the_encoding_is_refused(city, pem):
    modulus = city.public_key().public_numbers().n
    sound = spki_der(modulus)
    assert public_key.parse(armoured(sound)) == public_key.parse(pem)
    algorithm = sound[4:19]
    numbers = tlv(0x02, integer(modulus)) + tlv(0x02, integer(65_537))
    bits = tlv(0x03, b"\0" + tlv(0x30, numbers))
    flawed = [
        sound + b"\0",  # something behind it
        tlv(0x30, algorithm + bits + b"\x05\0"),
        tlv(0x30, algorithm + bits, b"\x80"),  # indefinite
        tlv(0x30, algorithm + bits, b"\x83\0" + len(algorithm + bits).to_bytes(2, "big")),  # longer than needed
        tlv(0x30, algorithm[:-2] + bits),  # NULL is not there
        tlv(0x30, algorithm + tlv(0x03, b"\1" + tlv(0x30, numbers))),  # unused bits
        tlv(0x30, algorithm + tlv(0x03, b"\0" + tlv(0x30, numbers + b"\x05\0"))),
        tlv(0x30, algorithm + tlv(0x03, b"\0" + tlv(0x30, tlv(0x02, b"\0" + integer(modulus)) + numbers[-5:]))),
        tlv(0x30, algorithm + tlv(0x03, b"\0" + tlv(0x30, tlv(0x02, integer(modulus)[1:]) + numbers[-5:]))),
        tlv(0x30, algorithm + tlv(0x03, b"\0" + tlv(0x30, tlv(0x02, b"") + numbers[-5:]))),
        b"",
        b"\x30",
    ]
    for der in flawed:
        refused(armoured(der), "damaged|cut short|no RSA key|bits are too few")


@given(st.data())
def test_any_single_damage_of_the_der_is_refused_or_is_another_key(city, data):
    der = bytearray(spki_der(city.public_key().public_numbers().n))
    at = data.draw(st.integers(0, len(der) - 1))
    der[at] ^= data.draw(st.integers(1, 255))
    try:
        key = public_key.parse(armoured(bytes(der)))
    except KeyFileError:
        return
    assert armoured(spki_der(key.modulus)) == armoured(bytes(der)), "two encodings of one key"


@pytest.mark.parametrize("cut", [0, 1, 3, 20, 60, 300, 400])
def test_der_that_is_cut_short_is_refused(city, cut):
    der = spki_der(city.public_key().public_numbers().n)
    refused(armoured(der[:cut]), "damaged|cut short|one PEM block")


@pytest.mark.parametrize(
    ("content", "why"), [(b"nonsense", "one PEM block"), (b"x" * 20_000, "far too large"), (None, "No such file")]
)
def test_bad_key_file_is_a_fault_of_the_configuration_with_key_and_cure(tmp_path, pem, content, why):
    configured(tmp_path, pem)
    file = tmp_path / "city.pub.pem"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        agent_config.load(tmp_path / "agent.toml")
    assert why in caught.value.message
    assert f"({tmp_path / 'agent.toml'}: privacy.identity_key_file)" in caught.value.message


def test_key_file_that_goes_bad_after_the_configuration_was_read_is_told(tmp_path, pem):
    config = configured(tmp_path, pem)
    (tmp_path / "city.pub.pem").write_text("gone")
    with pytest.raises(UserError, match=r"privacy\.identity_key_file"):
        IdentitySealer(config)
