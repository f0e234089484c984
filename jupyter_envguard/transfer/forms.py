"""From a share to a mounted image in one file: `fetch_form`.

The catalog attests which file it is, so nothing that the share says of it is asked for:
as many bytes are read as were attested, several parts at a time, and hashed as they are
written. Before they have the attested hash nobody but the hash reads them, and least of
all the code in the kernel that reads file systems.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Event

from jupyter_envguard.errors import NotFound
from jupyter_envguard.image import AttestedForm, digests_of
from jupyter_envguard.store import FormDelivery, Store
from jupyter_envguard.store.writing import room
from jupyter_envguard.transfer.fetch import Digests, Fetched, Progress, checked, differs, resumed, until
from jupyter_envguard.transfer.index import documents_in
from jupyter_envguard.transfer.limits import LIMITS, Limits
from jupyter_envguard.transfer.share import form_file, release_file
from jupyter_envguard.transfer.sources import Source, broken, whole


def fetch_form(
    store: Store,
    source: Source,
    wanted: Digests,
    form: AttestedForm,
    progress: Progress | None = None,
    limits: Limits = LIMITS,
) -> Fetched:
    """Make the image that `wanted` describes of the one file `form`, unless `store` has it; return it.

    It is usable when `Presence.mount` has mounted it, and on the disk when
    `Presence.settle` returns. Raises `not-shared` where `source` does not have the
    form, what `fetch` says of documents and of how a source sends them, and the
    failures of `Store.receive_form`; then nothing is published.
    """
    with contextlib.suppress(NotFound):
        return Fetched(checked(store.get(wanted.pack), wanted), 0, 0, "")
    works: list[_Parts] = []

    def fill(delivery: FormDelivery) -> Mapping[str, bytes]:
        works.append(_Parts(source, wanted, delivery, limits))
        return works[-1].run(progress)

    image = store.receive_form(wanted.pack, form, fill)
    # nothing where another process was quicker
    return Fetched(image, sum(work.bytes_read for work in works), len(works[:1]), source.address)


class _Parts:
    """Parts of a form, read several at a time."""

    def __init__(self, source: Source, wanted: Digests, delivery: FormDelivery, limits: Limits) -> None:
        self._source = source
        self._wanted = wanted
        self._delivery = delivery
        self._limits = limits
        self._given_up = Event()
        self.bytes_read = 0

    def run(self, progress: Progress | None) -> Mapping[str, bytes]:
        """Read what is missing and have it hashed in order; return the documents, which come meanwhile."""
        delivery, most = self._delivery, self._limits.part_bytes
        starts = iter(range(delivery.start, delivery.form.size, most))
        with ThreadPoolExecutor(self._limits.workers, "fetch") as pool:
            try:
                documents = pool.submit(self._documents)
                coming: deque[tuple[Future[int], memoryview]] = deque()
                for start in islice(starts, self._limits.workers + 1):
                    memory = room(most)
                    coming.append((pool.submit(self._read, start, memory), memory))
                delivery.hash_up_to(delivery.start)
                while coming:
                    part, memory = coming.popleft()
                    self._take(memory[: part.result()], progress)
                    if documents.done():  # what is not approved need not be read to the end
                        documents.result()
                    for start in islice(starts, 1):
                        coming.append((pool.submit(self._read, start, memory), memory))
                length, contents = documents.result()
            except BaseException:
                self._given_up.set()
                pool.shutdown(cancel_futures=True)
                raise
        self.bytes_read += length
        return contents

    def _take(self, part: memoryview, progress: Progress | None) -> None:
        self._delivery.hash(part)
        self.bytes_read += len(part)
        if progress:
            progress(self._delivery.hashed, self._delivery.form.size)

    def _read(self, start: int, memory: memoryview) -> int:
        """Read the part from `start` on into `memory` and write it; return how many bytes it has."""
        delivery = self._delivery
        name = form_file(self._wanted.pack, delivery.form)
        length, at = min(len(memory), delivery.form.size - start), 0
        for chunk in until(self._given_up, resumed(self._source, name, start, length, self._limits)):
            piece = chunk[: length - at]
            memory[at : at + len(piece)] = piece
            at += len(piece)
            if at == length:
                break
        if at < length and not self._given_up.is_set():
            ends = f"{name} ends after {start + at} bytes of {delivery.form.size}"
            raise broken(self._source.address, ends)
        delivery.write(start, memory[:at])
        return at

    def _documents(self) -> tuple[int, Mapping[str, bytes]]:
        """Return the documents of the image, and how many bytes were read for them.

        Raises `digest-mismatch` unless they are the approved ones.
        """
        name, most = release_file(self._wanted.pack), self._limits.release_bytes
        chunks = resumed(self._source, name, 0, most + 1, self._limits)
        content = whole(chunks, most, f"{name} on {self._source.address}")
        documents = documents_in(content, self._limits)
        pack, manifest, spec = digests_of(documents)
        found = Digests(pack, spec, manifest)
        if found != self._wanted:
            raise differs(self._source, found, self._wanted)
        return len(content), documents
