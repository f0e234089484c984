"""Rules about the kernel."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from jupyter_envguard.inventory import Kind, Member
from jupyter_envguard.policy import Host
from jupyter_envguard.policy.kernel import END_OF_LIFE
from jupyter_envguard.spec import Spec
from tests.policy.inventories import (
    BUILD_PREFIX,
    IPYKERNEL,
    KERNEL_JSON,
    PYTHON,
    SITE,
    found,
    honest,
    kernel_json,
    with_files,
    with_kernel,
    with_members,
    without,
)

LAUNCHER = f"{SITE}/ipykernel_launcher.py"


class TestMissingKernel:
    rule = "kernel.missing-ipykernel"

    def test_ipykernel_is_a_kernel(self) -> None:
        assert found(self.rule, without(honest(), KERNEL_JSON)) == ()

    def test_an_empty_pack_has_none(self) -> None:
        empty = replace(honest(), members={}, texts={}, spec=Spec("linux-64", ()))
        (finding,) = found(self.rule, empty)
        assert "neither ipykernel nor a usable kernelspec" in finding.message

    def test_a_record_without_the_files_is_none(self) -> None:
        (finding,) = found(self.rule, without(without(honest(), LAUNCHER), KERNEL_JSON))
        assert "it has python and ipykernel, but" in finding.message

    def test_ipykernel_without_python_is_none(self) -> None:
        assert found(self.rule, without(honest(), "bin/python"))

    def test_the_kernel_of_another_language_is_one(self) -> None:
        other = with_files(without(without(honest(), LAUNCHER), KERNEL_JSON), {"bin/R": b"R"})
        assert found(self.rule, with_kernel(other, kernel_json("R", "--slave"), "ir")) == ()

    def test_a_kernelspec_whose_program_is_missing_is_none(self) -> None:
        other = without(without(honest(), LAUNCHER), KERNEL_JSON)
        assert found(self.rule, with_kernel(other, kernel_json("R", "--slave"), "ir"))

    @pytest.mark.parametrize(
        "content", [b"", b"[]", b"{}", b'{"argv": "R"}', b'{"argv": [1]}', b'{"argv": []}']
    )
    def test_a_broken_kernelspec_is_none(self, content: bytes) -> None:
        other = without(without(honest(), LAUNCHER), KERNEL_JSON)
        assert found(self.rule, with_kernel(other, content, "ir"))


class TestBrokenKernelspec:
    rule = "kernel.spec-invalid"

    def test_an_honest_one_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    def test_no_kernelspec_is_not_a_broken_one(self) -> None:
        assert found(self.rule, without(honest(), KERNEL_JSON)) == ()

    @pytest.mark.parametrize(
        "content", [b"", b"\xff", b"[]", b"{}", b'{"argv": ["R"]}', b'{"language": "R"}']
    )
    def test_one_that_cannot_be_used_is_named(self, content: bytes) -> None:
        (finding,) = found(self.rule, with_kernel(honest(), content))
        assert finding.paths == (KERNEL_JSON,)

    @pytest.mark.parametrize("kind", [Kind.SYMLINK, Kind.HARDLINK])
    def test_one_that_is_a_link_is_refused(self, kind: Kind) -> None:
        path = "share/jupyter/kernels/x/kernel.json"
        assert found(self.rule, with_members(honest(), Member(path, kind, target=KERNEL_JSON)))

    @pytest.mark.parametrize(
        "path", ["share", "share/jupyter", "share/jupyter/kernels", "share/jupyter/kernels/x"]
    )
    def test_kernels_behind_a_link_are_refused(self, path: str) -> None:
        (finding,) = found(self.rule, with_members(honest(), Member(path, Kind.SYMLINK, target="elsewhere")))
        assert finding.paths == (path,)


class TestProgramOutside:
    rule = "kernel.argv-not-in-env"

    @pytest.mark.parametrize("program", ["python", f"{BUILD_PREFIX}/bin/python", "{prefix}/bin/python"])
    def test_a_program_of_the_environment_passes(self, program: str) -> None:
        assert found(self.rule, with_kernel(honest(), kernel_json(program))) == ()

    @pytest.mark.parametrize("program", ["/usr/bin/python3", "/bin/sh", "./python", f"{BUILD_PREFIX}/../x"])
    def test_a_program_from_elsewhere_is_refused(self, program: str) -> None:
        (finding,) = found(self.rule, with_kernel(honest(), kernel_json(program)))
        assert f"would start {program!r}, which lies outside" in finding.message

    @pytest.mark.parametrize("program", ["bash", f"{BUILD_PREFIX}/bin/bash"])
    def test_a_program_that_is_not_there_is_refused(self, program: str) -> None:
        (finding,) = found(self.rule, with_kernel(honest(), kernel_json(program)))
        assert "which is not in the pack" in finding.message

    def test_a_folder_is_no_program(self) -> None:
        folder = with_members(honest(), Member("bin/tool", Kind.DIRECTORY))
        assert found(self.rule, with_kernel(folder, kernel_json("tool")))

    def test_what_is_no_kernelspec_is_another_rules_business(self) -> None:
        assert found(self.rule, with_kernel(honest(), b"[]")) == ()


class TestDangerousVariables:
    rule = "kernel.env-dangerous"

    def test_no_variables_pass(self) -> None:
        assert found(self.rule, honest()) == ()

    def test_harmless_variables_pass(self) -> None:
        harmless = {"OMP_NUM_THREADS": "4", "LANG": "C.UTF-8", "PATHOLOGY": "", "MY_LD_PRELOAD": ""}
        assert found(self.rule, with_kernel(honest(), kernel_json("python", env=harmless))) == ()

    @pytest.mark.parametrize(
        "name",
        [
            *(
                "LD_PRELOAD",
                "LD_LIBRARY_PATH",
                "LD_AUDIT",
                "PYTHONPATH",
                "PYTHONHOME",
                "PYTHONSTARTUP",
                "PATH",
            ),
            *(
                "JUPYTER_PATH",
                "IPYTHONDIR",
                "CONDA_PREFIX",
                "BASH_ENV",
                "ENV",
                "R_LIBS_USER",
                "JULIA_LOAD_PATH",
            ),
            *("NODE_OPTIONS", "PERL5LIB", "RUBYOPT", "MPLBACKEND", "HOME"),
        ],
    )
    def test_one_that_chooses_code_is_refused(self, name: str) -> None:
        (finding,) = found(self.rule, with_kernel(honest(), kernel_json("python", env={name: "/x"})))
        assert f"sets {name}." in finding.message

    @pytest.mark.parametrize("env", [None, [], "PATH"])
    def test_what_is_no_object_sets_nothing(self, env: object) -> None:
        assert found(self.rule, with_kernel(honest(), kernel_json("python", env=env))) == ()

    def test_what_is_no_kernelspec_is_another_rules_business(self) -> None:
        assert found(self.rule, with_kernel(honest(), b"[]")) == ()


class TestUserSite:
    rule = "py.user-site-enabled"

    def test_ipykernel_is_started_isolated_by_us(self) -> None:
        assert found(self.rule, honest()) == ()

    def test_another_kernel_in_python_is_named(self) -> None:
        (finding,) = found(
            self.rule, with_kernel(honest(), kernel_json("python3.11", "-m", "bash_kernel"), "bash")
        )
        assert finding.severity == "warning"

    @pytest.mark.parametrize("option", ["-I", "-s"])
    def test_one_that_leaves_the_home_alone_passes(self, option: str) -> None:
        argv = (f"{BUILD_PREFIX}/bin/python", option, "-m", "bash_kernel")
        assert found(self.rule, with_kernel(honest(), kernel_json(*argv), "bash")) == ()

    def test_another_language_has_no_user_site(self) -> None:
        assert found(self.rule, with_kernel(honest(), kernel_json("R"), "ir")) == ()


class TestPythonEndOfLife:
    rule = "kernel.python-eol"

    @staticmethod
    def on(day: datetime.date, version: str) -> int:
        inventory = replace(honest(), spec=Spec("linux-64", (replace(PYTHON, version=version), IPYKERNEL)))
        return len(found("kernel.python-eol", inventory, Host("linux-64", day)))

    def test_a_pack_without_python_has_no_end(self) -> None:
        assert found(self.rule, replace(honest(), spec=Spec("linux-64", ()))) == ()

    @pytest.mark.parametrize("series", END_OF_LIFE)
    def test_the_last_day_still_counts(self, series: str) -> None:
        last = END_OF_LIFE[series]
        assert self.on(last, f"{series}.4") == 0
        assert self.on(last + datetime.timedelta(days=1), f"{series}.4") == 1

    def test_3_1_is_not_3_10(self) -> None:
        assert self.on(datetime.date(2026, 6, 1), "3.1.5") == 1

    @pytest.mark.parametrize("version", ["2.7.18", "3.7.17"])
    def test_the_old_ones_are_over(self, version: str) -> None:
        assert self.on(datetime.date(2026, 6, 1), version) == 1

    @pytest.mark.parametrize("version", ["3.99.0", "4.0", "unknown"])
    def test_what_nobody_knows_yet_passes(self, version: str) -> None:
        assert self.on(datetime.date(2026, 6, 1), version) == 0
