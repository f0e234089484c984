"""Who the user is, asked of a real HTTP server that plays the Hub."""

from __future__ import annotations

import ipaddress
import json
import os
import pwd
import socketserver
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from jupyter_envguard.errors import Denied, EnvGuardError, Unavailable
from jupyter_envguard.kernels import subject
from jupyter_envguard.kernels.subject import Subject, Subjects, hub_lookup, lookup_for, system_subject

ADA = {"kind": "user", "name": "ada", "groups": ["data-science"]}


class Hub:
    """Answers `GET /hub/api/user` as told, and remembers who asked how."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, json.dumps(ADA).encode(), {}
        self.asked: list[tuple[str, str | None]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.asked.append((self.path, self.headers["Authorization"]))
                self.send_response(hub.status)
                for name, value in hub.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(hub.body)

            def log_message(self, *_: object) -> None:
                pass

        self.handler = Handler

    def environ(self, url: str) -> dict[str, str]:
        return {"JUPYTERHUB_API_URL": url, "JUPYTERHUB_API_TOKEN": "s3cret"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    with HTTPServer(("127.0.0.1", 0), hub.handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        hub.url = f"http://127.0.0.1:{server.server_port}/hub/api"
        yield hub
        server.shutdown()


def code(lookup: subject.Lookup) -> str:
    with pytest.raises(EnvGuardError) as caught:
        lookup()
    return caught.value.code


class TestHubLookup:
    def test_asks_with_the_servers_own_token(self, hub: Hub):
        found = hub_lookup(hub.environ(hub.url))()
        assert found == Subject("ada", frozenset({"data-science"}), "hub")
        assert hub.asked == [("/hub/api/user", "token s3cret")]

    def test_a_slash_at_the_end_of_the_address_does_not_matter(self, hub: Hub):
        assert hub_lookup(hub.environ(hub.url + "/"))().user == "ada"

    def test_no_proxy_learns_the_token(self, hub: Hub, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert hub_lookup(hub.environ(hub.url))().user == "ada"

    def test_follows_no_redirect(self, hub: Hub):
        hub.status, hub.headers = 302, {"Location": hub.url + "/user"}
        assert code(hub_lookup(hub.environ(hub.url))) == "groups-unknown"
        assert len(hub.asked) == 1

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refused_token_is_not_an_outage(self, hub: Hub, status: int):
        hub.status = status
        assert code(hub_lookup(hub.environ(hub.url))) == "token-refused"

    @pytest.mark.parametrize("status", [404, 500, 503])
    def test_any_other_answer_is_an_outage(self, hub: Hub, status: int):
        hub.status = status
        assert code(hub_lookup(hub.environ(hub.url))) == "groups-unknown"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"{}",
            b'{"name": "ada"}',
            b'{"name": "", "groups": []}',
            b'{"name": 1, "groups": []}',
            b'{"name": "ada", "groups": "root"}',
            b'{"name": "ada", "groups": []}' + b" " * subject.MAX_ANSWER_BYTES,
        ],
    )
    def test_an_answer_that_does_not_name_a_user_with_groups_is_none(self, hub: Hub, body: bytes):
        hub.body = body
        assert code(hub_lookup(hub.environ(hub.url))) == "groups-unknown"

    def test_says_which_scope_is_missing_when_groups_are(self, hub: Hub):
        hub.body = b'{"name": "ada"}'
        with pytest.raises(Unavailable) as caught:
            hub_lookup(hub.environ(hub.url))()
        assert "read:users:groups!user" in caught.value.hint

    def test_a_group_that_is_not_text_is_left_out(self, hub: Hub):
        hub.body = b'{"name": "ada", "groups": ["x", 1, null]}'
        assert hub_lookup(hub.environ(hub.url))().groups == {"x"}

    def test_a_dead_hub_is_an_outage(self):
        environ = {"JUPYTERHUB_API_URL": "http://127.0.0.1:1/hub/api", "JUPYTERHUB_API_TOKEN": "t"}
        assert code(hub_lookup(environ)) == "groups-unknown"

    @pytest.mark.parametrize(
        "environ",
        [
            {"JUPYTERHUB_API_URL": "http://127.0.0.1:1"},
            {"JUPYTERHUB_API_TOKEN": "t"},
            {"JUPYTERHUB_API_URL": "file:///etc/passwd", "JUPYTERHUB_API_TOKEN": "t"},
            {"JUPYTERHUB_API_URL": "http://127.0.0.1:bad/", "JUPYTERHUB_API_TOKEN": "t"},
            {"JUPYTERHUB_API_URL": "http://127.0.0.1:1/", "JUPYTERHUB_API_TOKEN": "t\r\nX: y"},
        ],
    )
    def test_half_a_hub_is_an_outage_not_the_system(self, environ: dict[str, str]):
        assert code(lookup_for(environ)) == "groups-unknown"

    def test_a_socket_in_the_file_system_works(self, hub: Hub, tmp_path: Path):
        class UnixServer(socketserver.UnixStreamServer):
            def get_request(self):
                request, _ = super().get_request()
                return request, ("local", 0)

        with UnixServer(str(tmp_path / "hub.sock"), hub.handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            url = "http+unix://" + str(tmp_path / "hub.sock").replace("/", "%2F") + "/hub/api"
            assert hub_lookup(hub.environ(url))().user == "ada"
            server.shutdown()

    def test_proves_itself_and_checks_the_hub_where_certificates_are_set(self, hub: Hub, tmp_path: Path):
        make_certificates(tmp_path)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem"))
        context.load_cert_chain(tmp_path / "hub.pem", tmp_path / "hub.key")
        context.verify_mode = ssl.CERT_REQUIRED
        environ = {
            f"JUPYTERHUB_SSL_{name}": str(tmp_path / file)
            for name, file in (("KEYFILE", "user.key"), ("CERTFILE", "user.pem"), ("CLIENT_CA", "ca.pem"))
        }
        with HTTPServer(("127.0.0.1", 0), hub.handler) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.handle_error = lambda *_: None
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            known = hub.environ(f"https://127.0.0.1:{server.server_port}/hub/api")
            assert hub_lookup(known | environ)().user == "ada"
            assert code(hub_lookup(known | {"JUPYTERHUB_SSL_CLIENT_CA": environ["JUPYTERHUB_SSL_CLIENT_CA"]}))
            assert code(hub_lookup(known)) == "groups-unknown"
            assert len(hub.asked) == 1
            server.shutdown()

    def test_certificates_that_are_not_there_are_an_outage(self, tmp_path: Path):
        environ = {
            "JUPYTERHUB_API_URL": "https://127.0.0.1:1/hub/api",
            "JUPYTERHUB_API_TOKEN": "t",
            "JUPYTERHUB_SSL_KEYFILE": str(tmp_path / "key"),
            "JUPYTERHUB_SSL_CERTFILE": str(tmp_path / "cert"),
        }
        assert code(hub_lookup(environ)) == "groups-unknown"


def make_certificates(folder: Path) -> None:
    """Write an authority, and what it issued to the hub and to a user's server."""
    now = datetime.now(UTC)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])

    def issue(name: str, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType) -> None:
        subject = authority if name == "ca" else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(authority, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(authority_key, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.key").write_bytes(secret)

    issue("ca", authority_key, x509.BasicConstraints(ca=True, path_length=None))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    issue("hub", ec.generate_private_key(ec.SECP256R1()), address)
    issue("user", ec.generate_private_key(ec.SECP256R1()))


class TestSystemSubject:
    def test_is_the_account_of_the_process(self):
        found = lookup_for({})()
        assert found.user == pwd.getpwuid(os.getuid()).pw_name
        assert found.source == "system"
        assert found.groups

    def test_a_variable_has_no_say(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("USER", "somebody")
        monkeypatch.setenv("LOGNAME", "somebody")
        assert system_subject().user != "somebody"

    def test_a_group_without_a_name_is_left_out(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(os, "getgrouplist", lambda *_: [4_000_000_000])
        assert system_subject().groups == frozenset()

    def test_an_id_without_an_account_is_nobody(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
        assert code(system_subject) == "groups-unknown"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Told:
    """A lookup that says what it is told to."""

    def __init__(self) -> None:
        self.answer: Subject | EnvGuardError = Subject("ada", frozenset({"one"}), "hub")
        self.times = 0

    def __call__(self) -> Subject:
        self.times += 1
        if isinstance(self.answer, EnvGuardError):
            raise self.answer
        return self.answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def subjects(told: Told, clock: Clock) -> Subjects:
    return Subjects(told, max_age=60, grace=3600, clock=clock)


DOWN = Unavailable("groups-unknown", "down")
GONE = Denied("token-refused", "gone")
TWO = Subject("ada", frozenset({"two"}), "hub")


class TestSubjects:
    def test_asks_once_within_the_age(self, subjects: Subjects, told: Told, clock: Clock):
        subjects.fresh()
        clock.now += 60
        assert subjects.fresh().groups == {"one"}
        assert told.times == 1

    def test_asks_again_after_it(self, subjects: Subjects, told: Told, clock: Clock):
        subjects.fresh()
        clock.now += 61
        told.answer = TWO
        assert subjects.fresh() == TWO

    def test_keeps_the_last_answer_while_the_hub_is_down(self, subjects: Subjects, told: Told, clock: Clock):
        subjects.fresh()
        clock.now += 3600
        told.answer = DOWN
        assert subjects.fresh().groups == {"one"}

    def test_knows_nobody_after_the_grace(self, subjects: Subjects, told: Told, clock: Clock):
        subjects.fresh()
        clock.now += 3601
        told.answer = DOWN
        assert code(subjects.fresh) == "groups-unknown"

    def test_leaves_a_silent_hub_alone_for_a_while(self, subjects: Subjects, told: Told, clock: Clock):
        told.answer = DOWN
        assert code(subjects.fresh) == "groups-unknown"
        assert code(subjects.fresh) == "groups-unknown"
        assert told.times == 1
        clock.now += subject.RETRY_SECONDS
        told.answer = TWO
        assert subjects.fresh() == TWO

    def test_forgets_at_once_when_the_hub_says_no(self, subjects: Subjects, told: Told, clock: Clock):
        subjects.fresh()
        clock.now += 61
        told.answer = GONE
        assert code(subjects.fresh) == "token-refused"

    def test_latest_does_not_wait_for_the_first_answer(self, told: Told, clock: Clock):
        asking, release = threading.Event(), threading.Event()

        def slow() -> Subject:
            asking.set()
            release.wait(10)
            return told()

        subjects = Subjects(slow, first_wait=0, clock=clock)
        assert code(subjects.latest) == "groups-unknown"
        assert asking.wait(10)
        assert code(subjects.latest) == "groups-unknown"
        release.set()
        assert subjects.fresh().user == "ada"
        assert subjects.latest().user == "ada"
        assert told.times == 1

    def test_latest_waits_for_the_very_first_answer(self, subjects: Subjects):
        assert subjects.latest().user == "ada"

    def test_latest_does_not_wait_again_after_a_failure(self, subjects: Subjects, told: Told):
        told.answer = DOWN
        assert code(subjects.latest) == "groups-unknown"
        assert code(subjects.latest) == "groups-unknown"

    def test_latest_gives_the_old_answer_and_refreshes_behind(
        self, subjects: Subjects, told: Told, clock: Clock
    ):
        subjects.fresh()
        clock.now += 61
        told.answer = TWO
        first = subjects.latest()
        assert first.user == "ada"
        assert subjects.fresh() == TWO
        assert told.times == 2
