"""Tests of the whole product; this file makes the folder win over a package named `tests` elsewhere."""
