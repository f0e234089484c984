"""What a catalog may say of a form, and what is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.image.attested import FORM_BYTES, AttestedForm

DIGEST = "sha256:" + 64 * "a"
FORM = AttestedForm("erofs", DIGEST, 4096)
WRITTEN: dict[str, Any] = {"kind": "erofs", "digest": DIGEST, "size": 4096}


def test_is_read_as_it_was_written() -> None:
    assert FORM.as_json() == WRITTEN
    assert AttestedForm.from_json(WRITTEN) == FORM
    assert FORM.sha256 == 64 * "a"


@pytest.mark.parametrize(
    ("kind", "digest", "size"),
    [
        ("ext4", DIGEST, 4096),
        ("erofs", "sha1:aa", 4096),
        ("erofs", DIGEST, 0),
        ("erofs", DIGEST, FORM_BYTES + 1),
        ("erofs", DIGEST, True),
        ("erofs", DIGEST, 4096.0),
    ],
)
def test_is_refused_when_it_can_be_none(kind: str, digest: str, size: Any) -> None:
    with pytest.raises(InvalidInput):
        AttestedForm(kind, digest, size)
    assert AttestedForm.from_json({"kind": kind, "digest": digest, "size": size}) is None


@given(
    st.none()
    | st.text()
    | st.lists(st.text())
    | st.dictionaries(st.text(), st.integers())
    | st.fixed_dictionaries({key: st.none() | st.text() | st.lists(st.text()) for key in WRITTEN})
)
def test_is_none_where_it_cannot_be_read(value: object) -> None:
    assert AttestedForm.from_json(value) is None


def test_has_nothing_else_with_it() -> None:
    assert AttestedForm.from_json(WRITTEN | {"path": "/"}) is None
