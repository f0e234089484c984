from __future__ import annotations

import pytest

from demo.calc_kernel import calculate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1+1", 2),
        ("6 * 7", 42),
        ("-(2 - 5) / 2", 1.5),
        ("7 // 2 % 2", 1),
        ("1\n\n 2 ", 2),
    ],
)
def test_the_last_expression_is_the_answer(text: str, value: float) -> None:
    assert calculate(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no expression"),
        ("import os", "import os is not an expression"),
        ("1 / 0", "1 / 0: division by zero"),
        ("'text'", "only numbers"),
        ("True", "only numbers"),
        ("open('x')", "only numbers"),
        ("2 ** 9", "only numbers"),
        ("not 1", "only numbers"),
    ],
)
def test_anything_else_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        calculate(text)
