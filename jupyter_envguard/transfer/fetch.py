"""From a share into the store: `fetch`.

The catalog says which digests a release has. The documents on the share have to have
them; the contents have to have the hashes that the manifest gives them. Only those
that the store lacks are read, several requests at a time. A connection that breaks is
taken up where it broke, and what was complete when everything broke is still there
the next time.
"""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

from jupyter_envguard.errors import EnvGuardError, Untrusted
from jupyter_envguard.image import Image
from jupyter_envguard.spec import sha256_digest
from jupyter_envguard.store import Gathering, Store
from jupyter_envguard.transfer.hands import Unpack, hands
from jupyter_envguard.transfer.index import Listing
from jupyter_envguard.transfer.limits import LIMITS, Limits
from jupyter_envguard.transfer.plan import Run, runs
from jupyter_envguard.transfer.share import release_file
from jupyter_envguard.transfer.sources import Source, whole

Progress = Callable[[int, int], None]
"""Is told the bytes that have been read and all that are to be."""


@dataclass(frozen=True, slots=True)
class Digests:
    """What the catalog says a release is."""

    pack: str
    """Digest of its pack."""
    spec: str
    """Digest of its spec."""
    manifest: str
    """Digest of its manifest."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of a fetch."""

    image: Image
    """The image, which is in the store now."""
    bytes_read: int
    """Bytes that came from the share; 0 when the image was there already."""
    contents: int
    """Contents that were missing."""
    address: str
    """Where they came from, in words fit to be shown; empty when nothing was read."""


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Let Python not look for garbage while hundreds of thousands of small things are made, all to stay."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@uncollected()
def fetch(
    store: Store,
    source: Source,
    wanted: Digests,
    progress: Progress | None = None,
    limits: Limits = LIMITS,
    *,
    bare: bool = False,
) -> Fetched:
    """Make the image that `wanted` describes from what `source` has, unless `store` has it; return it.

    With `bare` it gets no tree, and is usable when `Presence.present` has brought it to its path.
    Of many processes that ask for the same release at once, one reads it and the
    others wait. Raises `not-shared`, `share-invalid`, `digest-mismatch` and
    `object-mismatch` for what the share has, `source-broken`, `source-slow`,
    `source-refused`, `source-redirects` and `source-no-ranges` for how it sends it,
    and the failures of `Store.receive`; then nothing is published.
    """
    try:
        return Fetched(checked(store.get(wanted.pack), wanted), 0, 0, "")
    except EnvGuardError as error:
        if error.code != "image-missing":
            raise
    name, most = release_file(wanted.pack), limits.release_bytes
    content = whole(resumed(source, name, 0, most + 1, limits), most, f"{name} on {source.address}")
    listing = Listing.decode(content, limits)
    _check(listing, wanted, source)
    works: list[_Work] = []

    def fill(delivery: Gathering) -> None:
        missing = tuple(wanted for wanted in delivery.missing() if wanted.size)
        with hands(delivery, missing, limits) as unpack:
            for nothing in (empty for empty in delivery.missing() if not empty.size):
                delivery.put(nothing, ())
            works.append(_Work(source, delivery, unpack, limits))
            works[-1].contents = len(missing)
            works[-1].run(runs(missing, listing.frames, limits), progress)

    image = store.receive(listing.documents, fill, bare=bare)
    # None where another process was quicker
    return Fetched(
        image,
        len(content) + sum(work.bytes_read for work in works),
        sum(work.contents for work in works),
        source.address,
    )


class _Work:
    """Runs, read several at a time."""

    def __init__(self, source: Source, delivery: Gathering, unpack: Unpack, limits: Limits) -> None:
        self._source = source
        self._delivery = delivery
        self._unpack = unpack
        self._limits = limits
        self._given_up = Event()
        self.contents = 0
        self.bytes_read = 0

    def run(self, planned: tuple[Run, ...], progress: Progress | None) -> None:
        """Read all of `planned`; whatever happens, what is complete then is kept."""
        total, unsaved = sum(run.length for run in planned), 0
        with ThreadPoolExecutor(self._limits.workers, "fetch") as pool:
            waiting: set[Future[int]] = {pool.submit(self._read, run) for run in planned}
            try:
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        self.bytes_read += future.result()
                        unsaved += future.result()
                    if progress:
                        progress(self.bytes_read, total)
                    if unsaved >= self._limits.checkpoint_bytes:
                        self._delivery.checkpoint()
                        unsaved = 0
            except BaseException:
                self._given_up.set()
                pool.shutdown(cancel_futures=True)
                with contextlib.suppress(OSError):  # what went wrong first is the news
                    self._delivery.checkpoint()
                raise

    def _read(self, run: Run) -> int:
        first = run.frames[0]
        chunks = resumed(self._source, f"blobs/{first.blob}", first.offset, run.length, self._limits)
        compressed = _Parts(until(self._given_up, chunks))
        for frame in run.frames:
            self._unpack(frame, compressed.take(frame.length))
        return run.length


class _Parts:
    """Bytes that come in chunks, taken in parts of other lengths."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def take(self, length: int) -> Iterator[memoryview]:
        """Yield the next `length` bytes, fewer when there are no more."""
        while length:
            chunk = self._rest or memoryview(next(self._chunks, b""))
            if not chunk:
                return
            part, self._rest = chunk[:length], chunk[length:]
            length -= len(part)
            yield part


def until(given_up: Event, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield `chunks` as long as nobody has `given_up`."""
    for chunk in chunks:
        if given_up.is_set():
            return
        yield chunk


def resumed(source: Source, name: str, offset: int, length: int, limits: Limits) -> Iterator[bytes]:
    """Yield bytes of the file `name`, asking again for the rest when a source breaks."""
    pause, left = limits.retry_seconds, limits.attempts
    while True:
        left -= 1
        try:
            for chunk in source.stream(name, offset, length):
                offset, length = offset + len(chunk), length - len(chunk)
                yield chunk
        except EnvGuardError as error:
            if error.code != "source-broken" or not left:
                raise
        else:
            return
        time.sleep(pause)
        pause *= 2


def _check(listing: Listing, wanted: Digests, source: Source) -> None:
    documents = listing.documents
    found = Digests(documents.pack, sha256_digest(documents.spec), sha256_digest(documents.lines))
    if found != wanted:
        raise differs(source, found, wanted)


def differs(source: Source, found: Digests, wanted: Digests) -> Untrusted:
    """Return the refusal of documents that are not those of the approved release."""
    return Untrusted(
        "digest-mismatch",
        f"What {source.address} calls the release is not what was approved: its manifest is "
        f"{found.manifest}, approved is {wanted.manifest}.",
        "Publish the approved release again, or fetch it from another share.",
    )


def checked(image: Image, wanted: Digests) -> Image:
    """Return `image` if it is what the catalog says; raise `digest-mismatch` otherwise."""
    if (image.spec_digest, image.manifest_digest) != (wanted.spec, wanted.manifest):
        raise Untrusted(
            "digest-mismatch",
            f"The image in {image.path} is not the approved one: its manifest is {image.manifest_digest}, "
            f"approved is {wanted.manifest}.",
            "Remove the image, then fetch it again.",
        )
    return image
