"""A real user of a real hub's database, whose spawner is made as the hub makes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jupyterhub import orm
from jupyterhub.objects import Hub
from jupyterhub.user import User
from traitlets.config import Config


@contextmanager
def spawner_for(name: str, spawner_class: type, c: Config, groups: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield the spawner that a hub with the configuration `c` makes for the user `name`, in `groups`."""
    session = orm.new_session_factory("sqlite:///:memory:")()
    try:
        account = orm.User(name=name)
        session.add(account)
        session.add(orm.Spawner(name="", user=account))
        session.add_all(orm.Group(name=group, users=[account]) for group in groups)
        session.commit()
        hub = Hub(ip="127.0.0.1", port=8081, base_url="/hub/")
        settings = {"spawner_class": spawner_class, "config": c, "hub": hub, "base_url": "/"}
        made = User(account, settings)._new_spawner("")
        made.api_token = "token"
        yield made
    finally:
        session.close()
        session.get_bind().dispose()
