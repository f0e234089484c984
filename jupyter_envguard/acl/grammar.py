"""How the command lines of package tools are built, as data: `COMMANDS`.

This is the one table: hooks find it in the compiled rules, or where there are none in
`hooks/resources/grammar.json`, which is this table again. An option that stands
before the verb and is not listed here makes the operation unknown: it might take
the verb as its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    """Where a command line stands after some of its words."""

    operation: str = ""
    """What the line does when it ends here; empty when that is no package operation."""
    flags: frozenset[str] = frozenset()
    """Options without a value."""
    valued: frozenset[str] = frozenset()
    """Options with a value."""
    next: Mapping[str, Node] = field(default_factory=dict)
    """The words that may follow."""
    runs: bool = False
    """Whether the first word that is no option starts another command."""
    modules: bool = False
    """Whether `-m NAME` goes on as the tool of that name."""
    globally: str = ""
    """What the line does instead when a word says so (`-g`)."""
    help: str = ""
    """What the line does instead when a later word only asks for help (`--help`)."""
    stops: frozenset[str] = frozenset()
    """Options with which the words that follow are only looked at, as in `command -v pip`."""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form, in which what says nothing is left out."""
        document = {
            "operation": self.operation,
            "flags": sorted(self.flags),
            "valued": sorted(self.valued),
            "stops": sorted(self.stops),
            "next": {word: node.as_json() for word, node in self.next.items()},
            "runs": self.runs,
            "modules": self.modules,
            "global": self.globally,
            "help": self.help,
        }
        return {key: value for key, value in document.items() if value}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _verbs(tool: str, words: str, /, **nodes: Node) -> dict[str, Node]:
    """Return the nodes for `words`, each a verb or `word>verb` where the tool has another word for it."""
    found = {}
    for word in words.split():
        name, _, verb = word.partition(">")
        found[name] = Node(f"{tool}:{verb or name}", help=f"{tool}:help")
    return found | nodes


_CONDA_VERBOSE = "-h --help -v --verbose -q --quiet --json -y --yes"
_CONDA_FLAGS = _words(f"{_CONDA_VERBOSE} -V --version --no-plugins --debug")
_CONDA_RUN = Node(
    "conda:run",
    _words(f"{_CONDA_VERBOSE} --live-stream --no-capture-output --dev --debug-wrapper-scripts"),
    _words("-n --name -p --prefix --cwd"),
    runs=True,
)
_CONDA_ENV = Node(
    "conda:help",
    _words(_CONDA_VERBOSE),
    next=_verbs(
        "conda",
        "update create remove list export log>list",
        config=Node(
            "conda:help",
            _words(_CONDA_VERBOSE),
            next={
                "vars": Node(
                    "conda:help",
                    _words(_CONDA_VERBOSE),
                    next=_verbs("conda", "list set>env-vars unset>env-vars"),
                )
            },
        ),
    ),
)
_CONDA = Node(
    "conda:help",
    _CONDA_FLAGS,
    _words("--solver"),
    _verbs(
        "conda",
        "install update upgrade>update remove uninstall>remove create rename package build develop config "
        "clean init list info search repoquery>search export compare doctor check>doctor notices activate "
        "deactivate>activate commands>help help",
        run=_CONDA_RUN,
        env=_CONDA_ENV,
    ),
)

_MAMBA_FLAGS = _words(
    "-h --help -V --version -v --verbose -q --quiet --json -y --yes --no-rc --no-env --offline --dry-run "
    "--use-uv"
)
_MAMBA_VALUED = _words(
    "--rc-file --log-level -r --root-prefix -p --prefix -n --name --relocate-prefix --cacert-path"
)
_MAMBA_RUN = Node(
    "mamba:run",
    _MAMBA_FLAGS | _words("--clean-env -d --detach"),
    _MAMBA_VALUED | _words("-a --attach --cwd -e --env --label"),
    runs=True,
)
_MAMBA_ENV = Node(
    "mamba:help",
    _MAMBA_FLAGS,
    _MAMBA_VALUED,
    _verbs(
        "mamba",
        "update create remove list export",
        config=Node(
            "mamba:help",
            _MAMBA_FLAGS,
            next={
                "vars": Node(
                    "mamba:help", _MAMBA_FLAGS, next=_verbs("mamba", "list set>env-vars unset>env-vars")
                )
            },
        ),
    ),
)
_MAMBA = Node(
    "mamba:help",
    _MAMBA_FLAGS,
    _MAMBA_VALUED,
    _verbs(
        "mamba",
        "install update upgrade>update remove uninstall>remove create rename package self-update config "
        "clean init shell>init auth list info search repoquery>search export activate deactivate>activate "
        "completion>help help",
        run=_MAMBA_RUN,
        env=_MAMBA_ENV,
    ),
)

_PIP = Node(
    "pip:help",
    _words(
        "-h --help --debug --isolated --require-virtualenv -v --verbose -V --version -q --quiet --no-input "
        "--no-cache-dir --disable-pip-version-check --no-color --no-python-version-warning"
    ),
    _words(
        "--python --log --keyring-provider --proxy --retries --timeout --exists-action --trusted-host "
        "--cert --client-cert --cache-dir --use-feature --use-deprecated --resume-retries"
    ),
    _verbs(
        "pip",
        "install uninstall config cache download wheel lock list show>list freeze>list check>list "
        "inspect>list search>list index>list hash>list debug>list completion>help help",
    ),
)
_PIPX = Node(
    "pipx:help",
    _words("-h --help --version -q --quiet -v --verbose --global"),
    next=_verbs(
        "pipx",
        "install install-all>install inject>install pin>update unpin>update uninject>uninstall uninstall "
        "uninstall-all>uninstall upgrade>update upgrade-all>update upgrade-shared>update reinstall>install "
        "reinstall-all>install run runpip>install list interpreter>list environment>list ensurepath>config "
        "completions>help help",
    ),
)

_UV_FLAGS = _words(
    "-h --help -V --version -q --quiet -v --verbose --no-cache -n --offline --no-config --no-progress "
    "--native-tls --managed-python --no-managed-python --no-python-downloads"
)
_UV_VALUED = _words("--cache-dir --color --directory --project --config-file --allow-insecure-host")


def _uv(words: str, /, **nodes: Node) -> Node:
    return Node("uv:help", _UV_FLAGS, _UV_VALUED, _verbs("uv", words, **nodes))


_UV_RUN = Node(
    "uv:run",
    _UV_FLAGS
    | _words(
        "--all-extras --no-dev --dev --only-dev --isolated --active --no-sync --locked --frozen "
        "--no-project --all-packages --exact --no-editable --no-env-file"
    ),
    _UV_VALUED
    | _words(
        "--extra --group --no-group --only-group --with --with-editable --with-requirements --env-file -p "
        "--python --package"
    ),
    runs=True,
)
_UV_TOOL = _uv("audit>list run>tool install>tool upgrade>tool uninstall>tool update-shell>tool list dir>list")
_UV_PYTHON = _uv(
    "install>python upgrade>python uninstall>python pin>python update-shell>python list find>list dir>list"
)
_UV = _uv(
    "sync add remove init venv lock build publish tree>list export>list version>list workspace>list "
    "audit>list check>list "
    "auth>config format>config generate-shell-completion>help help",
    run=_UV_RUN,
    pip=_uv("install uninstall sync compile>lock list freeze>list show>list tree>list check>list"),
    tool=_UV_TOOL,
    python=_UV_PYTHON,
    cache=_uv("clean>cache prune>cache dir>list size>list"),
    self=_uv("update>self-update version>list"),
)

_PIXI = Node(
    "pixi:help",
    _words("-h --help -V --version -v --verbose -q --quiet --no-progress --list"),
    _words("--color"),
    _verbs(
        "pixi",
        "add remove rm>remove install i>install reinstall>install import>init update upgrade>update init "
        "run r>run exec>run x>run shell>run shell-hook>list global g>global self-update build config clean "
        "lock publish upload>publish auth>config task>config project>config workspace>config list ls>list "
        "tree>list info>list search>list completion>help help",
    ),
)


def _npm(words: str, verb: str) -> dict[str, Node]:
    """Return nodes for words that change packages: here, or with `-g` for everybody."""
    node = Node(f"npm:{verb}", globally="npm:global", help="npm:help")
    return dict.fromkeys(words.split(), node)


_NPM = Node(
    "npm:help",
    _words(
        "-h --help -v --version -g --global -s --silent -q --quiet -d --verbose --json --force -f -y --yes "
        "--offline --no-audit --no-fund"
    ),
    _words("-C --prefix --registry --userconfig --globalconfig --cache --loglevel --location -w --workspace"),
    {
        **_npm(
            "install i in ins inst insta instal isnt isnta isntal isntall add ci clean-install ic", "install"
        ),
        **_npm(
            "install-clean isntall-clean install-test it install-ci-test cit clean-install-test", "install"
        ),
        **_npm("rebuild rb link ln dedupe ddp audit", "install"),
        **_npm("uninstall unlink remove rm r un prune", "uninstall"),
        **_npm("update up upgrade udpate", "update"),
        **_npm("exec x", "exec"),
        **_verbs(
            "npm",
            "init create>init innit>init config c>config get>list set>config cache publish "
            "unpublish>publish pack>cache version>config login>config logout>config run run-script>run "
            "start>run test>run t>run stop>run restart>run list ls>list la>list ll>list view>list info>list "
            "show>list v>list search>list find>list outdated>list root>list prefix>list bin>list "
            "explain>list why>list fund>list ping>list whoami>list doctor>list help "
            "bugs>list diff>list docs>list find-dupes>list query>list repo>list sbom>list stars>list "
            "completion>help help-search>help adduser>config approve-scripts>config deny-scripts>config "
            "org>config pkg>config profile>config star>config team>config token>config trust>config "
            "unstar>config access>publish deprecate>publish dist-tag>publish owner>publish stage>publish "
            "undeprecate>publish edit>install install-scripts>install shrinkwrap>install explore>exec",
        ),
    },
)

_PYTHON = Node(
    flags=_words("-b -B -d -E -h -i -I -O -P -q -s -S -u -v -V -x -? --help --version"),
    valued=_words("-W -X --check-hash-based-pycs"),
    modules=True,
)
_SUDO = Node(
    stops=_words("-e -h -K -l -V -v --edit --help --list --remove-timestamp --validate --version"),
    flags=_words("-A -b -E -H -i -k -n -P -S -s --preserve-env --set-home --login --non-interactive"),
    valued=_words("-u --user -g --group --host -p --prompt -r --role -t --type -C -D --chdir -T -U"),
    runs=True,
)
_ENV = Node(
    stops=_words("--help --version"),
    flags=_words("-i --ignore-environment -v"),
    valued=_words("-u --unset -C --chdir"),
    runs=True,
)
_PLAIN = Node(runs=True)

COMMANDS: Mapping[str, Node] = MappingProxyType(
    {
        "conda": _CONDA,
        "conda-env": _CONDA_ENV,
        "conda_env": _CONDA_ENV,
        "mamba": _MAMBA,
        "micromamba": _MAMBA,
        "pip": _PIP,
        "pipx": _PIPX,
        "uv": _UV,
        "uvx": Node("uv:tool"),
        "pixi": _PIXI,
        "npm": _NPM,
        "npx": Node("npm:exec"),
        "venv": Node("venv:create"),
        "virtualenv": Node("virtualenv:create"),
        "ensurepip": Node("ensurepip:install"),
        "python": _PYTHON,
        "pypy": _PYTHON,
        "sudo": _SUDO,
        "env": _ENV,
        "nohup": _PLAIN,
        "command": replace(_PLAIN, flags=_words("-p"), stops=_words("-v -V")),
        "exec": _PLAIN,
        "time": replace(_PLAIN, flags=_words("-p")),
        "nice": replace(_PLAIN, valued=_words("-n --adjustment")),
    }
)
"""The grammar of every tool by its name."""
