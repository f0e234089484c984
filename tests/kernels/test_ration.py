from __future__ import annotations

from jupyter_envguard.kernels.ration import Ration


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_few_of_each_kind_are_admitted_and_the_rest_counted() -> None:
    clock = Clock()
    ration = Ration(most=2, seconds=60, clock=clock)
    assert [ration.admits("a") for _ in range(4)] == [True, True, False, False]
    assert ration.admits("b")
    assert ration.wait() == 60
    assert ration.rests() == {}
    clock.now = 59
    assert ration.wait() == 1
    clock.now = 61
    assert ration.wait() == 0
    assert ration.rests() == {"a": 2}
    assert ration.wait() is None
    assert ration.admits("a")


def test_at_the_end_everything_is_counted_out() -> None:
    ration = Ration(most=1, seconds=60, clock=Clock())
    for kind in ("a", "a", "b"):
        ration.admits(kind)
    assert ration.rests(every=True) == {"a": 1}
    assert ration.rests(every=True) == {}
