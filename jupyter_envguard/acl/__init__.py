"""Who may do which package operation in a session: rules, one pure decision, and its form for hooks.

>>> operation = operation_of(["conda", "install", "numpy"])
>>> decide(Acl(), Person("ada"), Place("environment", "sci"), operation).message
"'conda install' is turned off for the approved environment 'sci'; nothing was changed."

The rules are courtesy: they answer kindly. That files of an approved environment
cannot be changed is the file system's doing.
"""

from jupyter_envguard.acl.commandline import Operation, operation_of
from jupyter_envguard.acl.compiled import compiled
from jupyter_envguard.acl.decision import Place, Ruling, decide, hint_for
from jupyter_envguard.acl.rules import SHIPPED, Acl, Person, Rule

__all__ = [
    "SHIPPED",
    "Acl",
    "Operation",
    "Person",
    "Place",
    "Rule",
    "Ruling",
    "compiled",
    "decide",
    "hint_for",
    "operation_of",
]
