from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import Untrusted
from jupyter_envguard.image import Image
from jupyter_envguard.transfer.index import Frame, Listing, Piece, by_content, in_order
from jupyter_envguard.transfer.limits import LIMITS

A, B = "a" * 64, "b" * 64
FRAMES = (
    Frame(A, 0, 10, (Piece(A, 3), Piece(B, 4))),
    Frame(A, 10, 5, (Piece(B, 4),)),
    Frame(B, 7, 5, ()),
)


def written(document: Any) -> bytes:
    return zstandard.ZstdCompressor().compress(json.dumps(document).encode())


def read(content: bytes) -> Any:
    return json.loads(zstandard.ZstdDecompressor().decompress(content))


class TestListing:
    def test_says_what_was_written(self, image: Image):
        listing = Listing(image.documents(), FRAMES)
        assert Listing.decode(listing.encode()) == listing

    def test_has_one_form(self, image: Image):
        listing = Listing(image.documents(), FRAMES)
        assert listing.encode() == Listing.decode(listing.encode()).encode()

    @pytest.mark.parametrize(
        "blobs",
        [
            None,
            {},
            [[A]],
            [[A, None]],
            [["x", []]],
            [[7, []]],
            [[A, []], [A, []]],
            [[A, [[0, 0, []]]]],
            [[A, [[-1, 5, []]]]],
            [[A, [["0", 5, []]]]],
            [[A, [[0, True, []]]]],
            [[A, [[0, 5, []], [4, 5, []]]]],
            [[A, [[0, 5, [["a", 1]]]]]],
            [[A, [[0, 5, [[A, -1]]]]]],
            [[A, [[0, 5, [[A, 1.5]]]]]],
            [[A, [[0, 5, [[A]]]]]],
        ],
    )
    def test_refuses_what_is_not_built_as_a_listing(self, image: Image, blobs: Any):
        document = read(Listing(image.documents(), ()).encode())
        with pytest.raises(Untrusted) as caught:
            Listing.decode(written(document | {"blobs": blobs}))
        assert caught.value.code == "share-invalid"

    @pytest.mark.parametrize("document", [None, [], {}, {"version": 2}, "x"])
    def test_refuses_what_is_something_else(self, document: Any):
        with pytest.raises(Untrusted) as caught:
            Listing.decode(written(document))
        assert caught.value.code == "share-invalid"

    @pytest.mark.parametrize(
        "change", [{"version": 2}, {"more": 1}, {"documents": []}, {"documents": {"a": 1}}]
    )
    def test_refuses_other_fields(self, image: Image, change: dict[str, Any]):
        document = read(Listing(image.documents(), ()).encode())
        with pytest.raises(Untrusted) as caught:
            Listing.decode(written(document | change))
        assert caught.value.code == "share-invalid"

    def test_refuses_documents_that_do_not_fit_together(self, image: Image):
        document = read(Listing(image.documents(), ()).encode())
        document["documents"]["spec.json"] += " "
        with pytest.raises(Untrusted) as caught:
            Listing.decode(written(document))
        assert caught.value.code == "image-damaged"

    @given(st.binary(max_size=200))
    def test_refuses_anything_that_is_not_compressed_json(self, content: bytes):
        with pytest.raises(Untrusted):
            Listing.decode(content)
        with pytest.raises(Untrusted):
            Listing.decode(zstandard.ZstdCompressor().compress(content))

    def test_refuses_a_bomb(self):
        bomb = zstandard.ZstdCompressor().compress(b" " * 10**6)
        with pytest.raises(Untrusted) as caught:
            Listing.decode(bomb, replace(LIMITS, release_content_bytes=1000))
        assert "1000 bytes" in caught.value.message

    def test_refuses_deep_nesting(self):
        with pytest.raises(Untrusted):
            Listing.decode(zstandard.ZstdCompressor().compress(b"[" * 10**6))

    def test_refuses_to_spend_much_memory_on_decoding(self, image: Image):
        parameters = zstandard.ZstdCompressionParameters(window_log=27)
        content = zstandard.ZstdCompressor(compression_params=parameters).compressobj().compress(b"x" * 10**7)
        with pytest.raises(Untrusted):
            Listing.decode(content)


def test_a_content_is_read_from_the_first_frame_that_holds_it():
    assert by_content(FRAMES) == {Piece(A, 3): FRAMES[0], Piece(B, 4): FRAMES[0]}


def test_frames_are_in_order_and_each_is_there_once():
    assert in_order((*reversed(FRAMES), FRAMES[1])) == list(FRAMES)
