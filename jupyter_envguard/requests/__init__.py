"""What users ask for, and what is decided about it.

A user's own server writes a request into the user's folder of the spool: who owns
the file says who asked. An admin's decision lies in a folder that users can read and
cannot write, and names the digest of the request that it is about.
"""

from jupyter_envguard.requests.decisions import Decisions
from jupyter_envguard.requests.inbox import Received, received
from jupyter_envguard.requests.outbox import Outbox
from jupyter_envguard.requests.request import Asked, Decision, Request, RequestInvalid, shown

__all__ = [
    "Asked",
    "Decision",
    "Decisions",
    "Outbox",
    "Received",
    "Request",
    "RequestInvalid",
    "received",
    "shown",
]
