"""The records inside a pack, read as data: conda-meta, and the dist-info of what pip put on top.

Records are claims by whoever made the pack. They are read within bounds, by a
strict reading of JSON, and turned into `CondaRecord` and `Package` values; what
does not look like a record is refused, because a spec with holes is no spec.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import CondaRecord, RecordedFile
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.names import check_path
from jupyter_envguard.pack.refusals import HOSTILE, REPACK, quoted
from jupyter_envguard.spec import Package, Spec

RECORD = re.compile(r"conda-meta/[^/]+\.json\Z")
DIST_INFO = re.compile(r"(lib/python\d+\.\d+t?/site-packages/[^/]+\.dist-info)/METADATA\Z")
HEX = {"sha256": re.compile(r"(?:[0-9a-f]{64})?\Z"), "md5": re.compile(r"(?:[0-9a-f]{32})?\Z")}
BOM = b"\xef\xbb\xbf"
BRACKETS = bytes(set(range(256)) - set(b'[]{}"'))
"""Every byte but the ones that give JSON its shape."""
PAIR = re.compile(rb"\[\]|\{\}")
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escape that may be half of a character, which no text of ours may hold."""
INTEGER_DIGITS = 18
"""Digits of the longest integer: sizes and times in milliseconds have fewer."""


def load_json(content: bytes, path: str, limits: Limits) -> Any:
    """Return the JSON document `content`, read strictly and within bounds.

    Raises `pack-record-too-large` for what would take too much memory, and
    `pack-record-invalid` for what is not UTF-8, not JSON, nested too deeply, has
    a key twice, or holds a number that is not a short integer.
    """
    if len(content) > limits.record_bytes:
        raise too_large(path, limits.record_bytes)
    if sum(map(content.count, (b",", b":", b"[", b"{"))) > limits.record_values:
        raise PackRefused(
            "pack-record-too-large", f"{quoted(path)} has more than {limits.record_values} values.", HOSTILE
        )
    if _is_deeper(content, limits.json_depth):
        raise invalid(path, f"it nests deeper than {limits.json_depth} levels")
    try:
        document = json.loads(
            content.decode(),
            object_pairs_hook=_object,
            parse_float=_no_number,
            parse_int=_integer,
            parse_constant=_no_number,
        )
        if SURROGATE.search(content):
            json.dumps(document, ensure_ascii=False).encode()  # half a character cannot be encoded
        return document
    except (ValueError, RecursionError) as error:
        raise invalid(path, f"it is not strict JSON ({error})") from error


def too_large(path: str, limit: int) -> PackRefused:
    """Return the refusal of the record `path` for its size."""
    return PackRefused("pack-record-too-large", f"{quoted(path)} has more than {limit} bytes.", HOSTILE)


def invalid(path: str, why: str) -> PackRefused:
    """Return the refusal of the record `path` for its content."""
    return PackRefused("pack-record-invalid", f"{quoted(path)} is not a record: {why[:200]}.", REPACK)


def _is_deeper(content: bytes, depth: int) -> bool:
    """Tell whether brackets nest deeper than `depth`, without parsing; unbalanced ones count as deep.

    What is left after removing strings is only brackets, and each round removes
    the innermost pairs.
    """
    if b"\\" in content:
        content = re.sub(rb"\\.", b"", content, flags=re.DOTALL)
    shape = re.sub(rb'"[^"]*"', b"", content.translate(None, BRACKETS))
    for _ in range(depth):
        shape = PAIR.sub(b"", shape)
    return bool(shape)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not an integer")


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > INTEGER_DIGITS:
        raise ValueError("a number is too long")
    return int(text)


class _Fields:
    """Typed access to one JSON object; whatever is of the wrong type refuses the record."""

    def __init__(self, document: Any, path: str) -> None:
        if not isinstance(document, dict):
            raise invalid(path, "it is not a JSON object")
        self._document = document
        self._path = path

    def text(self, *names: str) -> str:
        """Return the first of `names` that is set, or nothing; it is one line and nothing invisible."""
        return self._printable(self._get(names, str, ""), names[0])

    def number(self, name: str) -> int:
        value: int = self._get((name,), int, 0)
        if value < 0:
            raise invalid(self._path, f"{name!r} is negative")
        return value

    def items(self, name: str) -> list[Any]:
        value: list[Any] = self._get((name,), list, [])
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        found = self.items(name)
        if not all(isinstance(item, str) for item in found):
            raise invalid(self._path, f"{name!r} holds something that is not text")
        return tuple(self._printable(item, name) for item in found)

    def object(self, name: str) -> _Fields:
        return _Fields(self._get((name,), dict, {}), self._path)

    def hash(self, name: str, kind: str) -> str:
        value = self.text(name).lower()
        if not HEX[kind].match(value):
            raise invalid(self._path, f"{name!r} is not a {kind}")
        return value

    def _printable(self, value: str, name: str) -> str:
        value = _one_line(value)
        if not value.isprintable():
            raise invalid(self._path, f"{name!r} has control or invisible characters")
        return value

    def _get(self, names: Iterable[str], kind: type, default: Any) -> Any:
        for name in names:
            value = self._document.get(name)
            if value is None:
                continue
            if type(value) is not kind:
                raise invalid(self._path, f"{name!r} is not of type {kind.__name__}")
            return value
        return default


def _one_line(text: str) -> str:
    """Return `text` with every run of white space as one space: people write licences over several lines."""
    return text if text.isprintable() else " ".join(text.split())


def read_record(path: str, content: bytes, limits: Limits) -> tuple[CondaRecord, Package]:
    """Return what the conda record `path` claims, as a record of files and as a package."""
    fields = _Fields(load_json(content, path, limits), path)
    name, version = fields.text("name"), fields.text("version")
    if not name or not version:
        raise invalid(path, "it has no name or no version")
    build, subdir = fields.text("build", "build_string"), fields.text("subdir")
    record = CondaRecord(path, name, version, build, subdir, tuple(_files(fields, path, limits)))
    requested = fields.text("requested_spec")
    package = Package(
        name=name,
        version=version,
        build=build,
        channel=_channel(fields.text("channel"), subdir),
        subdir=subdir,
        url=fields.text("url"),
        sha256=fields.hash("sha256", "sha256"),
        md5=fields.hash("md5", "md5"),
        license=fields.text("license"),
        size=fields.number("size"),
        depends=fields.texts("depends"),
        requested=requested not in ("", "None") or bool(fields.texts("requested_specs")),
    )
    return record, package


def _channel(channel: str, subdir: str) -> str:
    """Return the channel without its subdir: conda writes it with, rattler without."""
    channel = channel.rstrip("/")
    return channel.removesuffix(f"/{subdir}") if subdir else channel


def _files(fields: _Fields, path: str, limits: Limits) -> Iterator[RecordedFile]:
    """Yield the files that a record claims, in detail where it has `paths_data`."""
    detailed = fields.object("paths_data").items("paths")
    known = set()
    for item in detailed:
        file = _Fields(item, path)
        claimed = _claimed(file.text("_path"), path, limits)
        known.add(claimed)
        yield RecordedFile(
            path=claimed,
            sha256=file.hash("sha256", "sha256"),
            sha256_in_prefix=file.hash("sha256_in_prefix", "sha256"),
            size=file.number("size_in_bytes"),
            kind=file.text("path_type") or "hardlink",
            placeholder=file.text("prefix_placeholder"),
            mode=file.text("file_mode"),
        )
    for claimed in fields.texts("files"):
        if claimed not in known:
            yield RecordedFile(_claimed(claimed, path, limits))


def _claimed(claimed: str, path: str, limits: Limits) -> str:
    try:
        check_path(claimed, limits)
    except PackRefused as error:
        raise invalid(path, f"it claims a file that cannot be: {error.message}") from error
    return claimed


def platform_of(packages: Iterable[Package]) -> str:
    """Return the subdir that most packages are for, leaving `noarch` aside."""
    counted = Counter(p.subdir for p in packages if p.subdir not in ("", "noarch"))
    return min(counted, key=lambda subdir: (-counted[subdir], subdir), default="noarch")


def make_spec(
    conda: Collection[Package],
    records: Collection[CondaRecord],
    texts: Mapping[str, bytes],
    members: Collection[str],
    limits: Limits,
) -> Spec:
    """Return the spec of a pack: its conda packages, and what pip installed beside them."""
    owned = {file.path for record in records for file in record.files}
    pip = _pip_packages(texts, members, owned, limits)
    return Spec(platform_of(conda), (*conda, *pip))


def _pip_packages(
    texts: Mapping[str, bytes], members: Collection[str], owned: Collection[str], limits: Limits
) -> Iterator[Package]:
    """Yield the distributions that no conda record owns and that conda did not install."""
    for path in texts:
        match = DIST_INFO.match(path)
        if match is None or path in owned:
            continue
        folder = match[1]
        if texts.get(f"{folder}/INSTALLER", b"").strip().lower() == b"conda":
            continue
        yield _pip_package(folder, texts, f"{folder}/REQUESTED" in members, limits)


def _pip_package(folder: str, texts: Mapping[str, bytes], requested: bool, limits: Limits) -> Package:
    path = f"{folder}/METADATA"
    headers = _headers(texts[path], path)
    name, version = headers.get("name", [""])[0], headers.get("version", [""])[0]
    if not name or not version:
        raise _bad_metadata(path, "it has no name or no version")
    url, sha256 = _direct_url(texts.get(f"{folder}/direct_url.json"), f"{folder}/direct_url.json", limits)
    return Package(
        name=re.sub(r"[-_.]+", "-", name).lower(),
        version=version,
        manager="pypi",
        url=url,
        sha256=sha256,
        license=_license(headers),
        depends=tuple(headers.get("requires-dist", ())),
        requested=requested,
    )


def _headers(content: bytes, path: str) -> dict[str, list[str]]:
    """Return the headers of core metadata by lower-case name; continued lines are dropped."""
    headers: dict[str, list[str]] = {}
    try:
        head = re.split(r"\r?\n\r?\n", content.removeprefix(BOM).decode(), maxsplit=1)[0]
    except UnicodeDecodeError as error:
        raise _bad_metadata(path, "it is not UTF-8") from error
    for line in head.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith((" ", "\t")):
            headers.setdefault(name.lower(), []).append(_one_line(value.strip()))
    if not all(value.isprintable() for values in headers.values() for value in values):
        raise _bad_metadata(path, "it has control or invisible characters")
    return headers


def _license(headers: Mapping[str, list[str]]) -> str:
    """Return the licence expression, or the old free field where it is short enough to be a name."""
    found = headers.get("license-expression") or headers.get("license") or [""]
    return found[0]


def _direct_url(content: bytes | None, path: str, limits: Limits) -> tuple[str, str]:
    """Return address and SHA-256 from a `direct_url.json` (PEP 610), both empty without one."""
    if content is None:
        return "", ""
    fields = _Fields(load_json(content, path, limits), path)
    archive = fields.object("archive_info")
    hashes = archive.object("hashes")
    if sha256 := hashes.hash("sha256", "sha256"):
        return fields.text("url"), sha256
    algorithm, _, value = archive.text("hash").partition("=")
    known = algorithm == "sha256" and HEX["sha256"].match(value)
    return fields.text("url"), value if known else ""


def _bad_metadata(path: str, why: str) -> PackRefused:
    return PackRefused("pack-metadata-invalid", f"{quoted(path)} is not core metadata: {why}.", REPACK)
