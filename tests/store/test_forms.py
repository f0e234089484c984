"""The files as which images are mounted, and when they are believed; `test_presence` makes them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from jupyter_envguard.store import Store
from jupyter_envguard.store.forms import VERSION, Form, Forms
from jupyter_envguard.store.presence import Presence
from jupyter_envguard.store.shelf import Shelf
from jupyter_envguard.store.tiers import TIERS, Making, best
from tests.stores import add


@pytest.fixture
def form(tmp_path: Path) -> Form:
    made = Form(tmp_path / "x.erofs", TIERS["erofs"])
    made.path.write_bytes(b"names")
    return made


def test_is_what_was_noted(form: Form) -> None:
    form.note("0" * 64, (0, 0))
    assert form.is_unchanged()
    assert not form.has_its_hash()
    form.path.write_bytes(b"other")
    assert not form.is_unchanged()


def test_what_is_no_file_is_not_what_was_noted(form: Form) -> None:
    form.note("0" * 64, (0, 0))
    form.path.unlink()
    form.path.mkdir()
    assert not form.is_unchanged()


def test_has_the_hash_that_was_noted(form: Form) -> None:
    form.note(hashlib.sha256(b"names").hexdigest(), (0, 0))
    assert form.has_its_hash()


def test_of_another_version_is_made_again(form: Form) -> None:
    form.note("0" * 64, (0, 0))
    noted = json.loads(form.record.read_text())
    form.record.write_text(json.dumps(noted | {"version": VERSION - 1}))
    assert not form.is_unchanged()


def test_what_dead_processes_left_is_swept(store: Store, pack: Path) -> None:
    image = add(store, pack)
    name, forms = image.path.name, Forms(store.layout)
    left = [store.layout.forms / f".{name}.erofs.json.0123.tmp", store.layout.forms / f"{'0' * 32}.erofs"]
    stays = [store.layout.forms / f"{name}.erofs", store.layout.forms / "strange"]
    for path in (*left, *stays):
        path.touch()
    with store.shelf.lock(name, 0), store.shelf.lock("0" * 32, 0):
        assert forms.sweep() == 0
    assert forms.sweep() == 2
    assert [path.name for path in sorted(store.layout.forms.iterdir())] == [path.name for path in stays]


def test_a_form_of_an_image_that_is_added_meanwhile_stays(
    store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = add(store, pack).path.name
    (store.layout.forms / f"{name}.erofs").touch()
    answers = iter((False, True))
    monkeypatch.setattr(Shelf, "is_published", lambda *_: next(answers))
    assert Forms(store.layout).sweep() == 0
    assert (store.layout.forms / f"{name}.erofs").exists()


def test_what_a_killed_attempt_left_running_deletes_nothing_of_the_next(
    store: Store, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, tier, targets = add(store, pack), best(), []
    if tier is None:
        pytest.skip("nothing can be mounted here")
    make = type(tier).make

    def attempt(self: object, making: Making, target: Path) -> None:
        targets.append(target)
        if len(targets) == 1:
            raise KeyboardInterrupt
        make(tier, making, target)
        targets[0].unlink(missing_ok=True)  # as mksquashfs does whose input ends too early

    monkeypatch.setattr(type(tier), "make", attempt)
    presence = Presence(store)
    with pytest.raises(KeyboardInterrupt):
        presence.mount(image)
    presence.mount(image)
    assert presence.check(image) == ()
    presence.unmount(image)


@pytest.mark.parametrize("note", ["", "x", "[]", "null", "[" * 100_000])
def test_a_note_that_is_none_is_not_believed(form: Form, note: str) -> None:
    form.record.write_text(note)
    assert not form.is_unchanged()
    assert not form.has_its_hash()


def test_without_a_record_is_not_believed(tmp_path: Path) -> None:
    form = Form(tmp_path / "x.erofs", TIERS["erofs"])
    assert not form.is_unchanged()
    assert not form.has_its_hash()
    form.path.mkdir()
    form.record.write_text(json.dumps({"is": [], "sha256": "", "version": VERSION}))
    assert not form.is_unchanged()
    assert not form.has_its_hash()
