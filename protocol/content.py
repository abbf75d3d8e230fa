"""Kinds and limits of the content that a terminal holds for its screens. Constants only: they cost a terminal nothing.

In HELLO_REPLY `assets` names each content file as "kind/name" with the first HASH_DIGITS hex digits of its SHA-256; a
staff card's name is the clerk's number, the tag table's is TAG_TABLE_NAME.
"""

STAFF_CARD = 1
NOTICE = 2  # reserved
TAG_TABLE = 3
PROMPT = 4  # reserved
FIRMWARE_MANIFEST = 5  # name = version; data = signature of SIGNATURE_BYTES, then manifest.cbor
FIRMWARE_FILE = 6  # name = its index, in decimal, into the files and then the packs of the manifest received last

CAP_BULK = "bulk"  # in HELLO_REPLY `caps`: the terminal takes content
CAP_UPDATE = "update"  # the terminal takes a new firmware: FIRMWARE_MANIFEST, FIRMWARE_FILE, then UPDATE
CAP_REVEAL = "reveal"  # provisioned with reveal_level: QUERY's reply tells the level of the last rating

BLOCK_BYTES = 512  # most in one BULK_DATA frame
CARDS_MAX = 8
CARD_BYTES_MAX = 65_536
TAG_TABLE_BYTES_MAX = 8_192
TAG_TABLE_NAME = "tags"
MANIFEST_BYTES_MAX = 32_768  # with the signature; a manifest of today's firmware has 5 KB
SIGNATURE_BYTES = 384  # RSA-3072
HASH_DIGITS = 8

# Entries of `assets` beside the content, of terminals with CAP_UPDATE; the hash of a manifest is that of manifest.cbor.
ASSET_FIRMWARE = "fw"  # the first HASH_DIGITS hex digits of the running manifest's hash
ASSET_FIRMWARE_NEXT = "fw.next"  # the same of a manifest that was received and not yet switched to
ASSET_FIRMWARE_TRIAL = "fw.trial"  # "yes" while what runs is on trial
