"""Rules about what conda would run or set when the environment is activated or installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jupyter_envguard.policy.core import Problem, Rule
from jupyter_envguard.policy.facts import Facts, parsed_object
from jupyter_envguard.policy.kernel import DANGEROUS

STATE = "conda-meta/state"
DECLARATIONS = re.compile(r"etc/conda/env_vars\.d/[^/]+\.json\Z")
ACTIVATION = re.compile(r"etc/conda/(?:de)?activate\.d/[^/]+\Z")
LINK_SCRIPT = re.compile(r"bin/\.[^/]+-(?:post-link|pre-unlink|pre-link)\.sh\Z")


def declared_variables(facts: Facts) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the variables that conda would set at activation, with the file that declares them."""
    state = parsed_object(facts.text(STATE)) or {}
    if isinstance(variables := state.get("env_vars"), dict):
        yield STATE, variables
    for path in filter(DECLARATIONS.match, facts.inventory.members):
        yield path, parsed_object(facts.text(path)) or {}


def scripts(facts: Facts) -> Iterator[Problem]:
    """Report the scripts that conda would run at activation."""
    found = tuple(path for path in facts.inventory.members if ACTIVATION.match(path))
    if found:
        yield Problem(f"{len(found)} scripts would run when conda activates the environment.", found)


def variables(facts: Facts) -> Iterator[Problem]:
    """Report variables, set at activation, that choose what code is loaded."""
    for path, declared in declared_variables(facts):
        if names := sorted(filter(DANGEROUS.match, declared)):
            yield Problem(f"{path} sets {', '.join(names)}.", (path,))


def link_scripts(facts: Facts) -> Iterator[Problem]:
    """Report the scripts that conda ran when it installed a package."""
    found = tuple(path for path in facts.inventory.members if LINK_SCRIPT.match(path))
    if found:
        yield Problem(f"{len(found)} packages bring scripts that conda runs at installation.", found)


RULES = (
    Rule(
        "act.scripts",
        "warning",
        "These scripts are never run here; a package may miss what they would have set.",
        "Try the packages in the approved kernel before you approve.",
        scripts,
    ),
    Rule(
        "act.env-vars",
        "error",
        "Variables such as LD_PRELOAD or PYTHONPATH load code from places that nobody approved.",
        "Unset them (conda env config vars unset), and pack the environment again.",
        variables,
    ),
    Rule(
        "link.post-link",
        "info",
        "What these scripts did where the environment was built is in the pack; they are not run here.",
        "Read them when you do not know the packages.",
        link_scripts,
    ),
)
