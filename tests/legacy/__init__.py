"""Tests of old raters as terminals."""
