"""From a station to the city's registry: nothing lost with a lost file, nothing taken twice, forged or altered."""

import json
from functools import cache
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from host_agent.provision import export, importing, signing
from host_agent.provision.export import ExportError
from host_agent.provision.identity_key import read_private
from host_agent.provision.record import provision
from host_agent.provision.registry import Registry
from tests.provision.stations import PASSPHRASE, city_keys, make_station, yiping

NOW_MS = 1_790_000_000_000


@pytest.fixture
def station(tmp_path):
    made = make_station(tmp_path, codes=False)
    yield made
    made.close()


@pytest.fixture
def city(tmp_path):
    book = Registry(tmp_path / "city" / "registry.db", create=True)
    yield book
    book.close()


def add(station, count=1):
    return [provision(station, station.next_terminal(), "k5", "centre-1", f"{n:02}") for n in range(count)]


def exported(station, everything=False):
    made = export.make(station, PASSPHRASE.encode(), everything)
    return None if made is None else made[0]


def fingerprint(station):
    return signing.fingerprint(station.public_key)


def take(city, data, trusted=None):
    return importing.take(city, city_private(), export.read(data), trusted, NOW_MS)


@cache
def another_key():
    return Ed25519PrivateKey.generate()


@cache
def city_private():
    return read_private(city_keys()[0])


def resigned(data, change):
    """Return an export whose lines were changed and that its own key signed again, as only the station can."""
    lines = [json.loads(line) for line in data.splitlines()[:-1]]
    key = another_key()
    public = key.public_key().public_bytes_raw()
    lines[0]["public_key"] = export._text(public)
    change(lines)
    body = b"".join(export._line(line) for line in lines)
    return body + export._line({"signature": export._text(key.sign(body))}), signing.fingerprint(public)


def test_secret_arrives_at_the_registry_and_is_in_no_export(station, city):
    made = add(station, 3)
    data = exported(station)
    done = take(city, data, fingerprint(station))
    assert done.outcomes == {"added": 3, "unchanged": 0, "moved": 0}
    for one in made:
        secret = json.loads(one.settings)["secret"]
        entry = city.get(one.entry.terminal, 1)
        assert entry.secret.hex() == secret and (entry.window, entry.board) == (one.entry.window, "k5")
        assert secret.encode() not in data and bytes.fromhex(secret) not in data


def test_export_repeats_until_the_city_has_shown_that_it_opened_it(station, city):
    add(station, 2)
    first = exported(station)
    add(station)
    second = exported(station)  # the first one was lost on the way
    assert export.read(second).header.first == 1 and export.read(second).header.last == 3
    done = take(city, second, fingerprint(station))
    station.opened(export.read_receipt(done.receipt, fingerprint(station)))
    assert exported(station) is None
    assert take(city, first).outcomes["unchanged"] == 2  # and turns up later
    add(station)
    assert export.read(exported(station)).header.first == 4
    assert export.read(exported(station, everything=True)).header.first == 1
    assert take(city, exported(station)).outcomes["added"] == 1


def test_receipt_of_a_part_leaves_the_rest_to_export(station, city):
    add(station, 3)
    done = take(city, exported(station), fingerprint(station))
    proofs = export.read_receipt(done.receipt, fingerprint(station))
    assert station.opened([proofs[0], proofs[2]]) == 0
    assert export.read(exported(station)).header.first == 2


def test_receipt_that_nobody_opened_anything_for_holds_nothing_back(station):
    add(station)
    assert station.opened([(1, bytes(16)), (7, bytes(16))]) == 2
    assert export.read(exported(station)).header.first == 1


def test_hole_before_an_export_is_refused(station, city):
    add(station, 2)
    done = take(city, exported(station), fingerprint(station))
    station.opened(export.read_receipt(done.receipt, fingerprint(station)))
    add(station)
    later = exported(station)
    other = Registry(city.path.with_name("restored.db"), create=True)
    with pytest.raises(importing.ImportRefused, match="records 1 to 2 of station bench-1 are missing") as caught:
        take(other, later, fingerprint(station))
    assert "--all" in caught.value.cure and other.entries() == []
    assert take(other, exported(station, everything=True), fingerprint(station)).outcomes["added"] == 3
    other.close()


def test_unknown_station_must_be_trusted_by_its_fingerprint(station, city):
    add(station)
    data = exported(station)
    with pytest.raises(importing.ImportRefused, match="is not known here"):
        take(city, data)
    with pytest.raises(importing.ImportRefused, match="signed by another station"):
        take(city, data, "0" * 64)
    with pytest.raises(importing.ImportRefused, match="no fingerprint"):
        take(city, data, fingerprint(station)[:16])
    assert city.entries() == []
    take(city, data, fingerprint(station))
    assert take(city, data).outcomes["unchanged"] == 1


def test_stranger_with_the_citys_public_key_cannot_register_a_terminal(station, city):
    add(station)
    take(city, exported(station), fingerprint(station))
    forged, other = resigned(exported(station), lambda lines: None)
    with pytest.raises(importing.ImportRefused, match="not known here"):
        take(city, forged)
    assert other != fingerprint(station)


def test_open_part_that_was_altered_does_not_open_even_when_signed(station, city):
    add(station)
    data, other = resigned(exported(station), lambda lines: lines[1].update(window="99"))
    with pytest.raises(importing.ImportRefused, match="its open part was altered"):
        take(city, data, other)
    assert city.entries() == []


def test_two_stations_that_gave_the_same_id_are_a_conflict_and_nothing_is_taken(station, city, tmp_path):
    add(station, 2)
    take(city, exported(station), fingerprint(station))
    folder = tmp_path / "other"
    folder.mkdir()
    second = make_station(folder, "bench-2", first=2, codes=False)
    add(second, 2)
    with pytest.raises(importing.ImportRefused, match="registered with another secret") as caught:
        take(city, exported(second), fingerprint(second))
    assert "higher epoch" in caught.value.cure and len(city.entries()) == 2
    second.close()


def test_lost_terminal_is_lost_at_the_city_too(station, city):
    made = add(station)[0].entry
    station.written(made.terminal, 1)
    station.lost(made.terminal, 1)
    done = take(city, exported(station), fingerprint(station))
    assert done.lost == 1 and city.get(made.terminal, 1).lost_utc_ms > 0
    before = city.get(made.terminal, 1)
    take(city, exported(station))
    assert city.get(made.terminal, 1) == before


def test_registry_of_before_is_read_by_the_receiver_and_widened_by_an_import(station, city, tmp_path):
    add(station)
    old = Registry(tmp_path / "old.db", create=True)
    old._db.conn.execute("ALTER TABLE terminals DROP COLUMN lost_utc_ms")
    old._db.conn.execute("DROP TABLE stations")
    old._db.conn.execute("DELETE FROM _sqlite_migrations WHERE name = 'stations_table'")
    old._db.conn.commit()
    old.close()
    reader = Registry(tmp_path / "old.db")
    assert reader.entries() == []
    reader.close()
    writer = Registry(tmp_path / "old.db", create=True)
    assert take(writer, exported(station), fingerprint(station)).outcomes["added"] == 1
    writer.close()


def test_wrong_private_key_is_told(station, city, tmp_path):
    from host_agent.provision import identity_key

    add(station)
    identity_key.make(tmp_path / "b.key", tmp_path / "b.pem", 3072)
    with pytest.raises(importing.ImportRefused, match="record 1 does not open: it was sealed to another key"):
        importing.take(city, read_private(tmp_path / "b.key"), export.read(exported(station)), fingerprint(station), 1)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    made = make_station(folder, codes=False)
    add(made, 2)
    data = exported(made)
    made.close()
    return data


@given(st.data())
@settings(max_examples=300)
def test_altered_exports_are_refused_by_name_and_never_read_otherwise(sample, data):
    at = data.draw(st.integers(0, len(sample) - 1))
    kind = data.draw(st.sampled_from(("flip", "cut", "insert", "drop line", "swap lines")))
    lines = sample.splitlines(keepends=True)
    if kind == "flip":
        other = data.draw(st.integers(1, 255))
        altered = sample[:at] + bytes((sample[at] ^ other,)) + sample[at + 1 :]
    elif kind == "cut":
        altered = sample[:at]
    elif kind == "insert":
        altered = sample[:at] + data.draw(st.binary(min_size=1, max_size=8)) + sample[at:]
    elif kind == "drop line":
        altered = b"".join(lines[: at % len(lines)] + lines[at % len(lines) + 1 :])
    else:
        altered = b"".join([lines[0], lines[2], lines[1], *lines[3:]])
    with pytest.raises(ExportError):
        export.read(altered)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3)
)


@given(
    st.sampled_from(("n", "what", "terminal", "epoch", "centre", "window", "board", "reveal_level", "sealed")),
    json_values,
)
@settings(max_examples=60)
def test_signed_nonsense_is_refused_and_stores_nothing(tmp_path_factory, sample, field, value):
    if json.loads(sample.splitlines()[1]).get(field) == value:
        return
    data, other = resigned(sample, lambda lines: lines[1].update({field: value}))
    book = Registry(tmp_path_factory.mktemp("nonsense") / "registry.db", create=True)
    with pytest.raises((ExportError, importing.ImportRefused)):
        importing.take(book, city_private(), export.read(data), other, NOW_MS)
    assert book.entries() == []
    book.close()


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_garbage_is_no_export_and_no_receipt(data):
    with pytest.raises(ExportError):
        export.read(data)
    with pytest.raises(ExportError):
        export.read_receipt(data, "0" * 64)


def test_commands_bring_a_terminal_to_the_city_and_tell_no_secret(tmp_path, capfd):
    private, public = city_keys()
    station = make_station(tmp_path, codes=False)
    secret = json.loads(add(station)[0].settings)["secret"]
    trust = fingerprint(station)
    station.close()
    word_file = ("--station", tmp_path / "bench-1.db", "--passphrase-file", tmp_path / "passphrase")
    out = tmp_path / "t.export"
    book = tmp_path / "registry.db"
    runs = [yiping("registry", "export", *word_file, "--to", public, "--out", out)]
    runs.append(yiping("registry", "import", out, "--registry", book, "--key", private))
    assert runs[-1].exit_code == 1 and "give it with --trust" in runs[-1].output
    runs.append(yiping("registry", "import", out, "--registry", book, "--key", private, "--trust", trust))
    assert runs[-1].output.strip().endswith("1 added; receipt in " + str(out) + ".receipt")
    runs.append(yiping("registry", "import", out, "--registry", book, "--key", private, "--json"))
    assert json.loads(runs[-1].output)[0]["unchanged"] == 1
    runs.append(yiping("station", "receipt", f"{out}.receipt", *word_file[:2]))
    assert "begins with record 2" in runs[-1].output
    runs.append(yiping("registry", "export", *word_file, "--to", public, "--out", out))
    assert "nothing to export" in runs[-1].output
    runs.append(yiping("registry", "list", "--registry", book))
    assert [run.exit_code for run in runs] == [0, 1, 0, 0, 0, 0, 0]
    shown = "".join(run.output for run in runs) + "".join(capfd.readouterr())
    assert secret not in shown and PASSPHRASE not in shown
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != book:
            assert bytes.fromhex(secret) not in path.read_bytes() and secret.encode() not in path.read_bytes(), path


def test_export_refuses_another_key_and_a_wrong_passphrase(tmp_path, station):
    from host_agent.provision import identity_key

    add(station)
    identity_key.make(tmp_path / "b.key", tmp_path / "b.pem", 3072)
    words = ("registry", "export", "--station", station.path, "--out", tmp_path / "x")
    other = yiping(*words, "--to", tmp_path / "b.pem", "--passphrase-file", tmp_path / "passphrase")
    assert other.exit_code == 1 and "this station seals to the key" in other.output
    (tmp_path / "wrong").write_text("not this one\n")
    wrong = yiping(*words, "--to", city_keys()[1], "--passphrase-file", tmp_path / "wrong")
    assert wrong.exit_code == 1 and "the passphrase is not the station's" in wrong.output
    assert not (tmp_path / "x").exists()


def test_station_that_is_distrusted_brings_nothing_more(tmp_path, station, city):
    add(station)
    take(city, exported(station), fingerprint(station))
    add(station)
    words = ("registry", "distrust", fingerprint(station), "--registry", city.path)
    assert yiping(*words).exit_code == 0 and yiping(*words).exit_code == 1
    with pytest.raises(importing.ImportRefused, match="is not known here"):
        take(city, exported(station))
    assert len(city.entries()) == 1
    assert take(city, exported(station), fingerprint(station)).outcomes == {"added": 1, "unchanged": 1, "moved": 0}


def test_stranger_opens_an_export_after_the_documentation(station):
    """Follow docs/provisioning.md with nothing of ours but the files."""
    import base64

    import cbor2
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding

    made = add(station)[0]
    lines = exported(station).split(b"\n")
    header = json.loads(lines[0])
    signature = base64.b64decode(json.loads(lines[-2])["signature"])
    key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(header["public_key"]))
    key.verify(signature, b"\n".join(lines[:-2]) + b"\n")
    record = json.loads(lines[1])
    private = serialization.load_pem_private_key(city_keys()[0].read_bytes(), None)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), b"yiping registry/1")
    plain = cbor2.loads(private.decrypt(base64.b64decode(record.pop("sealed")), oaep))
    assert plain["secret"].hex() == json.loads(made.settings)["secret"]
    canonical = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert plain["public"] == sha256(canonical).digest()


def test_signature_can_be_written_in_one_way_only(sample):
    line = sample.splitlines()[-1]
    loose = [line[:-1] + b" }", line.replace(b":", b": "), line[:-1] + b',"more":1}']
    text = json.loads(line)["signature"]
    after = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    loose.append(line.replace(text.encode(), (text[:-3] + after[after.index(text[-3]) ^ 1] + "==").encode()))
    for other in loose:
        assert other != line
        with pytest.raises(ExportError, match="signature does not hold"):
            export.read(sample.removesuffix(line + b"\n") + other + b"\n")
