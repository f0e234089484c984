"""Kernels that answer well, badly, or not at all."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.kernels.talk import LARGEST_MESSAGE, Conversation, NoAnswer, TooSlow
from tests.sites import short_folder

Reply = Callable[[Session, list[bytes], dict[str, Any]], list[list[bytes]]]


class Kernel:
    """One end of a conversation that a test speaks for: answers a request with what `reply` returns."""

    def __init__(self, connection_file: Path, reply: Reply, separator: str = "-") -> None:
        connection = json.loads(connection_file.read_text())
        self._session = Session(
            key=connection["key"].encode(), signature_scheme=connection["signature_scheme"]
        )
        self._context = zmq.Context()
        self._shell = self._context.socket(zmq.ROUTER)
        self._shell.bind(f"ipc://{connection['ip']}{separator}{connection['shell_port']}")
        self._reply = reply
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _answer(self) -> None:
        try:
            identities, request = self._session.recv(self._shell, mode=0)
        except zmq.ContextTerminated:
            return
        for frames in self._reply(self._session, identities, request):
            self._shell.send_multipart(frames)

    def close(self) -> None:
        self._thread.join()
        self._context.destroy(linger=0)


def message(
    session: Session, identities: list[bytes], content: Any, parent: Any, kind: str = "execute_reply"
) -> list[bytes]:
    frames = session.serialize(session.msg(kind, content, parent), ident=identities)
    return list(frames)


def signed(session: Session, identities: list[bytes], *parts: bytes) -> list[bytes]:
    return [*identities, b"<IDS|MSG>", session.sign(list(parts)), *parts]


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "600"]) as running:
        yield running
        running.kill()


def asked(
    folder: Path, process: subprocess.Popen[bytes], reply: Reply, seconds: float = 30.0, separator: str = "-"
) -> Any:
    """Return what a kernel answers that speaks as `reply` does."""
    with Conversation(folder) as conversation:
        kernel = Kernel(conversation.connection_file, reply, separator)
        try:
            return conversation.execute("1+1", process, time.monotonic() + seconds)
        finally:
            kernel.close()


class TestAnswers:
    @pytest.mark.parametrize("separator", ["-", ":"])
    def test_the_content_of_the_reply_is_returned(
        self, folder: Path, process: subprocess.Popen[bytes], separator: str
    ) -> None:
        def reply(session: Session, identities: list[bytes], request: dict[str, Any]) -> list[list[bytes]]:
            assert request["content"]["code"] == "1+1"
            assert request["content"]["allow_stdin"] is False
            assert request["content"]["stop_on_error"] is False  # else what comes next may be aborted
            return [message(session, identities, {"status": "ok"}, request["header"])]

        assert asked(folder, process, reply, separator=separator) == {"status": "ok"}

    def test_replies_to_others_are_passed_over(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        def reply(session: Session, identities: list[bytes], request: dict[str, Any]) -> list[list[bytes]]:
            other = session.msg("execute_request", {})["header"]
            return [
                message(session, identities, {"status": "wrong"}, other),
                message(session, identities, {"status": "ok"}, request["header"]),
            ]

        assert asked(folder, process, reply) == {"status": "ok"}

    def test_the_connection_file_is_what_jupyter_expects(self, folder: Path) -> None:
        with Conversation(folder) as conversation:
            document = json.loads(conversation.connection_file.read_text())
        assert document["transport"] == "ipc"
        assert {
            f"{channel}_port" for channel in ("shell", "iopub", "stdin", "control", "hb")
        } <= document.keys()


class TestNonsense:
    @pytest.mark.parametrize(
        "parts",
        [
            [],
            [b""],
            [b"{}"],
            [b"{}", b"{}", b"{}"],
            [b"[]", b"{}", b"{}", b"{}"],
            [b"{}", b"{}", b"{}", b"{}"],
            [b"\xff", b"{}", b"{}", b"{}"],
            [b"[" * 100_000, b"{}", b"{}", b"{}"],
            [b'{"msg_id": "x", "msg_type": "y"}', b"{}", b"{}", b"[]"],
            [b'{"msg_id": "x", "msg_type": "y"}', b"[]", b"{}", b"{}"],
            [b'{"msg_id": "x", "msg_type": "y", "date": "9999-99-99T99:99:99"}', b"[]", b"{}", b"{}"],
        ],
    )
    def test_what_is_no_message_is_no_answer(
        self, folder: Path, process: subprocess.Popen[bytes], parts: list[bytes]
    ) -> None:
        def reply(session: Session, identities: list[bytes], _: dict[str, Any]) -> list[list[bytes]]:
            return [signed(session, identities, *parts)]

        with pytest.raises(NoAnswer, match="not Jupyter's protocol"):
            asked(folder, process, reply)

    def test_frames_without_a_delimiter_are_no_answer(
        self, folder: Path, process: subprocess.Popen[bytes]
    ) -> None:
        with pytest.raises(NoAnswer, match="not Jupyter's protocol"):
            asked(folder, process, lambda _session, identities, _request: [[*identities, b"hello"]])

    def test_a_wrong_signature_is_no_answer(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        def reply(session: Session, identities: list[bytes], request: dict[str, Any]) -> list[list[bytes]]:
            frames = message(session, identities, {"status": "ok"}, request["header"])
            return [[b"0" * 64 if frame == frames[len(identities) + 1] else frame for frame in frames]]

        with pytest.raises(NoAnswer, match="not Jupyter's protocol"):
            asked(folder, process, reply)

    def test_a_huge_message_is_not_read(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        def reply(session: Session, identities: list[bytes], request: dict[str, Any]) -> list[list[bytes]]:
            content = {"status": "ok", "more": "x" * LARGEST_MESSAGE}
            return [message(session, identities, content, request["header"])]

        with pytest.raises(TooSlow):
            asked(folder, process, reply, seconds=0.5)


class TestSilence:
    def test_a_kernel_that_does_not_answer_is_not_waited_for(
        self, folder: Path, process: subprocess.Popen[bytes]
    ) -> None:
        with pytest.raises(TooSlow):
            asked(folder, process, lambda _session, _identities, _request: [], seconds=0.1)

    def test_a_kernel_that_never_listens_is_not_waited_for(
        self, folder: Path, process: subprocess.Popen[bytes]
    ) -> None:
        with Conversation(folder) as conversation, pytest.raises(TooSlow):
            conversation.ask("kernel_info_request", {}, process, time.monotonic() - 1)

    def test_the_end_of_the_process_is_noticed_at_once(self, folder: Path) -> None:
        with (
            Conversation(folder) as conversation,
            subprocess.Popen(["/bin/true"]) as process,
            pytest.raises(NoAnswer, match="ended"),
        ):
            conversation.ask("kernel_info_request", {}, process, time.monotonic() + 600)


def test_a_folder_whose_path_is_too_long_is_refused() -> None:
    with pytest.raises(Unavailable, match="too long for a socket"):
        Conversation(Path("/tmp/" + "x" * 110))
