"""From a share to a mounted image in one file: `fetch_form`.

The catalog attests which file it is, so nothing that the share says of it is asked for:
as many bytes are read as were attested, several parts at a time, and hashed while they
arrive. Before they have the attested hash nobody but the hash reads them, and least of
all the code in the kernel that reads file systems.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from jupyter_envguard.errors import NotFound
from jupyter_envguard.image import AttestedForm, digests_of
from jupyter_envguard.store import FormDelivery, Store
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
        delivery, size = self._delivery, self._delivery.form.size
        starts = range(delivery.start, size, self._limits.run_bytes)
        with ThreadPoolExecutor(self._limits.workers, "fetch") as pool:
            try:
                documents = pool.submit(self._documents)
                parts = [pool.submit(self._read, start) for start in starts]
                delivery.hash_up_to(delivery.start)
                for start, part in zip(starts, parts, strict=True):
                    self.bytes_read += part.result()
                    delivery.hash_up_to(min(start + self._limits.run_bytes, size))
                    if documents.done():  # what is not approved need not be read to the end
                        documents.result()
                    if progress:
                        progress(delivery.hashed, size)
                length, contents = documents.result()
            except BaseException:
                self._given_up.set()
                pool.shutdown(cancel_futures=True)
                raise
        self.bytes_read += length
        return contents

    def _read(self, start: int) -> int:
        delivery = self._delivery
        name = form_file(self._wanted.pack, delivery.form)
        length = min(self._limits.run_bytes, delivery.form.size - start)
        at = start
        for chunk in until(self._given_up, resumed(self._source, name, start, length, self._limits)):
            delivery.write(at, chunk)
            at += len(chunk)
        if at < start + length and not self._given_up.is_set():
            raise broken(self._source.address, f"{name} ends after {at} bytes of {delivery.form.size}")
        return at - start

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
