from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError, InvalidInput, Unavailable
from jupyter_envguard.policy import DEFAULT
from jupyter_envguard.site import load, parse
from jupyter_envguard.spec import sha256_digest
from tests.forks import as_nobody

FILE = Path("/srv/envguard/site.yaml")
MINIMAL = """\
version: 1
name: Lab
store: /opt/envguard
catalog: catalog
trust: root.json
log: log.sqlite
spool: spool
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse(text, FILE)
    assert caught.value.code == "site-invalid"
    return caught.value.message.replace(f"{FILE}:", "").split("\n")


def changed(key: str, value: str) -> str:
    lines = [line for line in MINIMAL.splitlines() if not line.startswith(f"{key}:")]
    return "\n".join([*lines, f"{key}: {value}"])


class TestParse:
    def test_reads_the_least_that_a_site_needs(self) -> None:
        site = parse(MINIMAL, FILE)
        assert site.name == "Lab"
        assert site.store_root == Path("/opt/envguard")
        assert site.catalog == "/srv/envguard/catalog"
        assert site.trust == Path("/srv/envguard/root.json")
        assert site.log == Path("/srv/envguard/log.sqlite")
        assert site.spool == Path("/srv/envguard/spool")
        assert site.decisions == Path("/srv/envguard/decisions")
        assert (site.keys, site.request_url, site.policy, site.audit_required) == (None, "", DEFAULT, True)
        assert site.path == FILE
        assert site.digest == sha256_digest(MINIMAL.encode())

    def test_reads_everything(self) -> None:
        more = (
            'keys: ../keys\nrequest_url: "https://example.org/ask"\ncontact: Ada, room 4\n'
            "audit: {required: false}\npolicy: {rules: [pip.mixed]}\nshares: [../share, https://e.org/s/]\n"
        )
        site = parse(MINIMAL + more, FILE)
        assert site.keys == Path("/srv/keys")
        assert (site.request_url, site.contact) == ("https://example.org/ask", "Ada, room 4")
        assert not site.audit_required
        assert site.policy.rules == ("pip.mixed",)
        assert site.shares == ("/srv/share", "https://e.org/s")

    def test_keeps_the_record_required_when_nothing_else_is_said(self) -> None:
        assert parse(MINIMAL + "audit: {}", FILE).audit_required

    def test_names_the_line_and_column_of_a_mistake(self) -> None:
        assert mistakes(MINIMAL.replace("spool: spool", "spol: spool")) == [
            "1:1: The key 'spool' is missing.",
            "7:1: Unknown key 'spol'. Did you mean 'spool'?",
        ]

    def test_names_all_mistakes_in_the_order_of_the_file(self) -> None:
        found = mistakes(
            "version: 2\nname: no\nstore: opt\ncatalog: [a]\ntrust: ''\nlog: 7\nspool: ~\naudit: maybe\n"
        )
        assert found == [
            "1:10: This program reads version 1 of the file.",
            '2:7: Expected text, found true or false. Put it in "quotes" to make it text.',
            "4:10: Expected text, found a list.",
            "5:8: Expected text, found empty text.",
            '6:6: Expected text, found a number. Put it in "quotes" to make it text.',
            '7:8: Expected text, found nothing. Put it in "quotes" to make it text.',
            "8:8: Expected keys and values, found text.",
        ]

    def test_says_how_many_mistakes_there_are(self) -> None:
        with pytest.raises(InvalidInput) as caught:
            parse("name: Lab\n", FILE)
        assert caught.value.hint == "Correct the 6 mistakes in /srv/envguard/site.yaml."

    def test_offers_the_known_keys_when_none_is_close(self) -> None:
        assert mistakes(MINIMAL + "zzz: 1")[0].startswith(
            "8:1: Unknown key 'zzz'. Known keys: acl, audit, catalog,"
        )

    @pytest.mark.parametrize(
        ("key", "value", "what"),
        [
            ("store", "/opt/my envs", "cannot be written into every file"),
            ("store", "/" + "x" * 120, "at most 120"),
            ("store", "/", "cannot be written"),
            ("name", '"a\\u202eb"', "invisible"),
            ("name", "x" * 81, "too long"),
            ("trust", "~/root.json", "without ~ or variables"),
            ("trust", "$HOME/root.json", "without ~ or variables"),
            ("trust", '"root\\n.json"', "not a plain path"),
            ("catalog", "ftp://example.org/x", "file, http, https"),
            ("catalog", "https://", "file, http, https"),
            ("catalog", "https://u:p@example.org/", "file, http, https"),
            ("catalog", "http://example.org:x/", "file, http, https"),
            ("request_url", "javascript:alert(1)", "http, https, mailto"),
            ("request_url", "ask the admin", "http, https, mailto"),
            ("audit", "{required: yes}", "Expected true or false"),
            ("audit", "{requierd: true}", "Did you mean 'required'?"),
        ],
    )
    def test_refuses_values_that_cannot_be_meant(self, key: str, value: str, what: str) -> None:
        (found,) = mistakes(changed(key, value))
        assert found.startswith(("7:", "8:"))
        assert what in found

    @pytest.mark.parametrize(
        ("value", "catalog"),
        [
            ("https://example.org/catalog/", "https://example.org/catalog"),
            ("file:///srv/the%20catalog", "/srv/the catalog"),
            ("/srv/x/../catalog", "/srv/catalog"),
        ],
    )
    def test_takes_a_catalog_from_anywhere(self, value: str, catalog: str) -> None:
        assert parse(changed("catalog", value), FILE).catalog == catalog

    def test_an_address_for_requests_may_ask_what_is_missing_and_where(self) -> None:
        address = "https://example.org/lab?envguard-request={subject}&envguard-environment={environment}"
        site = parse(changed("request_url", f'"{address}"'), FILE)
        assert site.request_template == address
        assert site.request_url == "https://example.org/lab?envguard-request=&envguard-environment="
        (found,) = mistakes(changed("request_url", '"https://example.org/{user}"'))
        assert "asks for something that nobody knows. Write {subject} and {environment}" in found

    def test_takes_a_mail_address_for_requests(self) -> None:
        assert (
            parse(changed("request_url", "mailto:admin@example.org"), FILE).request_url
            == "mailto:admin@example.org"
        )

    @pytest.mark.parametrize(
        ("text", "inner", "outer"),
        [
            (changed("trust", "catalog/root.json"), "trust", "catalog"),
            (changed("keys", "catalog/keys"), "keys", "catalog"),
            (changed("log", "spool/ada/log.sqlite"), "log", "spool"),
            (changed("store", "/srv/envguard/catalog/store"), "store", "catalog"),
            (changed("spool", "/opt/envguard"), "spool", "store"),
        ],
    )
    def test_keeps_places_with_different_owners_apart(self, text: str, inner: str, outer: str) -> None:
        assert f"{inner!r} must not lie inside {outer!r}" in "\n".join(mistakes(text))

    def test_does_not_compare_a_path_with_an_address(self) -> None:
        assert parse(changed("catalog", "https://srv/envguard"), FILE).trust == Path(
            "/srv/envguard/root.json"
        )


class TestSite:
    def test_has_a_folder_of_its_catalog(self) -> None:
        assert parse(MINIMAL, FILE).catalog_folder() == Path("/srv/envguard/catalog")

    def test_has_none_when_it_reads_over_http(self) -> None:
        with pytest.raises(InvalidInput, match="only be read"):
            parse(changed("catalog", "https://example.org/catalog"), FILE).catalog_folder()

    def test_requires_keys(self) -> None:
        assert parse(MINIMAL + "keys: keys", FILE).require_keys() == Path("/srv/envguard/keys")
        with pytest.raises(Unavailable) as caught:
            parse(MINIMAL, FILE).require_keys()
        assert caught.value.code == "keys-missing"


class TestLoad:
    def test_reads_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "site.yaml").write_text(MINIMAL)
        assert load(tmp_path / "site.yaml").spool == tmp_path / "spool"

    def test_resolves_paths_from_the_file_not_from_here(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "site.yaml").write_text(MINIMAL)
        monkeypatch.chdir(tmp_path)
        assert load(Path("site.yaml")).trust == tmp_path / "root.json"

    def test_takes_a_byte_order_mark(self, tmp_path: Path) -> None:
        (tmp_path / "site.yaml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
        assert load(tmp_path / "site.yaml").name == "Lab"

    def test_names_the_line_that_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "site.yaml").write_bytes(b"version: 1\nname: \xff\n")
        with pytest.raises(InvalidInput, match=r"site\.yaml:2:1: This line is not UTF-8"):
            load(tmp_path / "site.yaml")

    def test_names_a_file_that_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(EnvGuardError, match=r"read the site file .*site\.yaml") as caught:
            load(tmp_path / "site.yaml")
        assert caught.value.code == "file-not-found"

    def test_stops_at_a_size(self, tmp_path: Path) -> None:
        (tmp_path / "site.yaml").write_text("#" * (64 * 1024 + 1))
        with pytest.raises(EnvGuardError, match="larger than 65536 bytes"):
            load(tmp_path / "site.yaml")

    def test_says_that_it_may_not_read(self, tmp_path: Path) -> None:
        (tmp_path / "site.yaml").write_text(MINIMAL)
        (tmp_path / "site.yaml").chmod(0o600)
        for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
            path.chmod(0o755)

        def read() -> None:
            with pytest.raises(Unavailable) as caught:
                load(tmp_path / "site.yaml")
            assert caught.value.code == "permission-denied"

        as_nobody(read)
