"""Kinds and limits of the content that a terminal holds for its screens. Constants only: they cost a terminal nothing.

In HELLO_REPLY `assets` names each content file as "kind/name" with the first HASH_DIGITS hex digits of its SHA-256; a
staff card's name is the clerk's number, the tag table's is TAG_TABLE_NAME.
"""

STAFF_CARD = 1
NOTICE = 2  # reserved
TAG_TABLE = 3
PROMPT = 4  # reserved
FIRMWARE_BUNDLE = 5  # reserved

CAP_BULK = "bulk"  # in HELLO_REPLY `caps`: the terminal takes content
CAP_REVEAL = "reveal"  # provisioned with reveal_level: QUERY's reply tells the level of the last rating

BLOCK_BYTES = 512  # most in one BULK_DATA frame
CARDS_MAX = 8
CARD_BYTES_MAX = 65_536
TAG_TABLE_BYTES_MAX = 8_192
TAG_TABLE_NAME = "tags"
HASH_DIGITS = 8
