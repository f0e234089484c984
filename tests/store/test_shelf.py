from __future__ import annotations

from pathlib import Path

from jupyter_envguard.store import Store
from tests.stores import add, is_clean, names


def test_tells_the_names_of_what_is_published(store: Store, pack: Path) -> None:
    assert store.shelf.names() == ()
    image = add(store, pack)
    (store.root / ".meta" / ("0" * 32)).mkdir()
    (store.root / ".meta/other").mkdir()
    assert store.shelf.names() == (image.path.name,)


def test_what_is_set_aside_is_whole_and_is_no_image(store: Store, pack: Path) -> None:
    image = add(store, pack)
    with store.shelf.lock(image.path.name, 0):
        aside = store.shelf.set_aside(image.path.name)
    assert store.shelf.names() == ()
    assert names(aside) == ["meta", "tree"]
    assert (aside / "tree/bin/R").is_file()
    assert (aside / "meta/manifest").is_file()
    assert is_clean(store)
    assert store.verify(add(store, pack)) == ()


def test_staging_is_gone_whatever_happens(store: Store) -> None:
    store.prepare()
    try:
        with store.shelf.staged("0" * 32, None) as staging:
            assert names(staging) == ["meta", "tree"]
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert is_clean(store)


def test_retiring_what_is_not_there_is_nothing(store: Store) -> None:
    store.prepare()
    assert store.shelf.retire(store.root / "none") == 0
