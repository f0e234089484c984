"""Every refusal and failure that this package reports.

    EnvGuardError
    ├── InvalidInput        what was asked or written is wrong; ask differently
    │   └── PackRefused     a pack is hostile, damaged or beyond a limit
    ├── Denied              policy, catalog or state say no
    ├── NotFound            no such environment, release, kernel or file
    ├── Conflict            somebody else got there first, or the state forbids it
    ├── Untrusted           a signature, digest or expiry does not hold
    └── Unavailable         the machine cannot do it now (disk, permission, lock)

An error carries a stable kebab-case `code`, one sentence that names the kernel,
file or digest, and a `hint` that says what to do next. Codes are listed in
`CODES`; a code that is not there cannot be raised. Borders (command line, REST)
turn the family into an exit code or a status; nothing here knows of either.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

CODES: Mapping[str, str] = MappingProxyType(
    {
        # general
        "internal-error": "Something failed that nobody foresaw; the log has the details.",
        "invalid-name": "A name of an environment, release, user or group has characters it may not have.",
        "invalid-digest": "A digest is not written as sha256: and 64 hexadecimal digits.",
        "invalid-argument": "An option or argument has a value that cannot be used.",
        "file-not-found": "A file or folder that was named does not exist.",
        "permission-denied": "The operating system does not let this user read or write the path.",
        "disk-full": "The disk or the quota is full; nothing was changed.",
        "io-error": "Reading or writing failed.",
        "locked": "Another process holds the lock and did not let go in time.",
        # cli
        "site-missing": "No site file was named and there is none where it is looked for.",
        "site-exists": "There is something already where the new site was to be made.",
        "hook-foreign": "A file that a hook needs is there already and belongs to somebody else.",
        "checks-failed": "The doctor found something that has to be repaired.",
        # hub
        "hub-contradiction": "The hub's configuration would undo what the guard sets.",
        # spec
        "spec-invalid": "A spec document does not have the shape of a spec.",
        # admission
        "policy-failed": "The policy does not allow the pack; every finding is named.",
        "policy-changed": "The site's policy is another than the one that judged the release.",
        "release-exists": "The release exists and is something else; a release never changes.",
        "release-changed": "Somebody changed the release while a decision about it was made.",
        "reason-missing": "A decision that takes something from people needs a reason.",
        "smoke-missing": "The policy wants the kernel started, and nothing here can start it.",
        # audit
        "event-invalid": "An event does not have the shape of an event.",
        "event-too-large": "An event is larger than a record of the log may be.",
        "event-unknown": "No log at hand has an event with this id, and no error has it for a code.",
        "wall-refused": "The wall around a session or a kernel refused what a program behind it wanted.",
        "log-invalid": "A file is no log, or a record in it cannot be read.",
        # site
        "site-invalid": "The site file has mistakes; each is named with its line and column.",
        # pack: the archive file
        "pack-not-a-file": "What was named as a pack is a folder, a pipe or a device.",
        "pack-format-unknown": "The file is not an archive of a kind that conda-pack makes.",
        "pack-compression-unsupported": "The pack is compressed in a way that is not supported.",
        "pack-empty": "The pack holds nothing.",
        "pack-truncated": "The pack ends too early.",
        "pack-corrupt": "The pack is damaged: its data do not decode or do not match their checksum.",
        "pack-checksum": "A header in the pack does not match its checksum.",
        "pack-trailing-data": "The pack has something after its end.",
        "pack-changed": "The pack was changed while it was being imported.",
        "pack-tar-header": "A tar header is not one that conda-pack writes.",
        "pack-zip-header": "A zip header is not one that conda-pack writes.",
        "pack-zip-mismatch": "A zip says one thing at its end and another before a member.",
        "pack-zip-overlap": "Members of a zip overlap, or leave room between them.",
        "pack-encrypted": "A member of the pack is encrypted.",
        "pack-squashfs-invalid": "The squashfs contradicts itself or points outside of itself.",
        # pack: names, links and kinds of members
        "pack-name-absolute": "A member's name is absolute.",
        "pack-name-dotdot": "A member's name climbs out with '..'.",
        "pack-name-not-normal": "A member's name has an empty part or '.' in it.",
        "pack-name-control": "A name has control, bidirectional or invisible characters.",
        "pack-name-not-utf8": "A name is not UTF-8.",
        "pack-name-not-nfc": "A name is not in Unicode's composed form.",
        "pack-name-too-long": "A part of a member's path is too long.",
        "pack-path-too-long": "A member's path is too long.",
        "pack-too-deep": "A member lies too deep, or a link leads too deep.",
        "pack-duplicate": "Two members have the same name.",
        "pack-conflict": "A member is a folder and something else at the same time.",
        "pack-through-symlink": "A member would be written through a symbolic link.",
        "pack-link-empty": "A symbolic link points nowhere.",
        "pack-link-absolute": "A symbolic link is absolute.",
        "pack-link-escape": "A symbolic link leads out of the environment.",
        "pack-link-loop": "A symbolic link leads in a circle or through too many links.",
        "pack-link-too-long": "Symbolic links have too much text.",
        "pack-hardlink-target": "A hard link does not point at an earlier file of the pack.",
        "pack-special-file": "A member is a device, a fifo or a socket.",
        "pack-sparse": "A member is a sparse file.",
        "pack-setuid": "A member is setuid, setgid, sticky or has capabilities.",
        # pack: limits
        "pack-header-too-large": "An extended header or a directory of the pack is too large.",
        "pack-too-many-entries": "The pack has too many members.",
        "pack-too-large": "The pack holds too many bytes.",
        "pack-bomb": "The pack unpacks to far more than an honest one.",
        # pack: records
        "pack-no-conda-meta": "The pack has no conda records, so it is not a conda environment.",
        "pack-record-invalid": "A conda record is not what conda writes.",
        "pack-record-too-large": "A conda record is too large.",
        "pack-too-many-records": "The pack has too many conda records.",
        "pack-metadata-invalid": "The metadata of a Python distribution cannot be read.",
        "pack-text-too-large": "A metadata file that must be read is too large.",
        "pack-linked-record": "A record or start-up file is a link to something else.",
        "pack-prefix-records": "conda-pack's list of files to rewrite cannot be read.",
        # catalog: entries and decisions
        "entry-invalid": "A catalog entry does not have the shape of an entry, or contradicts itself.",
        "logo-refused": "A logo is not a plain, harmless SVG drawing.",
        "state-forbids": "The release is in a state from which the wanted step is not allowed.",
        "release-unknown": "The catalog has no such release.",
        "unknown-user": "It is not known who asks, so nothing is allowed.",
        "not-granted": "The release is not granted to this user or any of their groups.",
        "not-approved": "The release has not been approved.",
        "in-review": "The release is still being reviewed.",
        "rejected": "The release was rejected by a reviewer.",
        "revoked": "The release was withdrawn and may not be used any more.",
        "archived": "The release is kept for the record only.",
        "expired": "The release was allowed until a date that has passed.",
        "deprecated": "The release still works, but a newer one should be used.",
        "expires-soon": "The release will stop being usable within days.",
        # catalog: trust
        "catalog-invalid": "The catalog is signed, but this program cannot read it.",
        "catalog-unsigned": "The catalog lacks the signatures that its root of trust demands.",
        "catalog-tampered": "A file of the catalog was changed after it was signed.",
        "catalog-expired": "The catalog's signatures are too old to be believed.",
        "catalog-rollback": "The catalog is older than one that was seen before.",
        "catalog-unreachable": "The catalog cannot be read or downloaded.",
        "catalog-exists": "There is a catalog already, and it will not be overwritten.",
        "catalog-changed": "Somebody else published in the meantime.",
        "catalog-full": "The catalog has grown beyond what readers accept.",
        "version-unknown": "The catalog never had that version.",
        "clock-behind": "This machine's clock is behind what was signed or seen before.",
        "trust-missing": "The root of trust is not where the site says it is.",
        "keys-missing": "The folder of keys holds none.",
        "keys-unreadable": "A file in the folder of keys cannot be used.",
        "keys-exposed": "Others than their owner can read the keys.",
        "keys-insufficient": "The keys at hand cannot make the signatures that the root demands.",
        # notebooks
        "notebook-invalid": "A file that was named as a notebook is none.",
        "stamp-invalid": "A notebook's stamp does not have the shape of one.",
        "stamp-missing": "A notebook does not say which environment made its outputs.",
        "stamp-unknown": "A notebook names a release that there is not, or one with another digest.",
        "stamp-other-release": "A notebook's kernel means another release than made its outputs.",
        # requests
        "request-invalid": "Fields of a request cannot be meant; each is named.",
        "request-unreadable": "A file in the spool is not a request, or is about another one.",
        "request-unknown": "There is no request of this id.",
        "request-decided": "The request has been decided; a decision is not changed.",
        "requests-full": "Too many requests of this user wait for a decision.",
        "decisions-unsafe": "Decisions that are written there by this user would not be believed.",
        # image
        "image-prefix-too-long": "A binary in the pack has no room for the path of the environment.",
        "image-relocation-refused": "A prefix record of the pack rewrites a file as no honest record does.",
        "image-member-refused": "A member of the pack cannot be written without touching something else.",
        "image-source-hostile": "Sources in the pack crash or occupy the compiler again and again.",
        "image-unpack-failed": "The confined process that unpacks a pack ended before it was done.",
        "manifest-invalid": "A manifest does not have the shape of a manifest, or contradicts itself.",
        # store
        "image-missing": "The environment of this release is not on this machine.",
        "image-damaged": "What the store recorded about an image does not hold together.",
        "image-in-use": "A kernel runs from the environment, so it is not taken away.",
        "image-not-mounted": "An image without a tree is on this machine, and it is not mounted.",
        "tier-unavailable": "This machine cannot mount images in this form.",
        "form-failed": "A program that makes or mounts a form of an image failed.",
        "prefix-mismatch": "An image was sealed for the root of another store.",
        "delivery-incomplete": "Contents of an image that was fetched are missing.",
        "object-mismatch": "What was fetched is not the content that it should be.",
        "form-mismatch": "What was fetched to be mounted is not the file that the catalog attests.",
        # transfer
        "not-shared": "A share does not have the release.",
        "share-invalid": "What a share has of a release contradicts itself or is beyond a limit.",
        "source-broken": "A share did not send what was asked for, and may do better next time.",
        "source-refused": "A share does not let this machine read what was asked for.",
        "source-slow": "A share sends so slowly that it would never end.",
        "source-redirects": "A share redirects too often, or to a place that is less safe.",
        "source-no-ranges": "A share does not send parts of files.",
        "store-root-invalid": "The path of the store cannot be the root of environments.",
        "store-root-unsafe": "The store lies where others than its owner can change it.",
        # confine
        "confine-unavailable": "This machine cannot confine a process, so nothing was started.",
        "confine-path": "A path that a confined process is allowed is missing or a symbolic link.",
        # policy
        "policy-invalid": "A policy names something that is not a setting of a policy.",
        "rule-unknown": "There is no policy rule with this id.",
        # acl
        "acl-invalid": "A rule about package operations says something that cannot be meant.",
        "not-an-operation": "The command is not one of a package tool, so no rule is about it.",
        "operation-denied": "A rule of the site denies this package operation.",
        "operation-uncovered": "No rule of the site allows this package operation, so it is denied.",
        "operation-unknown": "The rules do not know this package operation, so it is denied.",
        # kernels
        "groups-unknown": "Nobody could say who the user is and in which groups, so nothing is offered.",
        "token-refused": "The Hub does not accept the token of this single-user server any more.",
        "kernel-not-approved": "No approved environment has this kernel name for this user.",
        "no-kernel-approved": "No environment is approved for this user at all.",
        "kernelspecs-managed": "Kernels are made by approving environments, not by installing kernelspecs.",
        "kernel-invalid": "The environment's own kernel.json cannot be used to start a kernel.",
        "kernel-outside-image": "The kernel's program does not lie inside the approved environment.",
        "wall-open": "A folder that sessions may write to holds or is something that they must not change.",
        "kernel-unknown": "No kernel of this id is running on this server.",
        "import-denied": "A kernel in lockdown loads no package and no machine code from elsewhere.",
        "kernel-crashed": "The kernel's process ended though nobody asked it to.",
        "image-drifted": "Files of the environment on this machine differ from the approved ones.",
        "spec-drifted": "The spec on this machine is not the approved one.",
        "audit-unavailable": "The event could not be recorded and this site requires that it is.",
        # server
        "guard-not-in-place": "The server is set up so that kernels could start past the guard; none does.",
        "not-configured": "No site is set on this server, so there is nothing to say.",
        "streams-full": "Too many connections listen to the events of this server.",
        "digest-mismatch": "What was asked for by digest is not what the release has.",
    }
)


class EnvGuardError(Exception):
    """The root: a `code` from `CODES`, a sentence, and a hint for what to do next."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        if code not in CODES:
            raise LookupError(f"error code {code!r} is not listed in errors.CODES")
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def as_json(self) -> dict[str, str]:
        """Return the one shape in which every border shows a refusal."""
        return {"code": self.code, "message": self.message, "hint": self.hint}

    def __reduce__(self) -> tuple[type[EnvGuardError], tuple[str, str, str]]:
        return type(self), (self.code, self.message, self.hint)


class InvalidInput(EnvGuardError):
    """What was asked or written cannot be meant."""


class PackRefused(InvalidInput):
    """A packed archive is hostile, damaged or beyond a limit."""


class Denied(EnvGuardError):
    """Policy, catalog or state say no."""


class NotFound(EnvGuardError):
    """There is no such thing."""


class Conflict(EnvGuardError):
    """Somebody else got there first, or the present state forbids it."""


class Untrusted(EnvGuardError):
    """A signature, a digest or an expiry does not hold."""


class Unavailable(EnvGuardError):
    """The machine cannot do it now."""


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return a sentence that offers the closest of `known`, or nothing when none is close."""
    close = difflib.get_close_matches(wrong, list(known), n=1)
    return f"Did you mean {close[0]!r}?" if close else ""
