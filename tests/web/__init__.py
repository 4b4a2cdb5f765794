"""Tests of the page; a package, so that its conftest.py is another module than that above it."""
