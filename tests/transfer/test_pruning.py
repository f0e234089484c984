"""What leaves a share, and what never does: also when killed, twice at once, or while somebody publishes."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.image import AttestedForm, Image
from jupyter_envguard.transfer import Share, fetch, prune
from jupyter_envguard.transfer.pruning import GRACE_SECONDS
from jupyter_envguard.transfer.share import form_file, release_file
from jupyter_envguard.transfer.sources import FolderSource
from tests.shares import Machines, digests, release
from tests.stores import in_fork, killed_at, outcome, steps_of

KILLS = 12
FORM = AttestedForm("erofs", "sha256:" + 64 * "f", 1)


OLD = AttestedForm("erofs", "sha256:" + 64 * "e", 1)


def placed(share: Path, *forms: tuple[str, AttestedForm]) -> list[Path]:
    """Put what looks like the forms of these packs on the share."""
    (share / "forms").mkdir(exist_ok=True)
    paths = [share / form_file(pack, form) for pack, form in forms]
    for path in paths:
        path.write_bytes(b"x")
    return paths


@pytest.fixture
def following(published: Path, image: Image, machines: Machines, tmp_path: Path) -> Image:
    """Release 2, which refers to the blob of release 1 and has one of its own."""
    made = machines.image(release(2).write(tmp_path, name="2"))
    Share(published).publish(made, like=[image.pack])
    return made


@pytest.fixture
def alone(published: Path, machines: Machines, tmp_path: Path) -> Image:
    """Release 3, which was published without looking at others."""
    made = machines.image(release(3).write(tmp_path, name="3"))
    Share(published).publish(made)
    return made


def age(share: Path) -> None:
    """Let all files on the share be as old as they have to be."""
    for path in share.glob("*/*"):
        there = path.stat()
        os.utime(path, (there.st_atime, there.st_mtime - GRACE_SECONDS - 10))
    for path in share.glob("*/.*"):
        os.utime(path, (0, 0))


def blobs(share: Path) -> int:
    return len(list((share / "blobs").iterdir()))


def is_whole(share: Path, machines: Machines, image: Image, name: str) -> bool:
    store = machines.turn(name)
    return store.verify(fetch(store, FolderSource(share), digests(image)).image) == ()


class TestPrune:
    def test_takes_nothing_that_a_release_refers_to(
        self, published: Path, image: Image, following: Image, machines: Machines
    ):
        age(published)
        assert prune(published, [image.pack]).releases == (image.pack,)
        age(published)
        assert prune(published, []).files == 1  # the file about release 1
        assert blobs(published) == 2
        assert is_whole(published, machines, following, "2")

    def test_takes_what_was_withdrawn_after_a_while(
        self, published: Path, image: Image, alone: Image, machines: Machines
    ):
        age(published)
        first = prune(published, [alone.pack])
        assert (first.releases, first.files, blobs(published)) == ((alone.pack,), 0, 2)
        assert Share(published).releases() == (image.pack,)
        assert prune(published, [alone.pack]).releases == ()
        age(published)
        second = prune(published, [])
        assert (second.files, blobs(published)) == (2, 1)
        assert second.size > 0
        assert is_whole(published, machines, image, "2")

    def test_takes_what_dead_processes_left(self, published: Path):
        for name in ("blobs/.0123456789abcdef0123456789abcdef.tmp", f"releases/.{'a' * 64}.zst.0123.tmp"):
            (published / name).touch()
        (published / "blobs" / ("0" * 64)).touch()
        assert prune(published, []).files == 0
        age(published)
        assert prune(published, []).files == 3

    def test_takes_a_form_after_its_release(self, published: Path, image: Image, alone: Image):
        forms = [published / form_file(made.pack, FORM) for made in (image, alone)]
        forms[0].parent.mkdir()
        for form in (*forms, forms[0].with_name(".0123456789abcdef.tmp"), forms[0].with_name("README")):
            form.touch()
        prune(published, [alone.pack])
        age(published)
        prune(published, [])
        assert sorted(published.glob("forms/*")) == sorted([forms[0], forms[0].with_name("README")])

    def test_takes_a_form_a_while_after_another_was_attested(
        self, published: Path, image: Image, alone: Image
    ):
        old, new, other, unknown = placed(
            published, (image.pack, OLD), (image.pack, FORM), (alone.pack, OLD), ("sha256:" + 64 * "9", OLD)
        )
        age(published)
        assert prune(published, [], [(image.pack, FORM)]).files == 1  # of a release that is not there
        source = FolderSource(published)
        assert source.read(form_file(image.pack, OLD), 1) == b"x"  # nodes with yesterday's catalog fetch it
        age(published)
        assert prune(published, [], [(image.pack, FORM)]).files == 1
        assert sorted(published.glob("forms/*")) == sorted([new, other])
        assert not old.exists()
        assert not unknown.exists()

    def test_counts_from_when_a_form_was_seen_to_be_superseded(self, published: Path, image: Image):
        placed(published, (image.pack, OLD), (image.pack, FORM))
        age(published)
        for _ in range(3):  # however old it is
            assert prune(published, [], [(image.pack, FORM)]).files == 0

    def test_keeps_a_form_that_is_attested_again(self, published: Path, image: Image):
        placed(published, (image.pack, OLD), (image.pack, FORM))
        prune(published, [], [(image.pack, FORM)])
        age(published)
        assert prune(published, [], [(image.pack, FORM), (image.pack, OLD)]).files == 0
        age(published)
        assert prune(published, [], [(image.pack, FORM)]).files == 0  # it counts anew
        assert len(list(published.glob("forms/*"))) == 3

    def test_publishing_a_form_again_takes_its_mark_away(self, published: Path, image: Image, tmp_path: Path):
        (tmp_path / "form").write_bytes(b"x")
        form = AttestedForm("erofs", f"sha256:{hashlib.sha256(b'x').hexdigest()}", 1)
        placed(published, (image.pack, form), (image.pack, FORM))
        prune(published, [], [(image.pack, FORM)])
        age(published)
        assert Share(published).publish_form(image.pack, form, tmp_path / "form") == 0
        assert prune(published, [], [(image.pack, FORM)]).files == 0
        assert (published / form_file(image.pack, form)).exists()

    def test_takes_no_form_of_a_release_of_which_none_is_attested(self, published: Path, image: Image):
        (form,) = placed(published, (image.pack, OLD))
        for _ in range(2):
            age(published)
            assert prune(published, [], []).files == 0
        assert list(published.glob("forms/*")) == [form]

    def test_leaves_what_is_none_of_ours(self, published: Path):
        for name in ("blobs/README", "releases/index.html", "blobs/.nfs000001", "robots.txt"):
            (published / name).touch()
        age(published)
        assert prune(published, [], grace=0).files == 0

    def test_leaves_a_blob_whose_release_is_still_being_published(self, published: Path, image: Image):
        (published / release_file(image.pack)).unlink()  # it comes last
        assert prune(published, []).files == 0
        assert blobs(published) == 1

    def test_refuses_when_it_cannot_know_what_is_needed(self, published: Path, image: Image, alone: Image):
        age(published)
        path = published / release_file(image.pack)
        path.chmod(0o644)
        path.write_bytes(b"damaged")
        with pytest.raises(EnvGuardError) as caught:
            prune(published, [], grace=0)
        assert caught.value.code == "share-invalid"
        assert blobs(published) == 2

    def test_of_nothing_is_nothing(self, share: Path):
        assert prune(share, ["sha256:" + "0" * 64]).files == 0

    def test_reports_what_it_may_not_do(self, published: Path, monkeypatch: pytest.MonkeyPatch):
        def fail(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "touch", fail)
        with pytest.raises(EnvGuardError) as caught:
            prune(published, [])
        assert caught.value.code == "permission-denied"


def test_two_at_once_take_the_same(published: Path, image: Image, alone: Image, machines: Machines):
    age(published)
    for _ in range(2):
        children = [in_fork(lambda: prune(published, [alone.pack])) for _ in range(4)]
        assert [outcome(child) for child in children] == [0] * 4
        age(published)
    assert blobs(published) == 1
    assert is_whole(published, machines, image, "2")


def test_kills_and_company_take_only_the_superseded_form(published: Path, image: Image):
    attested = [(image.pack, FORM)]

    def superseded() -> None:
        placed(published, (image.pack, OLD), (image.pack, FORM))
        prune(published, [], attested)
        age(published)

    def work() -> None:
        prune(published, [], attested)

    superseded()
    for step in range(1, steps_of(work) + 1):
        superseded()
        killed_at(step, work)
        children = [in_fork(work) for _ in range(2)]
        assert [outcome(child) for child in children] == [0, 0]
        assert [path.name for path in published.glob("forms/[0-9a-f]*")] == [
            Path(form_file(image.pack, FORM)).name
        ]


def test_kills_lose_nothing_that_is_needed(
    published: Path, image: Image, alone: Image, machines: Machines, tmp_path: Path
):
    age(published)
    chance, contents = random.Random(3), {p: p.read_bytes() for p in published.glob("*/*")}

    def restore() -> None:
        for path in published.glob("*/*"):
            path.unlink()
        for path, content in contents.items():
            path.write_bytes(content)
        age(published)
        prune(published, [alone.pack])
        age(published)

    restore()
    steps = steps_of(lambda: prune(published, [], grace=1))
    for _ in range(KILLS):
        restore()
        killed_at(chance.randint(1, steps), lambda: prune(published, [], grace=1))
        assert (published / release_file(image.pack)).exists()
        prune(published, [], grace=1)
        assert blobs(published) - len(list((published / "blobs").glob(".*"))) == 1
    assert is_whole(published, machines, image, "2")
