from __future__ import annotations

from jupyter_envguard.kernels.drift import KINDS, SENTENCES, Finding


def test_what_was_kept_out_is_no_drift() -> None:
    assert [kind for kind in KINDS if not Finding(kind, "x", "/x").is_drift] == ["denied-import"]


def test_every_kind_has_a_sentence_of_its_own() -> None:
    assert SENTENCES.keys() == set(KINDS)
    for kind in KINDS:
        found = Finding(kind, "x 1.0", "/home/ada/{x}")
        assert "/home/ada/{x}" in found.message
        assert found.as_json() == {
            "kind": kind,
            "name": "x 1.0",
            "where": "/home/ada/{x}",
            "message": found.message,
        }
