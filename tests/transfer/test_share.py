from __future__ import annotations

import errno
import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError, Untrusted
from jupyter_envguard.image import AttestedForm, Image
from jupyter_envguard.store import SHARED_BYTES
from jupyter_envguard.transfer.index import Listing
from jupyter_envguard.transfer.share import Share, form_file, release_file
from tests.disks import FailingSync, tiny_disk
from tests.shares import Machines, release


def files_of(share: Path) -> list[str]:
    return sorted(str(path.relative_to(share)) for path in share.rglob("*") if path.is_file())


def listing_of(share: Path, image: Image) -> Listing:
    return Listing.decode((share / release_file(image.pack)).read_bytes())


def refusal(share: Path, image: Image) -> str:
    with pytest.raises(EnvGuardError) as caught:
        Share(share).publish(image)
    return caught.value.code


class TestPublish:
    def test_writes_every_content_once(self, share: Path, image: Image):
        done = Share(share).publish(image)
        listing = listing_of(share, image)
        pieces = [piece.sha256 for frame in listing.frames for piece in frame.pieces]
        assert len(pieces) == len(set(pieces)) == done.contents
        assert set(pieces) == {
            line.content for line in image.manifest.lines if line.kind == "f" and line.size
        }
        assert done.bytes_written == sum((share / name).stat().st_size for name in files_of(share))

    def test_writes_a_blob_under_the_hash_of_what_is_in_it(self, share: Path, image: Image):
        Share(share).publish(image)
        (blob,) = (share / "blobs").iterdir()
        said = subprocess.run(["sha256sum", blob], capture_output=True, text=True, check=True)
        assert said.stdout.split()[0] == blob.name

    def test_does_nothing_the_second_time(self, published: Path, image: Image):
        before = files_of(published)
        assert not Share(published).publish(image).new
        assert files_of(published) == before

    def test_writes_the_same_on_every_machine(self, share: Path, image: Image, tmp_path: Path):
        other = tmp_path / "other"
        other.mkdir()
        Share(share).publish(image)
        Share(other).publish(image)
        assert files_of(share) == files_of(other)

    def test_writes_only_what_is_new_in_the_next_release(
        self, published: Path, image: Image, machines: Machines, tmp_path: Path
    ):
        following = machines.image(release(2).write(tmp_path, name="2"))
        done = Share(published).publish(following, like=(image.pack, "sha256:" + "0" * 64))
        assert 0 < done.contents < 10
        listing = listing_of(published, following)
        assert len({frame.blob for frame in listing.frames}) == 2

    def test_keeps_tiny_contents_apart(self, published: Path, image: Image):
        for frame in listing_of(published, image).frames:
            assert len({piece.size < SHARED_BYTES for piece in frame.pieces}) == 1

    def test_needs_no_new_blob_for_what_is_all_there(self, published: Path, image: Image):
        (published / release_file(image.pack)).rename(published / release_file("sha256:" + "1" * 64))
        done = Share(published).publish(image, like=("sha256:" + "1" * 64,))
        assert (done.new, done.contents) == (True, 0)

    def test_trusts_no_listing_whose_blob_is_gone(self, published: Path, image: Image):
        for blob in (published / "blobs").iterdir():
            blob.unlink()
        (published / release_file(image.pack)).rename(published / release_file("sha256:" + "1" * 64))
        assert Share(published).publish(image, like=("sha256:" + "1" * 64,)).contents

    @pytest.mark.parametrize(
        "change",
        [Path.unlink, lambda path: path.write_bytes(b"x"), lambda path: path.write_bytes(b"x" * 99999)],
    )
    def test_publishes_nothing_of_an_image_that_drifted(self, share: Path, image: Image, change: object):
        victim = image.path / next(
            line.path for line in image.manifest.lines if line.kind == "f" and line.size > 2000
        )
        victim.parent.chmod(0o755)
        victim.chmod(0o644)
        change(victim)  # type: ignore[operator]
        assert refusal(share, image) == "image-drifted"
        assert files_of(share) == []

    def test_publishes_nothing_through_a_link(self, share: Path, image: Image):
        victim = image.path / next(line.path for line in image.manifest.lines if line.kind == "f")
        victim.parent.chmod(0o755)
        victim.unlink()
        victim.symlink_to("/etc/passwd")
        assert refusal(share, image) == "image-drifted"

    def test_says_that_the_share_is_missing(self, tmp_path: Path, image: Image):
        assert refusal(tmp_path / "none", image) == "file-not-found"

    def test_leaves_nothing_on_a_full_disk(self, tmp_path: Path, image: Image):
        with tiny_disk(tmp_path / "full", 64) as full:
            with pytest.raises(OSError, match="No space"):
                (full / "ballast").write_bytes(b"x" * 10**6)
            assert refusal(full, image) == "disk-full"
            assert files_of(full) == ["ballast"]

    @pytest.mark.parametrize("first", [1, 2, 3])
    def test_leaves_no_release_when_a_disk_fails(
        self, share: Path, image: Image, monkeypatch: pytest.MonkeyPatch, first: int
    ):
        with monkeypatch.context() as patch:
            FailingSync(patch, first)
            assert refusal(share, image) == "disk-full"
        assert Share(share).releases() == ()
        assert Share(share).publish(image).new

    def test_reports_a_disk_that_cannot_read(
        self, share: Path, image: Image, monkeypatch: pytest.MonkeyPatch
    ):
        genuine = os.open

        def failing(path: object, *arguments: int, **options: int) -> int:
            if str(path).startswith(f"{image.path}/"):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return genuine(path, *arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", failing)
        assert refusal(share, image) == "io-error"


class TestReleases:
    def test_lists_what_is_there(self, published: Path, image: Image):
        (published / "releases" / "readme.zst").touch()
        assert Share(published).releases() == (image.pack,)

    def test_finds_nothing_where_nothing_is(self, share: Path):
        assert Share(share).releases() == ()


class TestForms:
    CONTENT = b"a form " * 999
    FORM = AttestedForm("erofs", f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", len(CONTENT))

    def test_have_the_names_of_release_and_content(self, share: Path, image: Image, tmp_path: Path):
        (tmp_path / "form").write_bytes(self.CONTENT)
        assert Share(share).publish_form(image.pack, self.FORM, tmp_path / "form") == len(self.CONTENT)
        target = share / form_file(image.pack, self.FORM)
        assert target.read_bytes() == self.CONTENT
        assert files_of(share) == [str(target.relative_to(share))]

    def test_are_written_once(self, share: Path, image: Image, tmp_path: Path):
        (tmp_path / "form").write_bytes(self.CONTENT)
        Share(share).publish_form(image.pack, self.FORM, tmp_path / "form")
        assert Share(share).publish_form(image.pack, self.FORM, tmp_path / "form") == 0

    def test_that_were_cut_are_written_again(self, share: Path, image: Image, tmp_path: Path):
        (tmp_path / "form").write_bytes(self.CONTENT)
        target = share / form_file(image.pack, self.FORM)
        target.parent.mkdir()
        target.write_bytes(b"half")
        assert Share(share).publish_form(image.pack, self.FORM, tmp_path / "form")
        assert target.read_bytes() == self.CONTENT

    def test_that_are_something_else_are_not_published(self, share: Path, image: Image, tmp_path: Path):
        (tmp_path / "form").write_bytes(self.CONTENT[:-1] + b"?")
        with pytest.raises(Untrusted):
            Share(share).publish_form(image.pack, self.FORM, tmp_path / "form")
        assert files_of(share) == []
