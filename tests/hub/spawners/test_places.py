"""What a session has to see, and what an admin's own mounts make of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.hub.spawners.places import Mount, Wanted, missing_mounts, wanted_for
from jupyter_envguard.site import load

WANTED = Wanted("enforce", ("/srv/store",), ("/srv/spool",), ("/srv/keys",), (), ())
PATHS = st.sampled_from(
    ["/", "/srv", "/srv/store", "/srv/store/x", "/srv/spool", "/srv/keys", "/srv/storehouse"]
)
MOUNTS = st.lists(st.builds(Mount, target=PATHS, writable=st.booleans(), source=st.just("")), max_size=5)


class TestWanted:
    def test_keys_and_log_are_no_business_of_a_session(self, site: Path) -> None:
        with site.open("a") as file:
            file.write("keys: keys\n")
        wanted = wanted_for(load(site), "/opt/conda/bin/python", ("x",))
        assert wanted.hidden == (f"{site.parent}/keys", f"{site.parent}/log.sqlite")
        assert wanted.programs == (f"{site.parent}/store", "/opt/conda")

    def test_a_catalog_with_an_address_is_no_place(self, site: Path) -> None:
        site.write_text(site.read_text().replace("catalog: catalog", "catalog: https://example.org/catalog"))
        assert len(wanted_for(load(site), "/opt/conda/bin/python", ()).read) == 3

    def test_answers_to_requests_are_read_where_there_are_any(self, site: Path) -> None:
        decisions = f"{site.parent}/decisions"
        assert decisions not in wanted_for(load(site), "/opt/conda/bin/python", ()).read
        (site.parent / "decisions").mkdir()
        assert decisions in wanted_for(load(site), "/opt/conda/bin/python", ()).read

    @pytest.mark.parametrize("name", ["{USERNAME}", "a b", "50%", "a:b"])
    def test_a_path_that_somebody_would_expand_is_refused(self, site: Path, name: str) -> None:
        site.write_text(site.read_text().replace("log: log.sqlite", f"log: '{name}/log.sqlite'"))
        with pytest.raises(InvalidInput, match="cannot be written into a unit"):
            wanted_for(load(site), "/opt/conda/bin/python", ())


class TestMissing:
    def test_everything_where_nothing_is_mounted(self) -> None:
        assert missing_mounts(WANTED, []) == (["/srv/store"], ["/srv/spool"], [])

    def test_what_lies_in_something_writable_is_mounted_over_it(self) -> None:
        assert missing_mounts(WANTED, [Mount("/srv", True)])[0] == ["/srv/store"]

    def test_what_is_mounted_read_only_is_left_alone(self) -> None:
        assert missing_mounts(WANTED, [Mount("/srv/store", False)])[0] == []
        assert missing_mounts(WANTED, [Mount("/", True), Mount("/srv", False)])[0] == []

    def test_something_writable_in_it_contradicts(self) -> None:
        found = missing_mounts(WANTED, [Mount("/srv/store/x", True)])
        assert found[2] == ["volumes: /srv/store/x would be writable"]

    def test_a_name_that_only_begins_alike_is_another_place(self) -> None:
        assert missing_mounts(WANTED, [Mount("/srv/storehouse", True)]) == missing_mounts(WANTED, [])

    def test_keys_are_shown_to_nobody(self) -> None:
        for source in ("/srv/keys", "/srv", "/"):
            (problem,) = missing_mounts(WANTED, [Mount("/mnt", False, source)])[2]
            assert problem == "volumes: /mnt would show /srv/keys to every session"

    @given(MOUNTS)
    def test_no_place_is_left_writable_without_a_word(self, mounts: list[Mount]) -> None:
        read, write, problems = missing_mounts(WANTED, mounts)
        after = [*mounts, *(Mount(place, False) for place in read), *(Mount(place, True) for place in write)]
        if not problems:
            assert not [one for one in after if one.writable and one.target.startswith("/srv/store/")]
            assert missing_mounts(WANTED, after) == ([], [], [])
