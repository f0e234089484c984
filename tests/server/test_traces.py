"""What a server leaves in the home holds no token of the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_envguard.server.traces import HUB_TOKEN

SECRET = "the-token-of-the-server"


@pytest.fixture
def jp_argv() -> list[str]:
    """Start the server as under a hub: with a token that Jupyter would write down."""
    return [f"--IdentityProvider.token={SECRET}"]


def left(app: Any) -> dict[str, str]:
    """Return what every file that the running server has left says, by its name."""
    return {path.name: path.read_text() for path in Path(app.runtime_dir).glob("jpserver-*")}


class TestUnderAHub:
    @pytest.fixture(autouse=True)
    def hub(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(HUB_TOKEN, SECRET)

    def test_no_file_holds_the_token(self, jp_serverapp: Any) -> None:
        files = left(jp_serverapp)
        assert list(files) == [Path(jp_serverapp.info_file).name]
        assert SECRET not in str(files)
        assert jp_serverapp.identity_provider.token == SECRET


class TestWithoutAHub:
    def test_files_are_as_jupyter_writes_them(self, jp_serverapp: Any) -> None:
        files = left(jp_serverapp)
        assert len(files) == 2
        assert all(SECRET in text for text in files.values())
