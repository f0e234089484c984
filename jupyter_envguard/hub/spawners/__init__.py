"""The wall's equivalents for spawners that run a session in a unit, a container or a pod.

Landlock (`jupyter_envguard.wall`) stands inside all of them. What is set here stands
around it, and holds also on a machine without Landlock.
"""

from __future__ import annotations

from jupyter_envguard.hub.spawners.kinds import kind_of, spawner_class
from jupyter_envguard.hub.spawners.places import wanted_for
from jupyter_envguard.hub.spawners.surroundings import Surroundings, surroundings

__all__ = ["Surroundings", "kind_of", "spawner_class", "surroundings", "wanted_for"]
