"""The kernels that Jupyter sees: exactly those the guard allows, and none from anywhere else.

jupyter_client's own manager searches folders that users write to, and its allow
list filters the listing only. This one searches nothing. Each kernel is made from
a catalog entry, when asked for, and `EnvGuardProvisioner` decides once more before
anything starts.

    c.ServerApp.kernel_spec_manager_class = "jupyter_envguard.kernels.kernelspecs.EnvGuardKernelSpecManager"
    c.EnvGuardKernelSpecManager.site = "/srv/envguard/site.yaml"
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from traitlets import CaselessStrEnum, Float, List, TraitError, Unicode, default, validate

from jupyter_envguard.catalog.document import Offer
from jupyter_envguard.errors import Denied, EnvGuardError
from jupyter_envguard.kernels import subject
from jupyter_envguard.kernels.activation import check_kept
from jupyter_envguard.kernels.guard import Guard
from jupyter_envguard.kernels.listing import Listing
from jupyter_envguard.kernels.running import Running

PROVISIONER = "envguard-provisioner"
"""Name of our provisioner in kernelspecs and among entry points."""

RESOURCES = str(Path(__file__).with_name("resources"))
"""Where Jupyter finds a plain logo for every kernel when nothing better is served."""

NO_KERNEL = "no-approved-kernel"
"""Name of the default kernel when there is none: it is refused with a reason, like any unknown one."""


class KernelRefused(NoSuchKernel):
    """There is no such kernel for this user; `error` says why, in the shape of every refusal."""

    def __init__(self, name: str, error: EnvGuardError) -> None:
        super().__init__(name)
        self.error = error

    def __str__(self) -> str:
        return f"{self.error.message} {self.error.hint}".strip()


@dataclass(frozen=True, slots=True)
class Shown:
    """What one listing looks like from outside, made once."""

    listing: Listing | None
    """The listing; None before the first."""
    models: Mapping[str, dict[str, Any]]
    """Each kernel as the REST API shows it."""
    body: bytes
    """All of them as `GET /api/kernelspecs` sends them."""


class EnvGuardKernelSpecManager(KernelSpecManager):
    """Lists and describes the approved environments of one user."""

    site = Unicode(
        help="""Path of the site file, such as /srv/envguard/site.yaml. Without it no kernel is offered.""",
    ).tag(config=True)

    verify = CaselessStrEnum(
        ["stat", "full"],
        "stat",
        help="""What is compared with the approved manifest before each start: sizes, modes and times of every
        file (stat, a fraction of a second), or every byte (full, seconds for a large environment).""",
    ).tag(config=True)

    keep_environment = List(
        Unicode(),
        help="""Names of variables that kernels inherit from the server besides the usual few,
        for example ["DATABASE_URL"]. Variables that choose what code is loaded are refused.""",
    ).tag(config=True)

    groups_max_age = Float(
        subject.MAX_AGE_SECONDS,
        min=1,
        help="Seconds after which the user's groups are asked for again at the Hub.",
    ).tag(config=True)

    groups_grace = Float(
        subject.GRACE_SECONDS,
        min=0,
        help="Seconds for which the last known groups hold while the Hub does not answer.",
    ).tag(config=True)

    @validate("keep_environment")
    def _check_keep_environment(self, proposal: Any) -> list[str]:
        try:
            return list(check_kept(proposal["value"]))
        except EnvGuardError as error:
            raise TraitError(f"{error.message} {error.hint}") from error

    @default("kernel_dirs")
    def _no_kernel_dirs(self) -> list[str]:
        return []

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        subjects = subject.Subjects(
            subject.lookup_for(os.environ), max_age=self.groups_max_age, grace=self.groups_grace
        )
        self.guard = Guard(
            Path(self.site), subjects, server=os.environ.get("JUPYTERHUB_SERVER_NAME", ""), verify=self.verify
        )
        self.running = Running(self.guard)
        self._shown = Shown(None, {}, b"")
        self._told = ""
        self._turn = threading.Lock()
        self._pin_provisioner()
        # Reading the catalog loads its cryptography: that can go on while the server starts.
        threading.Thread(target=self.refresh, name="envguard-listing", daemon=True).start()

    def _pin_provisioner(self) -> None:
        """Let the provisioner's name mean ours, whatever entry points other packages bring along."""
        entry_point = EntryPoint(
            PROVISIONER,
            "jupyter_envguard.kernels.provisioner:EnvGuardProvisioner",
            KernelProvisionerFactory.GROUP_NAME,
        )
        KernelProvisionerFactory.instance(parent=self.parent).provisioners[PROVISIONER] = entry_point

    def listing(self) -> Listing:
        """Return what the user may start now, after letting the server know its default kernel."""
        listing = self.guard.listing()
        code = listing.problem.code if listing.problem else ""
        if listing.problem and code != self._told:
            self.log.warning("No kernel is offered: [%s] %s", code, listing.problem.message)
        self._told = code
        manager = getattr(self.parent, "kernel_manager", None)
        if manager is not None:
            manager.default_kernel_name = listing.default or NO_KERNEL
        return listing

    def refresh(self) -> bytes:
        """Bring everything up to date, and return the body of `GET /api/kernelspecs`; may take a moment.

        For a server, which calls this in a thread before it lists kernels.
        """
        self.guard.listing(wait=True)
        return self._up_to_date().body

    def find_kernel_specs(self) -> dict[str, str]:
        """Return the names of the allowed kernels, each with the folder of its resources."""
        return dict.fromkeys(self.listing().allowed, RESOURCES)

    def get_all_specs(self) -> dict[str, Any]:
        """Return every allowed kernel as the server's REST API shows it, from memory.

        The models carry `resource_dir` too, for callers other than the server.
        """
        return dict(self._up_to_date().models)

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the spec of the allowed kernel `kernel_name`, in any case of letters.

        Raises `KernelRefused`, a `NoSuchKernel`, for everything else.
        """
        self.listing()
        try:
            offer = self.guard.resolve(kernel_name, wait=False)
            launch = self.guard.launch(offer.entry)
        except EnvGuardError as error:
            raise KernelRefused(kernel_name, error) from error
        return self.kernel_spec_class(
            name=offer.kernel_name,
            argv=list(launch.argv),
            display_name=display_name(offer),
            language=offer.entry.language,
            interrupt_mode=launch.interrupt_mode,
            resource_dir=RESOURCES,
            metadata=self._metadata(offer),
        )

    def install_kernel_spec(self, *_: Any, **__: Any) -> str:
        """Refuse: kernels are made by approving environments."""
        raise _managed()

    def install_native_kernel_spec(self, *_: Any, **__: Any) -> None:
        """Refuse: the server's own Python is no approved environment."""
        raise _managed()

    def remove_kernel_spec(self, *_: Any, **__: Any) -> str:
        """Refuse: kernels go by revoking environments."""
        raise _managed()

    def _up_to_date(self) -> Shown:
        with self._turn:  # who comes while another reads a thousand releases waits, and reads none
            listing = self.listing()
            if self._shown.listing is not listing:
                models = {name: self._model(offer) for name, offer in listing.allowed.items()}
                body = json.dumps({"default": listing.default or NO_KERNEL, "kernelspecs": models})
                self._shown = Shown(listing, models, body.encode())
            return self._shown

    def _model(self, offer: Offer) -> dict[str, Any]:
        base = getattr(self.parent, "base_url", "/")
        entry = offer.entry
        return {
            "name": offer.kernel_name,
            "resource_dir": RESOURCES,
            "spec": {
                "argv": [],
                "env": {},
                "display_name": display_name(offer),
                "language": entry.language,
                "interrupt_mode": "signal",
                "metadata": self._metadata(offer),
            },
            "resources": {"logo-svg": f"{base}kernelspecs/{offer.kernel_name}/logo-svg.svg"},
        }

    def _metadata(self, offer: Offer) -> dict[str, Any]:
        """Return what the panel reads, what pickers show as columns, and who starts the kernel."""
        entry = offer.entry
        facts = self.guard.facts(entry)
        return {
            "Environment": entry.name,
            "Release": entry.release,
            "State": entry.state.replace("_", " ").capitalize(),
            "Packages": facts.packages,
            **facts.abilities,
            "envguard": {
                "environment": entry.name,
                "release": entry.release,
                "state": str(entry.state),
                "expires": entry.expires,
                "successor": entry.successor,
                "digests": {"pack": entry.pack, "spec": entry.spec, "manifest": entry.manifest},
            },
            "kernel_provisioner": {"provisioner_name": PROVISIONER},
        }


def display_name(offer: Offer) -> str:
    """Return what people read: the entry's display name, with the release unless it is the current one."""
    shown = offer.entry.display_name
    return shown if offer.is_current else f"{shown} ({offer.entry.release})"


def _managed() -> Denied:
    return Denied(
        "kernelspecs-managed",
        "Kernels cannot be installed or removed on this server.",
        "An administrator approves or revokes environments with jupyter envguard.",
    )
