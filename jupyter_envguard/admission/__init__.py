"""The one way in: import, approve, deprecate, revoke. Everything that changes what may run goes through here.

`Admission` joins pack, policy, store, catalog and log; each of its verbs writes
exactly one event, whether it succeeds or not.
"""

from jupyter_envguard.admission.desk import Admission
from jupyter_envguard.admission.imports import ImportResult, PackDenied, Smoke, denial

__all__ = ["Admission", "ImportResult", "PackDenied", "Smoke", "denial"]
