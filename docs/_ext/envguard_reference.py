"""Fills the reference pages from the code, so that they cannot say anything else.

A page holds a line such as `<!-- generated: errors -->`; when Sphinx reads the
page, the line is replaced by the Markdown that the function of that name makes.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import envguard_benchmarks as benchmarks
from envguard_tables import table

MARKER = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", lambda _app, _page, source: source.__setitem__(0, fill(source[0])))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def fill(page: str) -> str:
    """Return `page` with every marker replaced."""
    return MARKER.sub(lambda found: GENERATED[found[1]](), page)


def errors() -> str:
    """Make a section with an anchor for every error code."""
    from jupyter_envguard.errors import CODES

    return "\n".join(f"({code})=\n### `{code}`\n\n{CODES[code]}\n" for code in sorted(CODES))


def exits() -> str:
    """Make the table of exit codes."""
    from jupyter_envguard.cli.exits import MEANINGS

    return table(("code", "meaning"), [(str(int(code)), meaning) for code, meaning in MEANINGS.items()])


def verbs() -> str:
    """Make a section with the real help of every verb."""
    from jupyter_envguard.cli.parser import all_parsers

    os.environ["COLUMNS"] = "90"
    return "\n".join(
        f"({name}-verb)=\n### {name}\n\n```text\n{parser.format_help().strip()}\n```\n"
        for name, parser in all_parsers()
    )


def command() -> str:
    """Make the help of the command itself."""
    from jupyter_envguard.cli.parser import build_parser

    os.environ["COLUMNS"] = "90"
    return f"```text\n{build_parser().format_help().strip()}\n```\n"


def rules() -> str:
    """Make a section for every rule of the policy."""
    from jupyter_envguard.policy import RULES

    return "\n".join(
        f"(rule-{name.replace('.', '-')})=\n### `{name}`\n\nSeverity: {rule.severity}\n\n{rule.why}\n\n"
        f"How to repair it: {rule.fix}\n"
        for name, rule in RULES.items()
    )


def limits() -> str:
    """Make the table of limits that a pack must keep."""
    from jupyter_envguard.pack import Limits

    return described(Limits)


def states() -> str:
    """Make the table of states and of the steps between them."""
    from jupyter_envguard.catalog.entry import STEPS, USABLE

    return table(
        ("state", "kernel starts", "can become"),
        [
            (
                f"`{state}`",
                "yes" if state in USABLE else "no",
                ", ".join(f"`{s}`" for s in sorted(steps)) or "-",
            )
            for state, steps in STEPS.items()
        ],
    )


def entry() -> str:
    """Make the table of an entry's fields."""
    from jupyter_envguard.catalog.entry import Entry

    return described(Entry)


def package() -> str:
    """Make the table of a package's fields."""
    from jupyter_envguard.spec import Package

    return described(Package)


def site() -> str:
    """Make the table of the keys of site.yaml."""
    from jupyter_envguard.site import Site

    return described(Site)


def site_template() -> str:
    """Make the site file that `init` writes."""
    from jupyter_envguard.site import template

    return f"```yaml\n{template('Research Hub')}```\n"


def site_keys() -> str:
    """Make the table of keys of site.yaml."""
    from jupyter_envguard.site import acl, enforcement, file, rules

    rows = [(f"`{key}`", "no" if key in file.OPTIONAL else "yes") for key in file.READERS]
    rows += [(f"`policy.{key}`", "no") for key in rules.READERS]
    rows += [(f"`guard.{key}`", "no") for key in enforcement.READERS]
    rows += [(f"`acl.{key}`", "no") for key in acl.KEYS]
    return table(("key", "required"), rows)


def attacks() -> str:
    """Make the table of what came of all attempts, from the page that the tests write."""
    page = (Path(__file__).parent.parent / "explanation/attacks.md").read_text("utf-8")
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    heads = next(line for line in lines if line[0] == "family")
    return table(tuple(heads[1:]), [tuple(line[1:]) for line in lines if line[0] == "all"])


def acl_rule() -> str:
    """Make the table of a rule's fields."""
    from jupyter_envguard.acl import Rule

    return described(Rule)


def acl_shipped() -> str:
    """Make the table of the rules about package operations that are shipped."""
    from jupyter_envguard.acl import SHIPPED

    return table(
        ("rule", "effect", "where", "what"),
        [
            (f"`{rule.id}`", f"`{rule.effect}`", _codes(rule.where), _codes(rule.what))
            for rule in SHIPPED.in_force()
        ],
    )


def acl_operations() -> str:
    """Make the table of package operations."""
    from jupyter_envguard.acl.operations import KINDS, OPERATIONS

    tools = dict.fromkeys(operation.split(":")[0] for operation in OPERATIONS)
    return table(
        ("tool", *KINDS),
        [
            (
                f"`{tool}`",
                *(
                    _codes(
                        name for name, of in OPERATIONS.items() if of == kind and name.startswith(f"{tool}:")
                    )
                    for kind in KINDS
                ),
            )
            for tool in tools
        ],
    )


def acl_steps() -> str:
    """Make a section with the real help of every step of `acl`."""
    from jupyter_envguard.cli.parser import all_parsers

    os.environ["COLUMNS"] = "90"
    (steps,) = (action for action in dict(all_parsers())["acl"]._actions if action.dest == "step")
    return "\n".join(f"```text\n{parser.format_help().strip()}\n```\n" for parser in steps.choices.values())


def rest_api() -> str:
    """Make a section for every path of the REST interface."""
    import yaml

    from jupyter_envguard import server

    document = yaml.safe_load((Path(server.__file__).parent / "rest-api.yml").read_text())
    return "\n".join(
        f"### `{method.upper()} {path}`\n\n{operation['summary'].rstrip('.')}.\n\n"
        + (operation.get("description", "").strip() + "\n\n")
        + "".join(_asked(document, methods, operation))
        + table(
            ("status", "meaning", "what is sent"),
            [
                (str(status), answer.get("description", ""), _contents(answer))
                for status, answer in _answers(document, operation)
            ],
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
    )


def formats() -> str:
    """Make the table of formats that a release can be exported in."""
    from jupyter_envguard.formats.registry import FORMATS

    return table(
        ("format", "what it is", "media type", "name of the file"),
        [
            (f"`{name}`", form.title, f"`{form.media_type}`", f"`NAME-RELEASE-DIGEST.{form.suffix}`")
            for name, form in FORMATS.items()
        ],
    )


def _asked(document: dict[str, Any], path: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    """Yield what a call takes: its parameters as a table, and its body."""
    found = []
    for parameter in (*path.get("parameters", ()), *operation.get("parameters", ())):
        if "$ref" in parameter:
            parameter = document["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
        needed = "yes" if parameter["required"] else "no"
        found.append((f"`{parameter['name']}`", parameter["in"], needed, parameter["description"]))
    if found:
        yield table(("parameter", "in", "needed", "meaning"), found) + "\n"
    if "requestBody" in operation:
        yield f"The body is {_contents(operation['requestBody'])}.\n\n"


def _contents(answer: dict[str, Any]) -> str:
    """Return the media types of an answer, each with the schema that describes it."""
    return ", ".join(
        f"`{media}`" + (f" ({_schema(kind['schema']['$ref'])})" if "$ref" in kind["schema"] else "")
        for media, kind in answer.get("content", {}).items()
    )


def _schema(reference: str) -> str:
    file, _, part = reference.rsplit("/schemas/", 1)[1].partition("#/$defs/")
    return f"`{file}`" + (f", {part}" if part else "")


def events() -> str:
    """Make the table of an event's fields."""
    from jupyter_envguard.audit import Event

    return described(Event)


def event_types() -> str:
    """Make the table of event types."""
    from jupyter_envguard.audit.event import TYPES

    return table(
        ("type", "what happened"), [(f"`{kind}`", meaning) for kind, meaning in sorted(TYPES.items())]
    )


def record() -> str:
    """Make the table of a record's fields."""
    from jupyter_envguard.audit import Record

    return described(Record)


def header() -> str:
    """Make the table of a manifest header's fields."""
    from jupyter_envguard.image.manifest import Header

    return described(Header)


def seal() -> str:
    """Make the table of what a manifest says about sealing."""
    from jupyter_envguard.image.manifest import Seal

    return described(Seal)


def line() -> str:
    """Make the table of a manifest line's fields."""
    from jupyter_envguard.image.manifest import Line

    return described(Line)


def described(kind: type) -> str:
    """Return a table of the fields of the dataclass or named tuple `kind` with the sentences below them."""
    said = field_docs(kind)
    found = (
        [(f.name, f.type, f.default) for f in fields(kind)]
        if is_dataclass(kind)
        else [(name, hint.__forward_arg__, MISSING) for name, hint in kind.__annotations__.items()]
    )
    rows = [(f"`{name}`", f"`{hint}`", _default(default), said[name]) for name, hint, default in found]
    return table(("field", "type", "default", "meaning"), rows)


def _default(value: object) -> str:
    """Return a default as a cell; one that is not a plain value would fill the page."""
    return f"`{value!r}`" if isinstance(value, str | int | tuple | None) else ""


def field_docs(kind: type) -> dict[str, str]:
    """Return the sentence that stands below each field of the dataclass `kind`."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    return dict(_sentences(definition.body))  # type: ignore[attr-defined]


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _sentences(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            yield statement.target.id, str(after.value.value) if said else ""  # type: ignore[union-attr]


def _answers(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            answer = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
        yield status, answer


GENERATED: dict[str, Callable[[], str]] = {
    "errors": errors,
    "exits": exits,
    "verbs": verbs,
    "command": command,
    "rules": rules,
    "limits": limits,
    "states": states,
    "entry": entry,
    "package": package,
    "site": site,
    "acl-rule": acl_rule,
    "acl-shipped": acl_shipped,
    "acl-operations": acl_operations,
    "acl-steps": acl_steps,
    "rest-api": rest_api,
    "formats": formats,
    "events": events,
    "event-types": event_types,
    "record": record,
    "header": header,
    "seal": seal,
    "line": line,
    "site-template": site_template,
    "site-keys": site_keys,
    "attacks": attacks,
    "benchmarks": benchmarks.page,
}
