"""What terminals show: glyph packs built from an open font."""
