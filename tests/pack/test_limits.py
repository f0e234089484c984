"""Limits are one frozen value, and each says why it is what it is."""

from __future__ import annotations

import ast
import inspect
from dataclasses import FrozenInstanceError, fields

import pytest

from jupyter_envguard.pack import Limits, limits


def test_every_limit_is_a_positive_number_with_a_reason() -> None:
    body = ast.parse(inspect.getsource(limits.Limits)).body[0]
    assert isinstance(body, ast.ClassDef)
    documented = {
        node.target.id
        for node, following in zip(body.body, body.body[1:], strict=False)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(following, ast.Expr)
    }
    assert documented == {field.name for field in fields(Limits)}
    assert all(getattr(Limits(), field.name) > 0 for field in fields(Limits))


def test_limits_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Limits().entries = 1  # type: ignore[misc]
