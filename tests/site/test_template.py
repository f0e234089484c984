from __future__ import annotations

from pathlib import Path

from jupyter_envguard.policy import DEFAULT
from jupyter_envguard.site import parse, template

FILE = Path("/srv/envguard/site.yaml")


def test_describes_the_site_it_was_made_for() -> None:
    text = template(
        'Lab: "north" #1',
        store="/opt/x",
        catalog="/srv/c",
        trust="/srv/r.json",
        keys="/srv/k",
        log="/srv/l.sqlite",
        spool="/srv/s",
        request_url="https://example.org/?a=b#c",
    )
    site = parse(text, FILE)
    assert site.name == 'Lab: "north" #1'
    assert (site.store_root, site.catalog, site.trust) == (Path("/opt/x"), "/srv/c", Path("/srv/r.json"))
    assert (site.keys, site.log, site.spool) == (Path("/srv/k"), Path("/srv/l.sqlite"), Path("/srv/s"))
    assert (site.request_url, site.policy, site.audit_required) == (
        "https://example.org/?a=b#c",
        DEFAULT,
        True,
    )


def test_leaves_out_a_request_address_that_is_not_there() -> None:
    assert parse(template("Lab"), FILE).request_url == ""


def test_the_rules_that_it_shows_can_be_taken_as_they_are() -> None:
    head, shown = template("Lab").split("\n# acl:\n")
    lines, rest = shown.split("\n\n", 1)
    section = "\n".join(line.removeprefix("# ") for line in ["# acl:", *lines.split("\n")])
    (rule,) = parse(f"{head}\n{section}\n{rest}", FILE).acl.rules
    assert (rule.effect, rule.environments, rule.what) == ("deny", ("datasci",), ("npm:*", "pixi:add"))
