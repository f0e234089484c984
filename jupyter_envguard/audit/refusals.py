"""Reads what the machine's kernel has logged about Landlock: which program was refused what, by whose wall.

    type=LANDLOCK_ACCESS msg=audit(1729738800.268:30): domain=1a6fdc66f blockers=fs.make_reg path="/opt" …
    type=LANDLOCK_DOMAIN msg=audit(1729738800.268:30): domain=1a6fdc66f status=allocated pid=286 …
    type=SYSCALL msg=audit(1729738800.268:30): … pid=286 uid=1006 comm="touch" exe="/usr/bin/touch" …

Kernels log so from Linux 6.15 on (Landlock ABI 7), to the audit daemon or to the
kernel's own log, with names of types or their numbers (1423, 1424). Lines of one
event share the number after the colon. Texts that are not plain are written as
hexadecimal digits, so nobody can forge a line by the name of a file. The format is
that of Linux' `Documentation/admin-guide/LSM/landlock.rst`.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jupyter_envguard import __version__
from jupyter_envguard.audit.event import Actor, Event, Record, Source, Trust, format_time

LINE_LENGTH = 16 * 1024
"""Characters of a line; auditd writes at most half as many."""
MOST_KEPT = 100_000
"""Events, and domains whose program is remembered."""
SHOWN_CHARACTERS = 256
"""Of a path or the name of a program."""

LINE = re.compile(
    r"(?:\[ *\d+\.\d+\] *)?(?:audit: )?(?:node=(?P<node>\S{1,255}) )?"
    r"type=(?P<type>[A-Z]+_?[A-Z]*(?:\[\d+\])?|\d+) "
    r"(?:msg=)?audit\((?P<seconds>\d{1,11})\.(?P<millis>\d{3}):(?P<serial>\d{1,20})\): ?(?P<body>.*)",
    re.ASCII | re.DOTALL,
)
FIELD = re.compile(r'([a-z_]+)=("[^"]*"|\S*)', re.ASCII)
HEXADECIMAL = re.compile(r"(?:[0-9A-F]{2})+\Z")
UNTRUSTED = frozenset({"comm", "exe", "name", "ocomm", "path", "sun_path"})
"""Fields whose text somebody else chose: in quotation marks, or as hexadecimal digits."""
KINDS: Mapping[str, str] = {
    "LANDLOCK_ACCESS": "access",
    "UNKNOWN[1423]": "access",
    "1423": "access",
    "LANDLOCK_DOMAIN": "domain",
    "UNKNOWN[1424]": "domain",
    "1424": "domain",
    "SYSCALL": "call",
    "1300": "call",
}
OBJECTS = ("path", "opid", "ocomm", "dest", "src", "daddr", "dport", "sport", "name", "sun_path")
"""Fields that say what was wanted, in the order in which they are shown."""
PROCESS = ("pid", "uid", "exe", "comm")
"""Fields that say by whom."""


@dataclass(slots=True)
class _Happening:
    """The lines of one event."""

    node: str
    moment: datetime
    accesses: list[dict[str, str]] = field(default_factory=list)
    call: dict[str, str] = field(default_factory=dict)


def refusals(lines: Iterable[str], trust: Trust) -> Iterator[Record]:
    """Yield a record for each refusal in `lines`, in their order; other lines and broken ones do not count.

    `trust` is how far the lines are to be believed. A refusal belongs to the process that
    made the system call, where that is logged as well, and else to the one that put up
    the wall, as far as its first refusal was among the lines.
    """
    happenings: dict[tuple[str, str], _Happening] = {}
    domains: dict[tuple[str, str], dict[str, str]] = {}
    for line in lines:
        found = LINE.match(line) if len(line) <= LINE_LENGTH else None
        kind = KINDS.get(found["type"]) if found else None
        if found is None or kind is None:
            continue
        node, told = found["node"] or "", _fields(found["body"])
        if kind == "domain":
            if told.get("status") == "allocated" and len(domains) < MOST_KEPT:
                domains[node, told.get("domain", "")] = told
            continue
        key = (node, found["serial"])
        moment = datetime.fromtimestamp(int(found["seconds"]), UTC) + timedelta(
            milliseconds=int(found["millis"])
        )
        if key not in happenings and kind == "access" and len(happenings) < MOST_KEPT:
            happenings[key] = _Happening(node, moment)
        if key in happenings and kind == "access":
            happenings[key].accesses.append(told)
        elif key in happenings:
            happenings[key].call = told
    place = 0
    for (node, serial), happening in happenings.items():
        for access in happening.accesses:
            place += 1
            who = happening.call or domains.get((node, access.get("domain", "")), {})
            yield _record(place, serial, happening, access, who, trust)


def _record(
    place: int, serial: str, happening: _Happening, access: dict[str, str], who: dict[str, str], trust: Trust
) -> Record:
    wanted = {name: access[name] for name in OBJECTS if name in access}
    blockers = access.get("blockers", "")
    program = who.get("exe") or who.get("comm") or "a program"
    target = f" on {next(iter(wanted.values()))}" if wanted else ""
    detail = {"message": f"{program} was refused {blockers or 'something'}{target}", "blockers": blockers}
    detail |= {name: who[name] for name in PROCESS if name in who} | wanted
    return Record(
        seq=place,
        id=f"audit:{serial}",
        time=format_time(happening.moment),
        boot="",
        monotonic=0,
        previous="",
        source=Source("landlock", __version__, happening.node or os.uname().nodename, trust),
        event=Event(
            type="wall.denied", outcome="denied", reason="wall-refused", actor=_actor(who), detail=detail
        ),
    )


def _actor(who: dict[str, str]) -> Actor:
    number = who.get("uid", "")
    if not re.fullmatch(r"[0-9]{1,10}", number):
        return Actor("", None, "peercred")
    try:
        return Actor(pwd.getpwuid(int(number)).pw_name, int(number), "peercred")
    except (KeyError, OverflowError):
        return Actor("", int(number), "peercred")


def _fields(body: str) -> dict[str, str]:
    return {name: _text(name, value) for name, value in FIELD.findall(body)}


def _text(name: str, value: str) -> str:
    """Return a value without quotation marks, decoded and in one printable line."""
    if value.startswith('"'):
        value = value[1:-1] if value.endswith('"') and len(value) > 1 else value
    elif name in UNTRUSTED and HEXADECIMAL.match(value):
        value = bytes.fromhex(value).decode(errors="replace")
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in value)
    return shown if len(shown) <= SHOWN_CHARACTERS else shown[: SHOWN_CHARACTERS - 1] + "…"
