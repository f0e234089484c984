"""Specs in the forms that other tools read, one file per format.

Each takes a `Spec` and returns text; nothing here reads or writes files.
"""
