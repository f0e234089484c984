from __future__ import annotations

from typing import Any

import pytest

from jupyter_envguard.kernels.notices import Notices


def test_everybody_who_subscribed_is_told_until_they_have_heard_enough() -> None:
    notices, one, two = Notices(), list[Any](), list[Any]()
    forget = notices.subscribe(one.append)
    notices.subscribe(two.append)
    notices.tell({"id": "a"})
    forget()
    forget()
    notices.tell({"id": "b"})
    assert (one, two) == ([{"id": "a"}], [{"id": "a"}, {"id": "b"}])


def test_one_who_fails_keeps_nobody_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("loop is closed")

    notices, heard = Notices(), list[Any]()
    notices.subscribe(fail)
    notices.subscribe(heard.append)
    notices.tell({"id": "a"})
    assert heard == [{"id": "a"}]
    assert "A change of kernel a was not heard" in caplog.text


def test_a_callback_may_subscribe_another_one() -> None:
    notices, heard = Notices(), list[Any]()
    notices.subscribe(lambda _: notices.subscribe(heard.append) and None)
    notices.tell({"id": "a"})
    notices.tell({"id": "b"})
    assert heard == [{"id": "b"}]
