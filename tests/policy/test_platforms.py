"""Rules about the machine."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from jupyter_envguard.policy import Host
from jupyter_envguard.spec import Package, Spec
from tests.policy.inventories import HOST, PYTHON, found, honest, with_packages


class TestForeign:
    rule = "plat.foreign"

    def test_the_same_platform_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    def test_an_empty_pack_is_for_no_platform(self) -> None:
        (finding,) = found(self.rule, replace(honest(), spec=Spec("", ()), machines={}))
        assert "for an unknown platform" in finding.message

    def test_another_platform_is_refused(self) -> None:
        findings = found(self.rule, honest(), Host("linux-aarch64", HOST.today))
        assert "The pack is for linux-64, the machines here are linux-aarch64." in [
            item.message for item in findings
        ]

    def test_a_package_of_another_platform_is_refused(self) -> None:
        mac = replace(PYTHON, name="zlib", subdir="osx-arm64")
        (finding,) = found(self.rule, with_packages(honest(), mac))
        assert finding.message == "zlib from osx-arm64 cannot run on linux-64."

    def test_a_package_of_no_platform_is_refused(self) -> None:
        (finding,) = found(self.rule, with_packages(honest(), replace(PYTHON, name="zlib", subdir="")))
        assert finding.message == "zlib from an unknown platform cannot run on linux-64."

    def test_packages_from_pip_have_no_platform(self) -> None:
        assert (
            found(self.rule, with_packages(honest(), Package(name="acme", version="1", manager="pypi"))) == ()
        )

    @pytest.mark.parametrize(
        "path", ["bin/python", "bin/python3.11", "bin/R", "lib/R/bin/exec/R", "lib/libpython3.so"]
    )
    def test_an_interpreter_for_another_machine_is_refused(self, path: str) -> None:
        (finding,) = found(self.rule, replace(honest(), machines={path: "aarch64"}))
        assert finding.message == f"{path} is a program for aarch64, the machines here are linux-64."


class TestForeignFile:
    rule = "plat.foreign-file"

    @pytest.mark.parametrize("machines", [{}, {"bin/python": "x86_64", "lib/x.so": "x86_64"}])
    def test_files_for_this_machine_pass(self, machines: dict[str, str]) -> None:
        assert found(self.rule, replace(honest(), machines=machines)) == ()

    def test_a_stray_one_is_mentioned(self) -> None:
        (finding,) = found(self.rule, replace(honest(), machines={"lib/cuda.cubin": "elf:190"}))
        assert (finding.severity, finding.paths) == ("info", ("lib/cuda.cubin",))

    def test_an_interpreter_is_another_rules_business(self) -> None:
        assert found(self.rule, replace(honest(), machines={"bin/python": "aarch64"})) == ()

    def test_on_a_machine_nobody_knows_every_file_is_foreign(self) -> None:
        host = Host("linux-riscv64", datetime.date(2026, 6, 1))
        assert found(self.rule, replace(honest(), machines={"lib/x.so": "x86_64"}), host)
