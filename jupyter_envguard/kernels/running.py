"""The kernels that run: what each was started as, what it and its machine say of it since, and who is told.

    running = Running(guard)
    running.started(Process(permit, pid, program, level="enforce"), line)
    running.show("4f0c…")                 # as `GET kernels/{id}` sends it
    guard.notices.subscribe(callback)     # the same, after each change

Two witnesses are kept apart. A kernel's own hook reports through its line, and a user
who wants to can make it silent or lie: *self-reported*. The machine's kernel says which
files are mapped as code (`attest`): *kernel-attested*, and looked up whenever a report
comes in and whenever somebody asks.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_envguard import wall
from jupyter_envguard.catalog.entry import State as ReleaseState
from jupyter_envguard.errors import Denied, EnvGuardError
from jupyter_envguard.hooks import report as hook
from jupyter_envguard.kernels.attest import attest
from jupyter_envguard.kernels.drift import Finding, State, Witness
from jupyter_envguard.kernels.guard import Guard, Permit
from jupyter_envguard.kernels.lines import Lines
from jupyter_envguard.kernels.reports import Change, Kept, Looked, parse

SESSION = ""
"""Key of the line that everything in the session but kernels shares."""

MOST_FINDINGS = 200
"""Findings of one kernel that are kept."""

ATTEST_SECONDS = 1.0
"""After which a report makes the server look at the process once more."""

SHOWN_STATES: Mapping[ReleaseState | None, str] = {
    ReleaseState.APPROVED: "approved",
    ReleaseState.ARCHIVED: "archived",
    ReleaseState.DEPRECATED: "deprecated",
}
"""States of a release as the panel knows them; every other one has been withdrawn."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A kernel as it was started."""

    permit: Permit
    """What was allowed."""
    pid: int
    """Its process."""
    program: str
    """Path of its program."""
    reports: bool = False
    """Whether it has the hook that reports."""
    level: str = "advise"
    """How far it is confined."""
    gaps: tuple[str, ...] = ()
    """A sentence for each thing that its wall does not do."""


@dataclass(slots=True)
class _Kernel:
    process: Process
    findings: dict[Finding, set[Witness]] = field(default_factory=dict)
    is_heard: bool = False
    is_attested: bool = False
    attested_at: float = float("-inf")
    is_due: bool = False

    @property
    def state(self) -> State:
        """Drifted if anybody says so, clean if everybody who has to says so."""
        if any(finding.is_drift for finding in self.findings):
            return "drifted"
        return "clean" if self.is_attested and (self.is_heard or not self.process.reports) else "unknown"


class Running:
    """All kernels of one server; safe for several threads."""

    def __init__(self, guard: Guard, clock: Callable[[], float] = time.monotonic) -> None:
        """Listen to nobody yet."""
        self._guard = guard
        self._clock = clock
        self._turn = threading.RLock()
        self._kernels: dict[str, _Kernel] = {}
        self._lines = Lines(self._hear, self._lost, self._rest, user=os.geteuid())
        self._address: Path | None = None

    def open(self) -> None:
        """Listen to the whole session: to whatever inherits the variable that names the socket.

        Where there can be none, hooks outside of kernels are not heard.
        """
        try:
            path = Path(wall.private_folder()) / f"reports-{secrets.token_hex(8)}"
            line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                line.bind(str(path))
                line.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            except OSError:
                line.close()
                raise
        except OSError as error:
            log.warning("What terminals refuse will not be recorded: %s", error)
            return
        self._address = path
        os.environ[hook.ADDRESS] = str(path)
        self._lines.add(SESSION, line)

    def close(self) -> None:
        """Listen to nobody any more, and record what was only counted."""
        with self._turn:
            for key in (SESSION, *self._kernels):
                self._lines.remove(key)
        self._lines.join()
        if self._address is not None:
            with contextlib.suppress(OSError):
                self._address.unlink()
            if os.environ.get(hook.ADDRESS) == str(self._address):
                del os.environ[hook.ADDRESS]
            self._address = None
        self._guard.record_rests(every=True)

    def started(self, process: Process, line: socket.socket | None = None) -> None:
        """Take note of a kernel that was started, in place of one of its id; `line` is ours from now on."""
        key = process.permit.kernel_id
        with self._turn:
            self._kernels[key] = _Kernel(process)
            if line is not None:
                self._lines.add(key, line)
        self._tell(key)

    def ended(self, kernel_id: str) -> None:
        """Forget a kernel whose process is over."""
        with self._turn:
            if self._kernels.pop(kernel_id, None) is not None:
                self._lines.remove(kernel_id)

    def show(self, kernel_id: str) -> dict[str, Any] | None:
        """Return a kernel as the REST API shows it, after looking at its process; None if there is none."""
        with self._turn:
            kernel = self._kernels.get(kernel_id)
        if kernel is None:
            return None
        self._attest(kernel)
        return self._shown(kernel)

    def _hear(self, key: str, content: bytes) -> bool:
        """Act on a message; called in the thread of the lines."""
        report = parse(content)
        with self._turn:
            kernel = self._kernels.get(key)
        if isinstance(report, Change):
            self._record_change(kernel, report)
        elif isinstance(report, Kept):
            self._keep_out(kernel, report)
        elif report is None or kernel is None:
            return False
        else:
            self._note(kernel, report)
        return True

    def _note(self, kernel: _Kernel, looked: Looked) -> None:
        with self._turn:
            before = kernel.state
            kernel.is_heard = True
        found = looked.finding
        is_new = found is not None and self._found(kernel, found, "self-reported")
        if self._due_in(kernel) <= 0:
            is_new |= self._attest(kernel, is_told=False)
        else:
            kernel.is_due = True
        if is_new or kernel.state != before:
            self._tell(kernel.process.permit.kernel_id)

    def _keep_out(self, kernel: _Kernel | None, kept: Kept) -> None:
        """Show and record what was kept from loading, which is no drift."""
        found = kept.finding
        if kernel is not None and not self._noted(kernel, found, "self-reported"):
            return
        error = Denied("import-denied", found.message)
        about = {"name": found.name, "where": found.where, "why": kept.why, "message": found.message}
        self._record(kernel, "import.denied", error, "self-reported", **about)
        if kernel is not None:
            self._tell(kernel.process.permit.kernel_id)

    def _lost(self, key: str) -> None:
        """Note that a kernel has closed its line, or that a line was closed; called in that thread."""
        if key == SESSION:
            log.warning("Too much or nonsense was said: what terminals refuse will not be recorded any more.")
        with self._turn:
            kernel = self._kernels.get(key)
            if kernel is None:
                return
            before, kernel.is_heard = kernel.state, False
        if kernel.state != before and Path(f"/proc/{kernel.process.pid}/exe").exists():
            log.warning("Kernel %s does not report any more what it imports.", key)
            self._tell(key)

    def _attest(self, kernel: _Kernel, is_told: bool = True) -> bool:
        """Look at the process of `kernel`; tell whether something new was found."""
        process, before = kernel.process, kernel.state
        kernel.is_due = False
        try:
            found = attest(process.pid, process.permit.image.path, process.program)
        except OSError as error:
            log.info("Kernel %s cannot be looked at: %s", process.permit.kernel_id, error)
            with self._turn:
                kernel.is_attested, kernel.attested_at = False, self._clock()
        else:
            with self._turn:
                kernel.is_attested, kernel.attested_at = True, self._clock()
            found = tuple(item for item in found if self._found(kernel, item, "kernel-attested"))
            if is_told and (found or kernel.state != before):
                self._tell(process.permit.kernel_id)
            return bool(found)
        return False

    def _found(self, kernel: _Kernel, finding: Finding, witness: Witness) -> bool:
        """Keep and record a finding; tell whether nobody had found it before."""
        with self._turn:
            is_new = finding not in kernel.findings
            if not self._noted(kernel, finding, witness):
                return False
        about = {"finding": finding.kind, "name": finding.name, "where": finding.where}
        self._record(kernel, "kernel.drifted", None, witness, message=finding.message, **about)
        return is_new

    def _noted(self, kernel: _Kernel, finding: Finding, witness: Witness) -> bool:
        """Keep a finding; tell whether this witness had not found it before, and there was room."""
        with self._turn:
            if finding not in kernel.findings and len(kernel.findings) >= MOST_FINDINGS:
                return False
            witnesses = kernel.findings.setdefault(finding, set())
            is_new = witness not in witnesses
            witnesses.add(witness)
        return is_new

    def _record_change(self, kernel: _Kernel | None, change: Change) -> None:
        error = None
        if change.effect == "deny":
            error = Denied("operation-denied", f"Rule {change.rule} denies {change.operation}.")
        kind = "package.recorded" if error is None else "package.denied"
        about = {"operation": change.operation, "rule": change.rule, "place": change.place}
        self._record(kernel, kind, error, "self-reported", command=change.command, **about)

    def _record(
        self, kernel: _Kernel | None, kind: str, error: EnvGuardError | None, witness: Witness, **about: str
    ) -> None:
        """Record one event about `kernel`, or about the session, as far as its kind is not rationed."""
        if not self._guard.ration.admits(kind):
            return
        try:
            if kernel is not None:
                self._guard.record(kernel.process.permit, kind, error, witness=witness, **about)
            else:
                self._guard.record_session(kind, error, witness=witness, **about)
        except EnvGuardError as failure:
            log.error("%s is not recorded: %s", kind, failure.message)

    def _rest(self) -> float | None:
        """Do what was put off; return when there is something to do again."""
        self._guard.record_rests()
        with self._turn:
            put_off = [kernel for kernel in self._kernels.values() if kernel.is_due]
        for kernel in put_off:
            if self._due_in(kernel) <= 0:
                self._attest(kernel)
        waits = [self._due_in(kernel) for kernel in put_off if kernel.is_due]
        waits += [wait for wait in [self._guard.ration.wait()] if wait is not None]
        return min(waits, default=None)

    def _due_in(self, kernel: _Kernel) -> float:
        """Return the seconds until a report makes the server look at `kernel` again."""
        return kernel.attested_at + ATTEST_SECONDS - self._clock()

    def _tell(self, kernel_id: str) -> None:
        with self._turn:
            kernel = self._kernels.get(kernel_id)
        if kernel is not None:
            self._guard.notices.tell(self._shown(kernel))

    def _shown(self, kernel: _Kernel) -> dict[str, Any]:
        process = kernel.process
        entry = process.permit.offer.entry
        listing = self._guard.listing()
        now = next((offer.entry.state for offer in listing.offers if offer.entry.id == entry.id), None)
        state = entry.state if listing.problem else now
        with self._turn:
            drift = {"state": kernel.state, "findings": [item.as_json() for item in sorted(kernel.findings)]}
        return {
            "id": process.permit.kernel_id,
            "kernel_name": process.permit.offer.kernel_name,
            "environment": entry.name,
            "release": entry.release,
            "digests": {"pack": entry.pack, "spec": entry.spec, "manifest": entry.manifest},
            "state": SHOWN_STATES.get(state, "revoked"),
            "wall": {"level": process.level, "complete": not process.gaps, "gaps": list(process.gaps)},
            "drift": drift,
        }
