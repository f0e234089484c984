"""Whether a pack may become an environment: rules, and a verdict with all its reasons.

>>> from jupyter_envguard.policy import DEFAULT, Host, evaluate
>>> verdict = evaluate(inventory, DEFAULT, Host.here())  # doctest: +SKIP
>>> bool(verdict), [finding.rule for finding in verdict.findings]  # doctest: +SKIP
(False, ['py.editable', 'pip.mixed'])

A rule is a pure function over the inventory; the groups of rules are the files
of this folder. An empty policy refuses, an unknown rule refuses, a rule that
breaks refuses.
"""

from jupyter_envguard.policy.core import (
    SEVERITIES,
    Failed,
    Finding,
    Host,
    Passed,
    Policy,
    Rule,
    Severity,
    Verdict,
    verdict,
)
from jupyter_envguard.policy.rules import DEFAULT, RULES, evaluate, explain, finding

__all__ = [
    "DEFAULT",
    "RULES",
    "SEVERITIES",
    "Failed",
    "Finding",
    "Host",
    "Passed",
    "Policy",
    "Rule",
    "Severity",
    "Verdict",
    "evaluate",
    "explain",
    "finding",
    "verdict",
]
