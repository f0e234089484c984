"""The signed list of releases: what is approved, for whom, and who decided.

`entry` and `decision` are plain values and one pure function; `document` is the
whole list; `repository` signs and writes it, `client` reads and verifies it.
The last two are imported by name, because python-tuf is heavy.
"""

from jupyter_envguard.catalog.decision import Allowed, Decision, Denied, Reason, decide
from jupyter_envguard.catalog.document import Catalog, Offer
from jupyter_envguard.catalog.entry import Entry, State, Statement, Verdict

__all__ = [
    "Allowed",
    "Catalog",
    "Decision",
    "Denied",
    "Entry",
    "Offer",
    "Reason",
    "State",
    "Statement",
    "Verdict",
    "decide",
]
