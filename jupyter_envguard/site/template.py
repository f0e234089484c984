"""The `site.yaml` that `jupyter envguard init` writes: complete, with a word on every key."""

from __future__ import annotations

import json

TEMPLATE = """\
# What jupyter_envguard needs to know about this site. Paths may be relative to this file.
# Nothing here is secret, but who can change this file decides what may run: keep it yours.
version: 1

# What users read when something is refused.
name: {name}

# Where images live, at this same path on every node. Keep it short: it is written into the
# files of every environment, and changing it later means importing everything again.
store: {store}

# The signed list of releases. Nodes may also read it from an https:// address.
catalog: {catalog}

# The root of trust. Give this file to every node by a way you trust; it must not lie in the catalog.
trust: {trust}

# The private keys that sign. Only where decisions are made; leave this line out on nodes.
keys: {keys}

# Decisions are recorded in the log, kernel starts in the spool, one file a session.
log: {log}
spool: {spool}

# What is decided about requests for packages and environments; users read it, and nobody else writes.
decisions: {decisions}

# Where users ask for a package or an environment. An address may ask for {{subject}} and {{environment}},
# what is missing and where. Without one, refusals at a hub lead to the form in the user's own JupyterLab.
{request_url}

# Whom users ask when something is refused, as they should read it.
# contact: "Research computing, room 4.2, compute@example.org"

# What notebooks get that name a kernel which is not there.
# successors: {{python3: datasci, ds-2025: datasci@2026.05}}

# Where nodes fetch releases that were published: folders and URLs, the first that has one.
# shares: [/mnt/envguard/share, https://files.example.org/envguard]

policy:
  # Which rules a pack must meet: default, or a list of their ids (jupyter envguard rules).
  rules: default

guard:
  # enforce: sessions and kernels cannot write to environments, whoever owns them (Linux 5.19 or newer).
  # advise: no confinement; sudo and setuid programs keep working in sessions.
  # lockdown: as enforce, and sessions run only programs of the system, of the server and of
  # environments; foreign packages and machine code do not load in kernels.
  level: enforce
  # What happens on a machine that cannot confine. required: nothing starts there.
  # best-effort: sessions start as they are, and jupyter envguard doctor says so.
  mode: best-effort
  # Where sessions may write besides their home, a private temporary folder and devices.
  write: []
  # What sessions in lockdown may run besides, such as [/usr/bin/git, /usr/lib/git-core].
  execute: []
  # Whether lockdown refuses memory that is written and then run; numba and other compilers need it,
  # and ctypes for functions that C calls.
  strict_memory: false
  # Whether kernels in lockdown start no second Python, however they call it. With false `!python` and pools
  # of processes that do not fork work, and packages of plain code from outside load in those Pythons.
  strict_python: true
  # Whether Python kernels in lockdown load packages that users wrote (folders of modules), and not only
  # single files. What was installed, is machine code or has an approved name never loads.
  own_packages: false
  # Levels of groups of the hub, such as {{students: {{level: lockdown, mode: required}}}}. Who is in several
  # has the strictest, who is in none has the level above.
  groups: {{}}

# Who may do which package operation in a session, and where: courtesy, see jupyter envguard acl list.
# Run jupyter envguard hooks install on every node after each change.
# acl:
#   rules:
#     - id: no-npm-in-datasci
#       who: everybody                     # or {{users: […], groups: […], roles: […]}}
#       where: {{environment: datasci}}      # or environment (each approved one), own, anywhere
#       what: ["npm:*", "pixi:add"]        # or changes, settings, reads, everything
#       effect: deny                       # or allow, record (allowed, and an event says so)

audit:
  # Whether a kernel that cannot be recorded may not start.
  required: true
"""


def template(
    name: str,
    *,
    store: str = "/opt/envguard",
    catalog: str = "catalog",
    trust: str = "root.json",
    keys: str = "keys",
    log: str = "log.sqlite",
    spool: str = "spool",
    decisions: str = "decisions",
    request_url: str = "",
) -> str:
    """Return the text of a site file with these values and the default policy."""
    return TEMPLATE.format(
        name=_quoted(name),
        store=_quoted(store),
        catalog=_quoted(catalog),
        trust=_quoted(trust),
        keys=_quoted(keys),
        log=_quoted(log),
        spool=_quoted(spool),
        decisions=_quoted(decisions),
        request_url=f"request_url: {_quoted(request_url)}" if request_url else "# request_url: https://…",
    )


def _quoted(text: str) -> str:
    """Return `text` as a YAML scalar in double quotes, of which JSON's are a kind."""
    return json.dumps(text, ensure_ascii=False)
