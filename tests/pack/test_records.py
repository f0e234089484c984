"""Records become packages and specs, whatever their order, and only when they are sound."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.inventory import RecordedFile
from jupyter_envguard.pack.limits import Limits
from jupyter_envguard.pack.records import load_json, make_spec, platform_of, read_record
from jupyter_envguard.spec import Package

LIMITS = Limits()
PATH = "conda-meta/x-1-0.json"
SITE = "lib/python3.11/site-packages"
SHA, MD5 = "a" * 64, "b" * 32

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**17), 10**17), st.text()),
    lambda children: st.one_of(st.lists(children), st.dictionaries(st.text(), children)),
    max_leaves=20,
)


def nested(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(nested, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(nested, value), default=0)
    return 0


class TestJson:
    @given(VALUES, st.integers(1, 6), st.booleans())
    def test_reads_what_python_writes_unless_it_is_too_deep(
        self, value: Any, depth: int, plain: bool
    ) -> None:
        content = json.dumps(value, ensure_ascii=plain).encode("utf-8", "surrogatepass")
        try:
            found = load_json(content, PATH, Limits(json_depth=depth))
        except PackRefused as error:
            assert nested(value) > depth or "utf-8" in error.message
        else:
            assert found == value
            assert nested(value) <= depth

    @given(st.binary())
    def test_anything_else_is_refused_and_nothing_worse(self, content: bytes) -> None:
        try:
            load_json(content, PATH, LIMITS)
        except PackRefused as error:
            assert error.code == "pack-record-invalid"

    @pytest.mark.parametrize(
        "brackets", [b"[" * 100_000, b"]" * 100_000, b'{"a":' * 99_999 + b"1" + b"}" * 99_999]
    )
    def test_nesting_without_end_is_refused_without_parsing(self, brackets: bytes) -> None:
        with pytest.raises(PackRefused, match="nests deeper"):
            load_json(brackets, PATH, LIMITS)

    def test_brackets_and_quotes_in_strings_do_not_count(self) -> None:
        text = '[{"\\' * 50
        assert load_json(json.dumps({"a": text}).encode(), PATH, LIMITS) == {"a": text}

    def test_size_is_judged_first(self) -> None:
        with pytest.raises(PackRefused) as caught:
            load_json(b'"' + b"x" * 100 + b'"', PATH, Limits(record_bytes=100))
        assert caught.value.code == "pack-record-too-large"

    @pytest.mark.parametrize("half", [rb'"\ud800"', rb'{"\uDFFF": 1}', rb'"\udc00\ud800"'])
    def test_half_a_character_is_refused(self, half: bytes) -> None:
        with pytest.raises(PackRefused):
            load_json(half, PATH, LIMITS)
        assert load_json(rb'"\ud83d\ude00"', PATH, LIMITS) == "\U0001f600"

    @pytest.mark.parametrize("number", ["1.0", "1e3", "NaN", "Infinity", "-Infinity", "1" * 19])
    def test_numbers_are_short_integers(self, number: str) -> None:
        with pytest.raises(PackRefused):
            load_json(number.encode(), PATH, LIMITS)


def record(**fields: Any) -> tuple[Any, Package]:
    document = {"name": "x", "version": "1"} | fields
    return read_record(PATH, json.dumps(document).encode(), LIMITS)


class TestRecord:
    def test_a_record_of_conda(self) -> None:
        found, package = record(
            build="py311_0",
            channel="https://conda.anaconda.org/conda-forge/linux-64",
            subdir="linux-64",
            url="https://conda.anaconda.org/conda-forge/linux-64/x-1-py311_0.conda",
            sha256=SHA.upper(),
            md5=MD5,
            license="MIT",
            size=7,
            depends=["python"],
            requested_spec="x=1",
        )
        assert (found.path, found.name, found.version, found.build) == (PATH, "x", "1", "py311_0")
        assert package == Package(
            name="x",
            version="1",
            build="py311_0",
            channel="https://conda.anaconda.org/conda-forge",
            subdir="linux-64",
            url="https://conda.anaconda.org/conda-forge/linux-64/x-1-py311_0.conda",
            sha256=SHA,
            md5=MD5,
            license="MIT",
            size=7,
            depends=("python",),
            requested=True,
        )

    @pytest.mark.parametrize(
        ("channel", "subdir", "expected"),
        [
            ("https://c/conda-forge", "noarch", "https://c/conda-forge"),
            ("https://c/conda-forge/", "noarch", "https://c/conda-forge"),
            ("https://c/conda-forge/noarch", "noarch", "https://c/conda-forge"),
            ("https://c/conda-forge/noarch/", "noarch", "https://c/conda-forge"),
            ("pkgs/main", "linux-64", "pkgs/main"),
            ("pkgs/main/linux-64", "", "pkgs/main/linux-64"),
            ("", "", ""),
        ],
    )
    def test_the_channel_never_holds_the_subdir(self, channel: str, subdir: str, expected: str) -> None:
        assert record(channel=channel, subdir=subdir)[1].channel == expected

    @pytest.mark.parametrize(
        ("fields", "requested"),
        [
            ({}, False),
            ({"requested_spec": None}, False),
            ({"requested_spec": "None"}, False),
            ({"requested_specs": []}, False),
            ({"requested_specs": ["x"]}, True),
            ({"requested_spec": "x"}, True),
        ],
    )
    def test_knows_what_a_person_asked_for(self, fields: dict[str, Any], requested: bool) -> None:
        assert record(**fields)[1].requested is requested

    def test_takes_files_in_detail_and_the_rest_by_name(self) -> None:
        found, _ = record(
            files=["a", "b"],
            paths_data={
                "paths": [
                    {
                        "_path": "a",
                        "path_type": "softlink",
                        "sha256": SHA,
                        "sha256_in_prefix": SHA,
                        "size_in_bytes": 3,
                        "prefix_placeholder": "/p",
                        "file_mode": "text",
                    }
                ]
            },
        )
        assert found.files == (RecordedFile("a", SHA, SHA, 3, "softlink", "/p", "text"), RecordedFile("b"))

    def test_a_licence_may_stand_on_several_lines(self) -> None:
        assert record(license="MIT\n  or so\t")[1].license == "MIT or so"

    @pytest.mark.parametrize("name", ["name", "version", "build", "subdir", "channel", "url", "license"])
    @pytest.mark.parametrize("character", ["\x1b", "\u202e", "\x00"])
    def test_refuses_what_a_terminal_would_act_on(self, name: str, character: str) -> None:
        with pytest.raises(PackRefused) as caught:
            record(**{name: f"a{character}b"})
        assert caught.value.code == "pack-record-invalid"

    @pytest.mark.parametrize("field", [{"sha256": "A" * 63}, {"md5": SHA}, {"size": True}, {"depends": "x"}])
    def test_refuses_fields_of_another_shape(self, field: dict[str, Any]) -> None:
        with pytest.raises(PackRefused) as caught:
            record(**field)
        assert caught.value.code == "pack-record-invalid"


def test_the_platform_is_what_most_packages_are_for() -> None:
    def packages(*subdirs: str) -> list[Package]:
        return [Package(name="x", version="1", subdir=subdir) for subdir in subdirs]

    assert platform_of(packages("noarch", "noarch", "linux-64", "")) == "linux-64"
    assert platform_of(packages("osx-64", "linux-64")) == "linux-64"
    assert platform_of(packages("osx-64", "osx-64", "linux-64")) == "osx-64"
    assert platform_of(packages("noarch")) == "noarch"


def pip(name: str = "Acme.Risk", metadata: str = "", **files: str) -> dict[str, bytes]:
    folder = f"{SITE}/{name}-2.0.dist-info"
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n{metadata}",
        "INSTALLER": "pip\n",
    }
    texts |= {key.replace("_json", ".json"): value for key, value in files.items()}
    return {f"{folder}/{key}": value.encode() for key, value in texts.items()}


def spec_of(
    texts: dict[str, bytes], *records: tuple[Any, Package], members: tuple[str, ...] = ()
) -> list[Package]:
    spec = make_spec([p for _, p in records], [r for r, _ in records], texts, members, LIMITS)
    return [package for package in spec.packages if package.manager == "pypi"]


class TestPip:
    def test_what_pip_put_on_top_is_in_the_spec(self) -> None:
        metadata = "License-Expression: MIT\nLicense: old\nRequires-Dist: numpy>=2\n"
        metadata += "Requires-Dist: pandas ; extra\n\nName: no"
        requested = f"{SITE}/Acme.Risk-2.0.dist-info/REQUESTED"
        assert spec_of(pip(metadata=metadata), members=(requested,)) == [
            Package(
                name="acme-risk",
                version="2.0",
                manager="pypi",
                license="MIT",
                depends=("numpy>=2", "pandas ; extra"),
                requested=True,
            )
        ]

    def test_what_conda_installed_is_not_counted_twice(self) -> None:
        texts = pip()
        assert spec_of(texts, record(files=[f"{SITE}/Acme.Risk-2.0.dist-info/METADATA"])) == []
        assert spec_of(texts | {f"{SITE}/Acme.Risk-2.0.dist-info/INSTALLER": b"conda\n"}) == []

    def test_distributions_inside_of_others_do_not_count(self) -> None:
        texts = {path.replace(SITE, f"{SITE}/setuptools/_vendor"): text for path, text in pip().items()}
        assert spec_of(texts) == []

    @pytest.mark.parametrize(
        ("archive", "sha256"),
        [
            ({"hashes": {"sha256": SHA}}, SHA),
            ({"hash": f"sha256={SHA}"}, SHA),
            ({"hash": f"md5={MD5}"}, ""),
            ({"hash": "sha256=short"}, ""),
            ({}, ""),
        ],
    )
    def test_address_and_hash_come_from_pep_610(self, archive: dict[str, Any], sha256: str) -> None:
        direct = json.dumps({"url": "https://e/x.whl", "archive_info": archive})
        (package,) = spec_of(pip(direct_url_json=direct))
        assert (package.url, package.sha256) == ("https://e/x.whl", sha256)

    def test_an_old_licence_field_will_do(self) -> None:
        assert spec_of(pip(metadata="License: BSD\n  continued: no\n"))[0].license == "BSD"

    def test_refuses_what_a_terminal_would_act_on(self) -> None:
        with pytest.raises(PackRefused) as caught:
            spec_of(pip(metadata="License: MIT\x1b[2J\n"))
        assert caught.value.code == "pack-metadata-invalid"

    def test_reads_windows_line_ends_and_byte_order_marks(self) -> None:
        texts = {f"{SITE}/x-1.dist-info/METADATA": b"\xef\xbb\xbfName: x\r\nVersion: 1\r\n\r\nName: y\r\n"}
        assert [(p.name, p.version) for p in spec_of(texts)] == [("x", "1")]

    @given(st.permutations(range(4)))
    def test_order_never_matters(self, order: list[int]) -> None:
        records = [record(name=f"p{n}") for n in range(4)]
        texts = pip() | pip("other")
        shuffled = [records[n] for n in order]
        again = dict(sorted(texts.items(), key=lambda item: hash((item[0], tuple(order)))))
        one = make_spec([p for _, p in records], [r for r, _ in records], texts, (), LIMITS)
        two = make_spec([p for _, p in shuffled], [r for r, _ in shuffled], again, (), LIMITS)
        assert one.digest() == two.digest()
        assert one.is_mixed
