"""From a pack to a release that waits for review: what is proposed, what is checked, what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace

from jupyter_envguard import errors
from jupyter_envguard.admission.steps import UNDECIDED
from jupyter_envguard.catalog import Catalog, Entry, State, Statement, Verdict, names
from jupyter_envguard.catalog.entry import USABLE, WARNINGS
from jupyter_envguard.errors import Conflict, InvalidInput, Unavailable, Untrusted
from jupyter_envguard.image import Image
from jupyter_envguard.inventory import Inventory
from jupyter_envguard.policy import RULES, Failed, Finding, Passed, Policy
from jupyter_envguard.policy import verdict as verdict_over
from jupyter_envguard.policy.facts import parsed_object

Smoke = Callable[[Image, Inventory], tuple[Finding, ...]]
"""Starts the kernel of a new image and reports what is wrong with it."""
UNKNOWN = "sha256:" + "0" * 64
"""Stands for a digest that is still to be found out."""
SHOWN_FINDINGS = 3
"""In the sentence of a refusal; the error carries all."""


class PackDenied(errors.Denied):
    """The policy says no to a pack; `findings` says all that it has to say."""

    def __init__(self, code: str, message: str, hint: str = "", findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(code, message, hint)
        self.findings = findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a person says about a release to import. None is not said: a new release gets the default."""

    name: str
    """Name of the environment."""
    release: str
    """Name of the release."""
    display_name: str | None = None
    """What launchers show; the name by default."""
    description: str | None = None
    """What it is for."""
    language: str | None = None
    """Language of its kernel; by default that of the kernel in the pack."""
    groups: Iterable[str] | None = None
    """Groups that may use it, sorted; none by default."""
    users: Iterable[str] | None = None
    """Users that may use it, sorted; none by default."""
    expires: str | None = None
    """When it stops being usable, RFC 3339 in UTC; never by default."""
    logo: str | None = None
    """A drawing as SVG text."""

    def __post_init__(self) -> None:
        for what in ("groups", "users"):
            said = getattr(self, what)
            object.__setattr__(self, what, None if said is None else names.check_subjects(said, what[:-1]))

    def entry(self, said: Statement, policy: Policy) -> Entry:
        """Return the entry as far as it is known before the pack is read; raise what is wrong with it."""
        if self.expires and names.parse_time(self.expires, "expires") <= names.parse_time(said.when):
            raise InvalidInput(
                "invalid-argument", f"{self.expires} has passed already.", "Name a later time."
            )
        return Entry(
            name=self.name,
            release=self.release,
            state=State.IN_REVIEW,
            display_name=self.name if self.display_name is None else self.display_name,
            description=self.description or "",
            language="python" if self.language is None else self.language,
            groups=tuple(self.groups or ()),
            users=tuple(self.users or ()),
            expires=self.expires,
            logo=self.logo or "",
            pack=UNKNOWN,
            spec=UNKNOWN,
            manifest=UNKNOWN,
            verdict=Verdict(policy.digest(), True),
            imported_at=said.when,
            imported_by=said.who,
            changed=said,
        )

    def check_same(self, existing: Entry, pack: str) -> None:
        """Raise unless `existing` is what is proposed: a release never changes."""
        if existing.pack != pack:
            raise Conflict(
                "release-exists",
                f"{existing.id} exists and was made from the pack {existing.pack}, not {pack}.",
                "A release never changes: give the new pack another release name.",
            )
        if existing.state not in UNDECIDED | USABLE:
            raise Conflict(
                "state-forbids",
                f"{existing.id} is {existing.state} and is not imported again.",
                "Import the pack under another release name.",
            )
        for field in fields(self):
            said = getattr(self, field.name)
            if said is not None and said != getattr(existing, field.name):
                raise Conflict(
                    "release-exists",
                    f"{existing.id} exists with the same pack, but another {field.name.replace('_', ' ')}.",
                    "Leave it out to keep what is there, or choose another release name.",
                )


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of a pack."""

    inventory: Inventory
    """What it holds."""
    verdict: Passed | Failed
    """What the policy says, about the kernel's trial as well when there was one."""
    entry: Entry | None = None
    """The release in the catalog; None when nothing was to be changed."""
    is_new: bool = False
    """Whether the release was not there before."""


def tried(
    policy: Policy, smoke: Smoke | None, image: Image, inventory: Inventory, so_far: Passed
) -> Passed | Failed:
    """Return the verdict after the kernel was started, if `policy` has rules that only then can be judged.

    Raises `smoke-missing` when it has and nothing can start the kernel.
    """
    wanted = {rule for rule in policy.rules if rule in RULES and RULES[rule].check is None}
    if not wanted:
        return so_far
    if smoke is None:
        raise Unavailable(
            "smoke-missing",
            f"The policy wants the kernel started ({', '.join(sorted(wanted))}), which is not possible here.",
            "Import with jupyter envguard import, or leave these rules out of the policy.",
        )
    found = [finding for finding in smoke(image, inventory) if finding.rule in wanted]
    return verdict_over((*so_far.findings, *found))


def similar(catalog: Catalog, name: str) -> dict[str, str]:
    """Return the digests of pack and manifest of usable releases, those of `name` and the newest first.

    Their images may lend what the new one has in common with them.
    """
    usable = (entry for entry in catalog.entries if entry.state in USABLE)
    ordered = sorted(usable, key=lambda entry: (entry.name == name, entry.imported_at), reverse=True)
    return {entry.pack: entry.manifest for entry in ordered}


def passed(verdict: Passed | Failed, what: str) -> Passed:
    """Return the verdict if it is yes, else raise `policy-failed` with all findings."""
    if isinstance(verdict, Passed):
        return verdict
    raise denial(verdict, what)


def denial(verdict: Failed, what: str) -> PackDenied:
    """Return the refusal of `what`, which tells the gravest findings and holds all."""
    grave = [finding for finding in verdict.findings if finding.severity == "error"]
    shown = " ".join(f"[{finding.rule}] {finding.message}" for finding in grave[:SHOWN_FINDINGS])
    more = f" And {len(grave) - SHOWN_FINDINGS} more." if len(grave) > SHOWN_FINDINGS else ""
    message = f"The policy does not allow {what}: {shown}{more}"
    return PackDenied("policy-failed", message, grave[0].fix, verdict.findings)


def concluded(draft: Entry, image: Image, verdict: Passed, language: str) -> Entry:
    """Return `draft` with what was found out."""
    return replace(
        draft,
        pack=image.pack,
        spec=image.spec_digest,
        manifest=image.manifest_digest,
        language=language,
        verdict=replace(draft.verdict, warnings=rules_of(verdict.findings, "warning")),
    )


def rules_of(findings: Iterable[Finding], severity: str) -> tuple[str, ...]:
    """Return the ids of the rules that found something of this severity, sorted."""
    return tuple(sorted({finding.rule for finding in findings if finding.severity == severity}))[:WARNINGS]


def check_image(image: Image, entry: Entry) -> None:
    """Raise `image-drifted` unless `image` is what the catalog says about `entry`."""
    if (image.pack, image.manifest_digest, image.spec_digest) != (entry.pack, entry.manifest, entry.spec):
        raise Untrusted(
            "image-drifted",
            f"The image of {entry.id} in {image.path} has the manifest {image.manifest_digest}, "
            f"the catalog says {entry.manifest}.",
            "Remove the image and import the pack again with the program that imported it first.",
        )


def language_of(inventory: Inventory) -> str:
    """Return the language of the kernel in a pack: Python's where it has ipykernel, else its first one's."""
    if not inventory.spec.find("ipykernel"):
        for _, path in sorted(inventory.kernel_specs().items()):
            document = parsed_object(inventory.texts[path].decode("utf-8", "replace"))
            if document and isinstance(document.get("language"), str):
                return str(document["language"])
    return "python"
