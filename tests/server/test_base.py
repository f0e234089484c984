from __future__ import annotations

import pytest
from tornado.web import HTTPError

from jupyter_envguard import errors
from jupyter_envguard.errors import EnvGuardError, Unavailable
from jupyter_envguard.kernels.kernelspecs import KernelRefused
from jupyter_envguard.server.base import STATUS, EnvGuardHandler, Guarding, _ours

OURS = Unavailable("io-error", "The disk is on fire.", "Run.")


@pytest.mark.parametrize(
    ("family", "status"),
    [
        (errors.InvalidInput, 400),
        (errors.PackRefused, 400),
        (errors.Denied, 403),
        (errors.NotFound, 404),
        (errors.Conflict, 409),
        (errors.Untrusted, 503),
        (errors.Unavailable, 503),
        (EnvGuardError, 500),
    ],
)
def test_each_family_has_its_status(family: type[EnvGuardError], status: int):
    assert EnvGuardHandler.__new__(EnvGuardHandler).status_of(family("internal-error", "")) == status


def test_every_family_has_a_status():
    families = {family for family in EnvGuardError.__subclasses__() if family.__module__ == errors.__name__}
    assert families == set(STATUS)


def raised(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


class TestOurs:
    def test_is_what_was_raised(self):
        assert _ours(OURS) is OURS

    def test_is_what_a_refused_kernel_carries(self):
        assert _ours(KernelRefused("x", OURS)) is OURS

    def test_is_what_jupyter_wrapped(self):
        assert _ours(raised(HTTPError(500), OURS)) is OURS
        assert _ours(raised(HTTPError(404), KernelRefused("x", OURS))) is OURS

    def test_is_nothing_in_a_foreign_failure(self):
        assert _ours(None) is None
        assert _ours(HTTPError(404)) is None
        assert _ours(raised(ValueError(), OURS)) is None


class TestGuarding:
    def test_a_problem_comes_first(self):
        with pytest.raises(Unavailable, match="fire"):
            Guarding(None, OURS).require()

    def test_without_a_guard_nothing_is_configured(self):
        with pytest.raises(Unavailable, match="no site"):
            Guarding(None).require()
