"""Family F over HTTP: what is asked of the user's own server on a real hub, and what is planted before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.attacks.attempt import Visit
from tests.attacks.hubs import Person


def starts(name: str = "") -> Callable[[Person], None]:
    """Return what asks for a kernel by its name, the approved one's if there is none."""
    return lambda person: person.run(person.start(name or person.approved))


def session(person: Person) -> None:
    """Ask for a session with the hidden kernel."""
    person.run(person.session("evil").get("kernel", {}).get("id", ""))


def patch(person: Person) -> None:
    """Give a session that has an approved kernel the hidden one."""
    found = person.session(person.approved)
    other = person.ask(f"api/sessions/{found['id']}", "PATCH", {"kernel": {"name": "evil"}})
    person.run(other["kernel"]["id"] if other else "")


def own_variable(person: Person) -> None:
    """Bring variables along."""
    kernel = person.start(person.approved, env={"EVIL": "REACHED"})
    person.run(kernel, "import os; print(os.environ.get('EVIL'))")


def own_command(person: Person) -> None:
    """Bring a command along, under every name that a start knows."""
    words = ["/bin/sh", "-c", f"echo REACHED >> {person.own}/said"]
    names = ("argv", "cmd", "kernel_cmd", "extra_arguments")
    kernel = person.start(person.approved, **dict.fromkeys(names, words))
    person.run(kernel)


def own_provisioner(person: Person) -> None:
    """Say of a session's kernel that another provisioner starts it."""
    stanza = {"kernel_provisioner": {"provisioner_name": "evil-provisioner", "config": {}}}
    person.start(person.approved, metadata=stanza, **stanza)


def traverse(person: Person) -> None:
    """Ask for names that lead to a folder."""
    own = f"{person.own}/kernels/evil"
    for name in (own, f"../../../../../../../../{own}", f"{person.approved}/../evil", "..", "evil\0"):
        person.run(person.start(name))


def resources(person: Person) -> None:
    """Ask for files beside a hidden spec."""
    for name in ("evil/secret.txt", "evil/logo-svg.svg", f"{person.approved}/../evil/secret.txt"):
        person.ask(f"kernelspecs/{name}")


def shown(person: Person) -> None:
    """Ask for a hidden spec, and for all there are."""
    person.ask("api/kernelspecs/evil")
    person.ask("api/kernelspecs")


def installed(person: Person) -> None:
    """Install a kernelspec from an approved kernel, and ask for it."""
    install = "[sys.executable, '-I', '-m', 'ipykernel', 'install', '--user', '--name', 'own']"
    person.run(person.kernel(), f"import subprocess, sys; subprocess.run({install})")
    person.run(person.start("own"), "print('REACHED')")


def token_in_kernel(person: Person) -> None:
    """Look for the server's token among the variables of a kernel."""
    names = "{'JUPYTERHUB_API_TOKEN', 'JPY_API_TOKEN'}"
    code = f"import os; print('REACHED' if {names} & {{*os.environ}} else 'none')"
    person.run(person.kernel(), code)


def token_in_terminal(person: Person) -> None:
    """Look for it in a terminal."""
    person.type("printenv JUPYTERHUB_API_TOKEN >/dev/null && echo REA''CHED")


def convert(person: Person) -> None:
    """Let the server's nbconvert run a notebook that names the hidden kernel, in a terminal."""
    person.type(f"cd {person.own}; {person.python} -I -m nbconvert --to notebook --execute evil.ipynb")


def nothing(person: Person) -> None:
    """Only look what was planted has done."""


def hub(number: str, what: str, plant: str, visit: Callable[[Person], Any], *, early: bool = False) -> Visit:
    """Return an attempt on a hub."""
    return Visit(number, what, "hub", plant, visit=visit, early=early)


EVIL = "spec(DATA, 'evil')"
CONFIG = "write(HOME / '.jupyter/jupyter_server_config.py', MARK)"
CHOSEN = """
write(OWN / 'evil_provisioner.py', PROVISIONER)
write(OWN / 'evil-1.dist-info/METADATA', 'Name: evil')
entry = '[jupyter_client.kernel_provisioners]\\nevil-provisioner = evil_provisioner:Evil\\n'
write(OWN / 'evil-1.dist-info/entry_points.txt', entry)
config = f"import os, sys\\nsys.path.append({str(OWN)!r})\\n"
config += "os.environ['JUPYTER_DEFAULT_PROVISIONER_NAME'] = 'evil-provisioner'\\n"
write(HOME / '.jupyter/jupyter_config.py', config)
"""
SHADOWING = """
write(USER_SITE / 'evil_shadow.py', PROVISIONER)
write(USER_SITE / 'shadow-1.dist-info/METADATA', 'Name: shadow')
entry = '[jupyter_client.kernel_provisioners]\\n'
entry += ''.join(f'{name} = evil_shadow:Evil\\n' for name in ('envguard-provisioner', 'local-provisioner'))
write(USER_SITE / 'shadow-1.dist-info/entry_points.txt', entry)
"""
HIJACK = """
code = MARK + 'import sys\\nsys.path[:] = [path for path in sys.path if path not in ("", %r)]\\n'
code = code % str(HOME) + 'del sys.modules["jupyter_client"]\\nimport jupyter_client\\n'
write(HOME / 'jupyter_client/__init__.py', code)
"""
SECRET = "write(DATA / 'evil/secret.txt', 'REACHED'); write(DATA / 'evil/logo-svg.svg', 'REACHED')"

VISITS: tuple[Visit, ...] = (
    hub("F16", "a spec in `~/.local/share/jupyter`, by `POST /api/kernels`", EVIL, starts("evil")),
    hub("F17", "one in `~/.ipython`, by `POST /api/kernels`", "spec(IPYTHON, 'evil')", starts("evil")),
    hub("F18", "one by `POST /api/sessions`", EVIL, session),
    hub("F19", "one by `PATCH /api/sessions`", EVIL, patch),
    hub("F20", "an approved name in `~/.local/share/jupyter`", "spec(DATA, APPROVED)", starts()),
    hub("F21", "an approved name in `~/.ipython`", "spec(IPYTHON, APPROVED)", starts()),
    hub("F22", "variables in the body of `POST /api/kernels`", "", own_variable),
    hub("F23", "a command in it", "", own_command),
    hub("F24", "a provisioner in it", "", own_provisioner),
    hub("F25", "names that lead to a folder", f"{EVIL}; spec(OWN / 'kernels', 'evil')", traverse),
    hub("F26", "files beside a hidden spec", f"{EVIL}; {SECRET}", resources),
    hub("F27", "a hidden spec read", EVIL, shown),
    hub("F28", "`ipykernel install --user` in a kernel, and then that spec", "", installed),
    hub("F29", "the server's token in the variables of a kernel", "", token_in_kernel),
    hub("F30", "the server's token in a terminal", "", token_in_terminal),
    hub("F31", "the server's configuration in `~/.jupyter`", CONFIG, nothing, early=True),
    hub("F32", "a provisioner named by a variable, set there", CHOSEN, nothing, early=True),
    hub("F33", "a provisioner of our name in the user's site-packages", SHADOWING, nothing, early=True),
    hub(
        "F34",
        "`jupyter_client` in the folder where `python -m` starts the server",
        HIJACK,
        nothing,
        early=True,
    ),
    # Last, because a program in a terminal does what was planted for the server.
    hub(
        "F35", "`nbconvert --execute` in a terminal", f"{EVIL}; notebook(OWN / 'evil.ipynb', 'evil')", convert
    ),
)

GATEWAY = hub("F36", "`JUPYTER_GATEWAY_URL` among the server's variables", "", nothing)
"""Needs a server of its own (`hubs.Visited.with_gateway`)."""
