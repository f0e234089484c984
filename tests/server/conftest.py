"""A real Jupyter server, in this process, with a site of its own."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pytest_jupyter.jupyter_core import (  # noqa: F401
    echo_kernel_spec,
    jp_asyncio_loop,
    jp_config_dir,
    jp_data_dir,
    jp_env_config_path,
    jp_env_jupyter_path,
    jp_environ,
    jp_home_dir,
    jp_kernel_dir,
    jp_runtime_dir,
    jp_system_config_path,
    jp_system_jupyter_path,
)
from pytest_jupyter.jupyter_server import (  # noqa: F401
    jp_argv,
    jp_auth_header,
    jp_base_url,
    jp_configurable_serverapp,
    jp_fetch,
    jp_http_port,
    jp_logging_stream,
    jp_nbconvert_templates,
    jp_root_dir,
    jp_server_config,
    jp_web_app,
)
from pytest_jupyter.jupyter_server import jp_serverapp as started_serverapp  # noqa: F401
from pytest_jupyter.pytest_tornasync import http_server, http_server_client, http_server_port  # noqa: F401
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from tornado.httpclient import HTTPClientError, HTTPResponse

import jupyter_envguard.server
from jupyter_envguard.catalog import Statement
from jupyter_envguard.image import Image
from tests.packs import SITE_PACKAGES, PackBuilder
from tests.sites import SiteBuilder, real_images, short_folder

DESCRIPTION = Path(jupyter_envguard.server.__file__).with_name("rest-api.yml")
SCHEMAS = DESCRIPTION.parent.parent / "schemas"


@dataclass(frozen=True)
class Reply:
    """What came over the wire."""

    status: int
    response: HTTPResponse

    @property
    def json(self) -> Any:
        return json.loads(self.response.body)

    @property
    def headers(self) -> Any:
        return self.response.headers


Fetch = Callable[..., Reply]
Conforms = Callable[..., Any]


def path_of(address: str, described: dict[str, Any]) -> str:
    """Return the path of the description that `address` is at, empty for none."""
    for path in described["paths"]:
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), f"/{address}"):
            return str(path)
    return ""


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_moment(text: object) -> bool:
    """Whether it is a date and a time, with the zone that the time is in."""
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


@pytest.fixture(scope="session")
def images() -> Iterator[tuple[Image, Image]]:
    """Two images that look like Python environments, in a store that tests share."""
    with short_folder() as folder:
        builder = SiteBuilder(folder / "site", folder / "s")
        found = []
        for release in ("1", "2"):
            pack = PackBuilder.honest()
            pack.file(f"{SITE_PACKAGES}/ipykernel_launcher.py")
            pack.record("numpy", release, "py311_0")
            found.append(builder.image(pack.write(folder, name=release)))
        yield found[0], found[1]


@pytest.fixture
def site(images: tuple[Image, Image], tmp_path: Path) -> SiteBuilder:
    return SiteBuilder(tmp_path / "site", store=images[0].path.parent)


@pytest.fixture
def server_options(site: SiteBuilder) -> dict[str, Any]:
    """What a test may change about the server's configuration."""
    return {"EnvGuardApp": {"site": str(site.path)}, "ServerApp": {}}


@pytest.fixture
def jp_server_config(server_options: dict[str, Any]) -> dict[str, Any]:  # noqa: F811
    from traitlets.config import Config

    config = Config({"ServerApp": {"jpserver_extensions": {"jupyter_envguard": True}}})
    config.merge(Config(server_options))
    return config


@pytest.fixture
def wait(jp_asyncio_loop: asyncio.AbstractEventLoop) -> Callable[[Awaitable[Any]], Any]:  # noqa: F811
    """Let the server's event loop run until something has happened."""
    return lambda awaitable: jp_asyncio_loop.run_until_complete(asyncio.wait_for(awaitable, 60))


@pytest.fixture
def jp_serverapp(started_serverapp: Any, wait: Callable[[Awaitable[Any]], Any]) -> Iterator[Any]:  # noqa: F811
    """A server that ends with its test, and its kernels with it."""
    yield started_serverapp
    for kernel in started_serverapp.kernel_manager.list_kernel_ids():
        wait(started_serverapp.kernel_manager.shutdown_kernel(kernel, now=True))
    wait(started_serverapp.cleanup_extensions())
    started_serverapp.session_manager.close()


@pytest.fixture
def fetch(
    jp_fetch: Any,  # noqa: F811
    wait: Callable[[Awaitable[Any]], Any],
    described: dict[str, Any],
    conforms: Conforms,
) -> Fetch:
    """Ask the server; a refusal is an answer, not an exception.

    Whatever a test asks for, the answer has to be one that the description promises.
    """

    def ask(path: str, method: str = "GET", body: Any = None, **options: Any) -> Reply:
        if body is not None:
            options["body"] = body if isinstance(body, str | bytes) else json.dumps(body)

        async def request() -> HTTPResponse:
            # Inside the loop: the client binds its future to whatever loop is current, and a fixture
            # that has called `asyncio.run` (building a pack does) leaves none behind.
            response: HTTPResponse = await jp_fetch(path, method=method, request_timeout=60, **options)
            return response

        try:
            response = wait(request())
        except HTTPClientError as error:
            if error.response is None:
                raise
            response = error.response
        reply = Reply(response.code, response)
        # Who is not logged in is answered by Jupyter, in its own words.
        is_ours = options.get("headers", {}).get("Authorization", "token") and reply.status != 304
        promised = described["paths"].get(path_of(path, described), {})
        if is_ours and method.lower() in promised:
            conforms(reply, path_of(path, described), method.lower())
        return reply

    return ask


@pytest.fixture
def real(tmp_path: Path) -> SiteBuilder:
    """A site with real environments: two Pythons, and a kernel that is not Python."""
    images = real_images()
    builder = SiteBuilder(tmp_path / "real", store=images["minimal"].path.parent)
    builder.offer(images["minimal"], "minimal", "2026.11", display_name="Minimal Python")
    builder.offer(images["datasci"], "datasci", "2026.05")
    builder.offer(images["calc"], "calc", "2026.11", language="calc")
    return builder


@pytest.fixture
def run(jp_serverapp: Any, wait: Callable[[Awaitable[Any]], Any]) -> Callable[[str, str], str]:
    """Run code in a kernel of the server and return what it printed and answered."""

    async def execute(kernel_id: str, code: str) -> str:
        client = jp_serverapp.kernel_manager.get_kernel(kernel_id).client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            said: list[str] = []
            reply = await client.execute_interactive(
                code, timeout=60, allow_stdin=False, output_hook=lambda message: said.append(_text(message))
            )
            return "".join(said) if reply["content"]["status"] == "ok" else reply["content"]["ename"]
        finally:
            client.stop_channels()

    return lambda kernel_id, code: wait(execute(kernel_id, code)).strip()


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return str(content.get("text") or content.get("data", {}).get("text/plain", ""))


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return yaml.safe_load(DESCRIPTION.read_text())


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The schemas, found by where they lie or by what they call themselves."""

    def retrieve(uri: str) -> Resource:
        path = (
            Path(uri.removeprefix("file://")) if uri.startswith("file:") else SCHEMAS / uri.rpartition("/")[2]
        )
        return DRAFT202012.create_resource(yaml.safe_load(path.read_text()))

    return Registry(retrieve=retrieve)


def validator(schema: dict[str, Any], registry: Registry) -> jsonschema.Draft202012Validator:
    """Return what checks documents against `schema`."""
    return jsonschema.Draft202012Validator(schema, registry=registry, format_checker=FORMATS)


@pytest.fixture
def described_as(registry: Registry) -> Callable[[str, Any], None]:
    """Check that a document is one that the schema in a file describes."""

    def check(file: str, document: Any) -> None:
        schema = {"$ref": (SCHEMAS / file).as_uri()}
        validator(schema, registry).validate(document)

    return check


@pytest.fixture
def conforms(described: dict[str, Any], registry: Registry) -> Conforms:
    """Check that a reply is one that the description promises for its path."""

    def check(reply: Reply, path: str, verb: str = "get") -> Any:
        promised = described["paths"][path][verb]["responses"][str(reply.status)]
        if "$ref" in promised:
            promised = described["components"]["responses"][promised["$ref"].rpartition("/")[2]]
        media = reply.headers["Content-Type"].partition(";")[0]
        assert media in promised["content"]
        if media != "application/json":
            return reply.response.body.decode(errors="replace")
        pointer = promised["content"][media]["schema"]["$ref"]
        base = DESCRIPTION.as_uri() if pointer.startswith("#") else ""
        target = (
            base + pointer if base else (DESCRIPTION.parent / pointer.partition("#")[0]).resolve().as_uri()
        )
        target += "" if base or "#" not in pointer else "#" + pointer.partition("#")[2]
        validator({"$ref": target}, registry).validate(reply.json)
        return reply.json

    return check


@pytest.fixture
def offered(site: SiteBuilder, images: tuple[Image, Image]) -> SiteBuilder:
    older = Statement("boss", "2026-05-02T08:00:00Z", "ok")
    site.offer(images[0], "datasci", "2026.05", approval=older, changed=older)
    site.offer(images[1], "datasci", "2026.11")
    site.offer(images[0], "secret", "1", groups=("nobody-is-in-here",))
    return site


@pytest.fixture
def planted(
    jp_environ: None,  # noqa: F811 - a fixture
    jp_data_dir: Path,  # noqa: F811
    jp_home_dir: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Kernelspecs wherever Jupyter usually looks for them; each would leave a mark behind."""
    mark = tmp_path / "mark"
    spec = {"argv": ["/usr/bin/touch", str(mark)], "display_name": "Evil", "language": "python"}
    folders = [
        jp_data_dir / "kernels",
        jp_home_dir / ".ipython" / "kernels",
        jp_home_dir / ".local/share/jupyter/kernels",
        tmp_path / "share/jupyter/kernels",
        tmp_path / "path/kernels",
    ]
    for folder in folders:
        for name in ("evil", "evil2", "datasci", "python3"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "path"))
    monkeypatch.setenv("IPYTHONDIR", str(jp_home_dir / ".ipython"))
    return mark
