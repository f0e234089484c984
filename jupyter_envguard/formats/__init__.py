"""Specs in the forms that other tools read, one file per format.

Each takes a release as plain values and returns text or bytes; nothing here writes
files. `registry` lists them all.
"""
