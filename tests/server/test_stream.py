"""The stream itself, in an event loop and without a server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import Unavailable
from jupyter_envguard.image import Image
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.subject import Subject, Subjects
from jupyter_envguard.server import stream as module
from jupyter_envguard.server.stream import Stream, cut, framed, new_line, number_of
from jupyter_envguard.server.watch import Happening
from tests.sites import SiteBuilder

KERNEL = {"id": "k", "state": "approved"}


@pytest.fixture
def guard(site: SiteBuilder) -> Guard:
    return Guard(site.path, Subjects(lambda: Subject("ada", frozenset(), "hub")))


@pytest.fixture
def stream(guard: Guard) -> Stream:
    return Stream(guard, poll=0.01, heartbeat=60)


async def upto(frames: AsyncIterator[str], text: str) -> list[str]:
    """Read frames until one holds `text`."""
    found = []
    async for frame in frames:
        found.append(frame)
        if text in frame:
            return found
    raise AssertionError(f"{text!r} did not come: {found}")


def ids(frames: list[str]) -> list[int]:
    return [int(frame.split("\n")[0].removeprefix("id: ")) for frame in frames if frame.startswith("id: ")]


async def test_begins_with_the_present_catalog(stream: Stream, site: SiteBuilder):
    async with aclosing(stream.frames(new_line())) as frames:
        first, catalog = await upto(frames, "event: catalog")
    assert first == "retry: 5000\n\n"
    assert f'data: {{"version":{site.catalog.version}}}\n\n' in catalog


async def test_tells_every_listener_of_a_publication(
    stream: Stream, site: SiteBuilder, images: tuple[Image, Image]
):
    async with aclosing(stream.frames(new_line())) as one, aclosing(stream.frames(new_line())) as two:
        for frames in (one, two):
            await upto(frames, "event: catalog")
        await asyncio.to_thread(site.offer, images[0], "datasci", "1")
        for frames in (one, two):
            await upto(frames, f'"version":{site.catalog.version}')
        assert stream.listeners == 2
    assert stream.listeners == 0


async def test_tells_of_kernels_from_any_thread(stream: Stream, guard: Guard):
    async with aclosing(stream.frames(new_line())) as frames:
        await upto(frames, "event: catalog")
        threading.Thread(target=guard.notices.tell, args=(KERNEL,)).start()
        assert 'data: {"id":"k","state":"approved"}\n\n' in (await upto(frames, "event: kernel"))[-1]


async def test_looks_only_while_somebody_listens(stream: Stream, guard: Guard):
    async with aclosing(stream.frames(new_line())) as frames:
        await upto(frames, "event: catalog")
        assert stream._task is not None
    assert stream._task is None
    guard.notices.tell(KERNEL)
    assert not stream._kept


async def test_numbers_grow_and_what_was_missed_comes_first(stream: Stream):
    async with aclosing(stream.frames(new_line())) as frames:
        seen = ids(await upto(frames, "event: catalog"))
        stream.publish(Happening("request", {"id": "one"}))
        seen += ids(await upto(frames, "one"))
        stream.publish(Happening("request", {"id": "two"}))
    async with aclosing(stream.frames(new_line(), seen[-1])) as frames:
        again = await upto(frames, "event: catalog")
    assert "one" not in "".join(again)
    assert "two" in again[1]
    numbers = seen + ids(again)
    assert numbers == sorted(set(numbers))


async def test_who_is_new_missed_nothing(stream: Stream):
    stream.publish(Happening("request", {"id": "one"}))
    async with aclosing(stream.frames(new_line())) as frames:
        assert len(await upto(frames, "event: catalog")) == 2


async def test_silence_is_filled_with_comments(guard: Guard):
    async with aclosing(Stream(guard, poll=60, heartbeat=0.01).frames(new_line())) as frames:
        assert (await upto(frames, ": \n\n"))[-1].startswith(":")


async def test_too_many_are_refused(stream: Stream, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MOST_STREAMS", 1)
    async with aclosing(stream.frames(new_line())) as frames:
        await upto(frames, "event: catalog")
        with pytest.raises(Unavailable) as refused:
            await anext(stream.frames(new_line()))
        assert refused.value.code == "streams-full"
    async with aclosing(stream.frames(new_line())) as frames:
        await upto(frames, "event: catalog")


async def test_who_does_not_read_is_cut_off(stream: Stream):
    async with aclosing(stream.frames(new_line())) as frames:
        await upto(frames, "event: catalog")
        for _ in range(module.WAITING_EVENTS + 1):
            stream.publish(Happening("kernel", KERNEL))
        assert [frame async for frame in frames] == []


async def test_everybody_goes_when_the_stream_is_closed(stream: Stream):
    async with aclosing(stream.frames(new_line())) as frames:
        await upto(frames, "event: catalog")
        stream.close()
        assert [frame async for frame in frames] == []
    stream.close()


async def test_a_line_that_was_cut_before_it_began_ends_at_once(stream: Stream):
    line = new_line()
    cut(line)
    assert [frame async for frame in stream.frames(line)] == []


async def test_what_comes_while_a_client_is_let_in_comes_once(stream: Stream):
    async with aclosing(stream.frames(new_line())) as other:
        await upto(other, "event: catalog")
        line = new_line()
        frames = stream.frames(line, after=1)
        coming = asyncio.ensure_future(anext(frames))
        while stream.listeners < 2:
            await asyncio.sleep(0)
        stream.publish(Happening("request", {"id": "one"}))
        found = [await coming, *await upto(frames, "event: catalog")]
        stream.publish(Happening("request", {"id": "last"}))
        found += await upto(frames, "last")
        await frames.aclose()
    assert "".join(found).count('"one"') == 1
    assert ids(found) == sorted(ids(found))


async def test_a_connection_has_its_time(stream: Stream, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LIFETIME_SECONDS", 0.0)
    assert len([frame async for frame in stream.frames(new_line())]) == 2


def test_a_loop_that_has_ended_hears_nothing():
    loop = asyncio.new_event_loop()
    loop.close()
    module._in(loop, lambda _: None, Happening("kernel", KERNEL))


@given(st.dictionaries(st.text(), st.text()))
def test_whatever_is_told_is_one_event(data: dict[str, str]):
    lines = framed(7, "kernel", data).split("\n")
    assert lines[:2] == ["id: 7", "event: kernel"]
    assert lines[2].startswith("data: {")
    assert lines[3:] == ["", ""]


@pytest.mark.parametrize(
    ("text", "number"), [("", 0), ("12", 12), ("-1", 0), ("x", 0), ("٣", 0), ("9" * 20, 0), ("1\n2", 0)]
)
def test_a_number_that_is_none_counts_as_new(text: str, number: int):
    assert number_of(text) == number


async def test_a_loop_that_goes_takes_the_watch_along(stream: Stream):
    async with aclosing(stream.frames(new_line())) as frames:
        await upto(frames, "event: catalog")
        task = stream._task
        stream.close()
        assert task is not None
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
