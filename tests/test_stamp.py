from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.catalog import Catalog, Entry, State
from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.stamp import Comparison, Notebook, Stamp, compare
from tests.catalogs import NOW, WHEN, digest, entry

OLD = entry("datasci", "2026.05", users=("nobody",), groups=())
NEW = entry("datasci", "2026.11", imported_at="2026-11-10T00:00:00Z")
R = entry("stats", "1")


def stamp_of(one: Entry) -> Stamp:
    return Stamp(one.name, one.release, one.manifest)


def found(kernel: str, stamp: Stamp | None, *entries: Entry) -> Comparison:
    catalog = Catalog(7, WHEN, NOW + timedelta(days=30), entries or (OLD, NEW, R))
    return compare(Notebook(kernel, stamp), catalog, NOW)


def read(metadata: Any) -> Notebook:
    return Notebook.from_bytes(json.dumps({"metadata": metadata, "cells": []}).encode())


class TestNotebook:
    def test_is_read_with_its_stamp(self) -> None:
        stamp = {"name": "datasci", "release": "2026.05", "digest": digest("x")}
        it = read({"kernelspec": {"name": "datasci"}, "envguard": stamp})
        assert (it.kernel, it.stamp) == ("datasci", Stamp(**stamp))

    @pytest.mark.parametrize("metadata", [{}, {"kernelspec": {}}, {"kernelspec": {"name": 7}}])
    def test_may_have_neither_kernel_nor_stamp(self, metadata: Any) -> None:
        assert read(metadata) == Notebook("", None)

    def test_a_kernel_name_that_is_too_long_is_none(self) -> None:
        assert read({"kernelspec": {"name": "x" * 201}}).kernel == ""

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b"\xff",
            b"[" * 100_000,
            b'{"metadata": []}',
            b'{"metadata": {"kernelspec": 1}}',
            b"1" * 5000,
        ],
    )
    def test_what_is_none_is_refused(self, content: bytes) -> None:
        with pytest.raises(EnvGuardError) as refused:
            Notebook.from_bytes(content)
        assert refused.value.code == "notebook-invalid"

    @pytest.mark.parametrize(
        "change",
        [{"name": "../x"}, {"release": None}, {"digest": "md5:1"}, {"digest": 7}, {"name": "<script>"}],
    )
    def test_a_stamp_that_is_none_is_refused(self, change: Any) -> None:
        good = {"name": "datasci", "release": "2026.05", "digest": digest("x")}
        for bad in ({**good, **change}, {}, [], None, "datasci"):
            with pytest.raises(EnvGuardError) as refused:
                read({"envguard": bad})
            assert refused.value.code == "stamp-invalid"

    @given(st.recursive(st.none() | st.integers() | st.text(), lambda of: st.dictionaries(st.text(), of)))
    def test_nothing_else_comes_of_it(self, metadata: Any) -> None:
        try:
            read(metadata)
        except EnvGuardError as refused:
            assert refused.code in ("notebook-invalid", "stamp-invalid")


class TestCompare:
    def test_there_is_no_stamp(self) -> None:
        it = found("datasci", None)
        assert (it.status, it.refusal and it.refusal.code) == ("no-stamp", "stamp-missing")

    @pytest.mark.parametrize(
        ("kernel", "made"),
        [
            ("datasci", NEW),
            ("DataSci", NEW),
            ("datasci--2026.05", OLD),
            ("stats", R),
            ("python3", NEW),
            ("", R),
        ],
    )
    def test_the_kernel_means_what_made_the_outputs(self, kernel: str, made: Entry) -> None:
        it = found(kernel, stamp_of(made))
        assert (it.status, it.entry, it.now, it.refusal) == ("match", made, made, None)

    @pytest.mark.parametrize(
        ("kernel", "made", "now"), [("datasci", OLD, NEW), ("stats", NEW, R), ("datasci--2026.05", NEW, OLD)]
    )
    def test_the_kernel_means_another_release(self, kernel: str, made: Entry, now: Entry) -> None:
        it = found(kernel, stamp_of(made))
        assert (it.status, it.entry, it.now) == ("other-release", made, now)
        assert it.refusal is not None
        assert f"its kernel means {now.id} now" in it.refusal.message

    def test_the_release_was_withdrawn(self) -> None:
        gone = entry("datasci", "2026.05", state=State.REVOKED, successor="datasci@2026.11")
        it = found("datasci", stamp_of(gone), gone, NEW)
        assert (it.status, it.now, it.refusal and it.refusal.code) == ("withdrawn", NEW, "revoked")

    def test_nothing_else_may_start(self) -> None:
        gone = entry("datasci", "2026.05", state=State.REVOKED)
        assert found("datasci", stamp_of(gone), gone).now is None

    @pytest.mark.parametrize(
        ("stamp", "why"),
        [
            (Stamp("lost", "1", digest("x")), "there is no such release"),
            (Stamp("datasci", "2026.05", digest("x")), "no release has its digest"),
            (Stamp("datasci", "2026.05", NEW.manifest), "its digest is that of datasci@2026.11"),
            (Stamp("lost", "1", NEW.manifest), "its digest is that of datasci@2026.11"),
        ],
    )
    def test_a_stamp_that_was_edited_is_unknown(self, stamp: Stamp, why: str) -> None:
        it = found("datasci", stamp)
        assert it.status == "unknown"
        assert it.refusal is not None
        assert why in it.refusal.message

    @given(st.text(max_size=20), st.sampled_from([OLD, NEW, R]))
    def test_whatever_the_kernel_is_called_there_is_an_answer(self, kernel: str, made: Entry) -> None:
        assert found(kernel, stamp_of(made)).status in ("match", "other-release")
