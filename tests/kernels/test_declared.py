"""The language and the modules that a pack declares."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_envguard.inventory import Inventory
from jupyter_envguard.kernels.declared import declared_modules, kernel_language
from jupyter_envguard.spec import Package, Spec
from tests.policy.inventories import (
    KERNEL_JSON,
    PYTHON,
    SITE,
    claim,
    from_pip,
    honest,
    kernel_json,
    with_claims,
    with_kernel,
    with_packages,
    without,
)

BARE = without(without(honest(), f"{SITE}/ipykernel_launcher.py"), KERNEL_JSON)


class TestKernelLanguage:
    def test_ipykernel_speaks_python(self) -> None:
        assert kernel_language(with_kernel(honest(), kernel_json("R", language="R"), "ir")) == "python"

    def test_an_empty_pack_is_tried_as_python(self) -> None:
        assert kernel_language(replace(honest(), members={}, texts={})) == "python"

    def test_without_ipykernel_the_first_kernel_counts(self) -> None:
        inventory = with_kernel(BARE, kernel_json("julia", language="julia"), "julia")
        assert kernel_language(with_kernel(inventory, kernel_json("R", language="R"), "ir")) == "R"

    @pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"language": 1}', b'{"language": ""}'])
    def test_a_kernel_that_cannot_be_read_does_not_count(self, content: bytes) -> None:
        inventory = with_kernel(BARE, content, "broken")
        assert kernel_language(inventory) == "python"
        assert kernel_language(with_kernel(inventory, kernel_json("R", language="R"), "ir")) == "R"


class TestDeclaredModules:
    @staticmethod
    def asked(inventory: Inventory) -> Inventory:
        """Return the pack with python, which claims all files in these tests, asked for."""
        packages = [
            replace(package, requested=package.name == "python") for package in inventory.spec.packages
        ]
        return replace(inventory, spec=Spec("linux-64", tuple(packages)))

    def test_nothing_is_declared_when_nobody_asked(self) -> None:
        assert declared_modules(with_claims(honest(), claim(f"{SITE}/numpy/__init__.py", b""))) == ()

    @pytest.mark.parametrize(
        ("path", "modules"),
        [
            (f"{SITE}/numpy/__init__.py", ("numpy",)),
            (f"{SITE}/six.py", ("six",)),
            (f"{SITE}/fast.cpython-311-x86_64-linux-gnu.so", ("fast",)),
            (f"{SITE}/fast.abi3.so", ("fast",)),
            (f"{SITE}/fast.so", ("fast",)),
            (f"{SITE}/numpy/linalg/__init__.py", ()),
            (f"{SITE}/numpy/core.py", ()),
            (f"{SITE}/_private.py", ()),
            (f"{SITE}/tests/__init__.py", ()),
            (f"{SITE}/six.pyi", ()),
            (f"{SITE}/with-dash.py", ()),
            (f"{SITE}/1st.py", ()),
            ("lib/python3.11/os.py", ()),
            ("bin/tool.py", ()),
        ],
    )
    def test_public_modules_at_the_top_are_declared(self, path: str, modules: tuple[str, ...]) -> None:
        assert declared_modules(self.asked(with_claims(honest(), claim(path, b"")))) == modules

    def test_each_is_named_once_and_in_order(self) -> None:
        paths = (f"{SITE}/b.py", f"{SITE}/a/__init__.py", f"{SITE}/a.py")
        inventory = with_claims(honest(), *(claim(path, b"") for path in paths))
        assert declared_modules(self.asked(inventory)) == ("a", "b")

    @pytest.mark.parametrize(("requested", "modules"), [(True, ("acme",)), (False, ())])
    def test_what_pip_installed_counts_when_asked_for(
        self, requested: bool, modules: tuple[str, ...]
    ) -> None:
        package = Package(name="acme", version="1.0", manager="pypi", requested=requested)
        inventory = with_packages(from_pip(honest(), "acme", {f"{SITE}/acme.py": b""}), package)
        assert declared_modules(inventory) == modules

    def test_a_requested_package_without_files_declares_nothing(self) -> None:
        assert declared_modules(with_packages(honest(), replace(PYTHON, name="meta", requested=True))) == ()
