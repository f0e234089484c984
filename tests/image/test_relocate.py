from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import PackRefused
from jupyter_envguard.image import relocate
from jupyter_envguard.image.relocate import GROWTH_BYTES, SHEBANG_BYTES, relocated, with_usable_shebang
from jupyter_envguard.inventory import Prefixed

OLD = "/build/placehold_placehold_placehold"
PREFIX = "/opt/envguard/0123456789abcdef"


def binary(*placeholders: str) -> list[Prefixed]:
    return [Prefixed("lib/a.so", each, "binary") for each in placeholders or (OLD,)]


def text(*placeholders: str) -> list[Prefixed]:
    return [Prefixed("etc/a.conf", each, "text") for each in placeholders or (OLD,)]


pieces = st.lists(st.one_of(st.just(OLD.encode()), st.binary(max_size=12), st.just(b"\0")), max_size=20)


class TestBinary:
    @given(pieces)
    def test_keeps_its_length_and_every_c_string_its_place(self, parts: list[bytes]) -> None:
        before = b"".join(parts)
        after = relocated(before, binary(), PREFIX)
        assert len(after) == len(before)
        at = 0
        for string in before.split(b"\0"):
            moved = string.replace(OLD.encode(), PREFIX.encode())
            assert after[at : at + len(string)] == moved.ljust(len(string), b"\0")
            at += len(string) + 1
            assert after[at - 1 : at] in (b"\0", b"")

    @given(pieces)
    def test_leaves_no_placeholder(self, parts: list[bytes]) -> None:
        assert OLD.encode() not in relocated(b"".join(parts), binary(), PREFIX)

    @given(pieces)
    def test_changes_nothing_the_second_time(self, parts: list[bytes]) -> None:
        once = relocated(b"".join(parts), binary(), PREFIX)
        assert relocated(once, binary(), PREFIX) == once

    def test_several_prefixes_in_one_string_are_padded_once(self) -> None:
        before = f"{OLD}/lib:{OLD}/share\0rest".encode()
        after = f"{PREFIX}/lib:{PREFIX}/share".encode()
        assert relocated(before, binary(), PREFIX) == after.ljust(len(before) - 5, b"\0") + b"\0rest"

    def test_a_string_that_ends_with_the_file_is_padded_too(self) -> None:
        before = OLD.encode()
        assert relocated(before, binary(), PREFIX) == PREFIX.encode().ljust(len(before), b"\0")

    def test_is_refused_when_the_prefix_is_longer_than_the_placeholder(self) -> None:
        with pytest.raises(PackRefused, match=r"lib/a\.so has no room") as caught:
            relocated(b"/short/lib\0", binary("/short"), PREFIX)
        assert caught.value.code == "image-prefix-too-long"

    def test_a_long_prefix_does_not_matter_where_no_placeholder_is(self) -> None:
        assert relocated(b"nothing", binary("/short"), PREFIX) == b"nothing"

    def test_two_placeholders_are_replaced_in_one_pass(self) -> None:
        long, inside = f"{OLD}_long", "/opt/envguard"
        before = f"{long}/a\0{OLD}/b\0".encode()
        after = relocated(before, binary(OLD, long), f"{inside}/x")
        assert re.sub(rb"\0+", b"|", after) == b"/opt/envguard/x/a|/opt/envguard/x/b|"

    def test_one_binary_record_makes_the_file_binary(self) -> None:
        before = f"{OLD}\0".encode()
        assert len(relocated(before, [*text(), *binary()], PREFIX)) == len(before)


class TestText:
    @given(pieces)
    def test_is_replaced_wherever_it_stands(self, parts: list[bytes]) -> None:
        before = b"".join(parts)
        assert relocated(before, text(), PREFIX) == before.replace(OLD.encode(), PREFIX.encode())

    def test_may_grow(self) -> None:
        assert relocated(b"dir=/p1/x\n", text("/p1"), PREFIX) == f"dir={PREFIX}/x\n".encode()

    def test_a_prefix_that_contains_another_placeholder_stays_whole(self) -> None:
        assert relocated(b"/build /opt", text("/build", "/opt"), "/opt/e") == b"/opt/e /opt/e"

    def test_may_not_grow_without_bounds(self) -> None:
        times = GROWTH_BYTES // (len(PREFIX) - 2) + 1
        with pytest.raises(PackRefused, match="would grow by") as caught:
            relocated(b"/p" * times, text("/p"), PREFIX)
        assert caught.value.code == "image-relocation-refused"

    def test_a_prefix_with_a_backslash_is_no_pattern(self) -> None:
        assert relocated(b"/p1", text("/p1"), r"/o\1") == rb"/o\1"


@pytest.mark.parametrize("placeholder", ["", "/", "opt", "/a\0b"])
def test_refuses_a_placeholder_that_cannot_be_one(placeholder: str) -> None:
    with pytest.raises(PackRefused, match="not an absolute path") as caught:
        relocated(b"", text(placeholder), PREFIX)
    assert caught.value.code == "image-relocation-refused"


class TestShebang:
    programs = frozenset({"bin/python", "bin/python3.11"})

    def test_env_python_becomes_the_images_own(self) -> None:
        script = with_usable_shebang(b"#!/usr/bin/env python3.11\nimport x\n", PREFIX, self.programs)
        assert script == f"#!{PREFIX}/bin/python3.11\nimport x\n".encode()

    def test_env_python_stays_when_the_image_has_none(self) -> None:
        script = b"#!/usr/bin/env python3.12\n"
        assert with_usable_shebang(script, PREFIX, self.programs) == script

    def test_env_python_stays_when_the_line_would_be_too_long(self) -> None:
        script = b"#!/usr/bin/env python\n"
        assert with_usable_shebang(script, "/" + 119 * "x", self.programs) == script

    def test_env_with_options_is_left_alone(self) -> None:
        script = b"#!/usr/bin/env python -u\n"
        assert with_usable_shebang(script, PREFIX, self.programs) == script

    def test_a_line_that_fits_is_left_alone(self) -> None:
        script = b"#!" + b"/" + b"x" * (SHEBANG_BYTES - 3) + b"\nrest"
        assert with_usable_shebang(script, PREFIX, self.programs) == script

    def test_a_line_that_is_too_long_goes_through_env(self) -> None:
        script = f"#!/{'x' * 130}/bin/perl\nprint".encode()
        assert with_usable_shebang(script, PREFIX, ()) == b"#!/usr/bin/env perl\nprint"

    def test_its_options_are_kept(self) -> None:
        script = f"#!/{'x' * 130}/bin/python -E -s\r\nprint".encode()
        assert with_usable_shebang(script, PREFIX, ()) == b"#!/usr/bin/env -S python -E -s\r\nprint"

    @given(st.binary(max_size=60))
    def test_what_is_no_script_is_left_alone(self, content: bytes) -> None:
        content = content.removeprefix(b"#!")
        assert with_usable_shebang(content, PREFIX, self.programs) == content


def test_module_example_holds() -> None:
    import doctest

    assert doctest.testmod(relocate).failed == 0
