"""Walks through the demo without a person: a line for each step, and whether all of them held."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.hubclient import HubClient, Refused

EXPECTED = {
    "analyst": {"datasci": "Data Science", "minimal": "Minimal Python"},
    "student": {"minimal": "Minimal Python"},
}
"""What each demo user sees: kernel name and display name."""


class StepFailed(Exception):
    """A step of the check did not go as it must."""


def check(url: str, password: str, home: Path, say: Callable[[str], None]) -> bool:
    """Do every step against the hub at `url` and tell each; return whether all held."""
    held = True
    for user in EXPECTED:
        client = HubClient(url, user, password)
        for step in (
            _log_in,
            _start_server,
            _sees_exactly,
            _runs_a_cell,
            _environment_stays_as_it_is,
            _is_refused,
            _planted_kernels_stay_out,
        ):
            try:
                say(f"ok    {user}: {step(client, home / user)}")
            except (Refused, StepFailed, TimeoutError, OSError) as error:
                held = False
                say(f"FAIL  {user}: {(step.__doc__ or step.__name__).strip()} {error}")
    return held


def _log_in(client: HubClient, _: Path) -> str:
    """Logging in failed."""
    client.log_in()
    return "logs in"


def _start_server(client: HubClient, _: Path) -> str:
    """The server did not start."""
    client.start_server()
    return "starts a server"


def _sees_exactly(client: HubClient, _: Path) -> str:
    """The kernels shown are not the approved ones."""
    specs = client.get("api/kernelspecs")
    shown = {name: spec["spec"]["display_name"] for name, spec in specs["kernelspecs"].items()}
    if shown != EXPECTED[client.user]:
        raise StepFailed(f"saw {shown}, expected {EXPECTED[client.user]}.")
    if specs["default"] not in shown:
        raise StepFailed(f"the default kernel {specs['default']!r} is not an approved one.")
    return "sees exactly " + " and ".join(sorted(shown.values()))


def _runs_a_cell(client: HubClient, _: Path) -> str:
    """The approved kernel did not run a cell."""
    name = "datasci" if "datasci" in EXPECTED[client.user] else "minimal"
    module = "numpy" if name == "datasci" else "ipykernel"
    kernel = client.post("api/kernels", {"name": name})
    try:
        code = f"import sys, {module}; print({module}.__version__, sys.prefix)"
        version, prefix = client.run_cell(kernel["id"], code).split()
    finally:
        client.delete(f"api/kernels/{kernel['id']}")
    return f"starts {name} and imports {module} {version} from {prefix}"


def _environment_stays_as_it_is(client: HubClient, home: Path) -> str:
    """The user, who owns the environment in this demo, changed it."""
    (home / "mine").unlink(missing_ok=True)
    kernel = client.post("api/kernels", {"name": "minimal"})
    try:
        prefix = client.run_cell(kernel["id"], "import sys; print(sys.prefix)").strip()
        attempt = f"chmod u+w {prefix}/bin; touch {prefix}/bin/evil; chmod u-w {prefix}/bin"
        client.run_cell(kernel["id"], f"import os; os.system({attempt!r})")
        own = client.run_cell(kernel["id"], "print(open(f'/proc/{os.getppid()}/environ').read())")
        raise StepFailed(f"a kernel read its server's variables: {own[:40]}…")
    except Refused as error:
        if "PermissionError" not in error.body:
            raise
    finally:
        client.delete(f"api/kernels/{kernel['id']}")
    client.run_in_terminal(f"{attempt}; touch {home}/mine")
    if Path(prefix, "bin/evil").exists() or not (home / "mine").exists():
        raise StepFailed(f"files were written to {prefix}, or none to {home}.")
    return "cannot write to the environment from a cell or a terminal, nor read the server's variables"


def _is_refused(client: HubClient, _: Path) -> str:
    """An unapproved kernel was not refused as it must be."""
    refused = ["python3", "PYTHON3", "../minimal", "no-such-kernel"]
    if "datasci" not in EXPECTED[client.user]:
        refused.append("datasci")
    codes = {name: _refusal(client, name) for name in refused}
    return "is refused " + ", ".join(f"{name} ({code})" for name, code in codes.items())


def _planted_kernels_stay_out(client: HubClient, home: Path) -> str:
    """A kernel that the user planted in the home folder was not kept out."""
    for folder in (".local/share/jupyter/kernels", ".ipython/kernels"):
        planted = home / folder / "planted"
        planted.mkdir(parents=True, exist_ok=True)
        spec = {"argv": ["/bin/sleep", "1"], "display_name": "Planted", "language": "python"}
        (planted / "kernel.json").write_text(json.dumps(spec))
    if "planted" in client.get("api/kernelspecs")["kernelspecs"]:
        raise StepFailed("it is listed.")
    return f"cannot start a kernel planted in the home folder ({_refusal(client, 'planted')})"


def _refusal(client: HubClient, name: str) -> str:
    """Return the code with which starting `name` is refused, by kernel and by session."""
    session = {"name": "x", "path": "x.ipynb", "type": "notebook", "kernel": {"name": name}}
    codes = {_code(client, "api/kernels", {"name": name}), _code(client, "api/sessions", session)}
    if len(codes) != 1:
        raise StepFailed(f"kernels and sessions refuse {name!r} differently: {codes}.")
    return codes.pop()


def _code(client: HubClient, path: str, body: dict[str, Any]) -> str:
    try:
        client.post(path, body)
    except Refused as error:
        if error.status != 403 or not error.json().get("code"):
            raise StepFailed(f"{path} answered {error}") from error
        return str(error.json()["code"])
    raise StepFailed(f"{path} started {body}.")
