from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jupyter_envguard.errors import EnvGuardError
from jupyter_envguard.hooks.children import OWN_PACKAGES
from jupyter_envguard.kernels.launch import (
    CHILDREN,
    LOCKED_START,
    PYTHON_START,
    abilities,
    for_children,
    launch_for,
)

PYTHON = ("-I", "-c", PYTHON_START, "-f", "{connection_file}")


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def kernel_json(image: Path, name: str, **document: object) -> None:
    folder = image / "share/jupyter/kernels" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(document))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    image = tmp_path / "image"
    program(image / "bin/python3.11")
    (image / "bin/python").symlink_to("python3.11")
    (image / "lib/python3.11/site-packages").mkdir(parents=True)
    (image / "lib/python3.11/site-packages/ipykernel_launcher.py").touch()
    return image


def code(image: Path, language: str) -> str:
    with pytest.raises(EnvGuardError) as caught:
        launch_for(image, language)
    return caught.value.code


class TestPython:
    def test_starts_isolated(self, image: Path):
        found = launch_for(image, "python")
        assert found.argv == (f"{image}/bin/python", *PYTHON)
        assert found.command("/run/k.json")[-1] == "/run/k.json"

    def test_guards_imports_in_lockdown(self, image: Path):
        found = launch_for(image, "python")
        locked = found.command("/run/k.json", locked=True)
        assert LOCKED_START in locked
        assert [word for word in locked if word != LOCKED_START] == [
            word for word in found.command("/run/k.json") if word != PYTHON_START
        ]
        assert LOCKED_START.endswith(PYTHON_START)

    def test_lets_packages_of_users_load_where_the_site_allows_them(self, image: Path):
        found = launch_for(image, "python").command("/run/k.json", locked=True, own_packages=True)
        (start,) = [word for word in found if "install(" in word]
        assert "guard.install(packages=True)\n" in start
        assert start.replace("packages=True", "") == LOCKED_START
        assert for_children() == {"PYTHONPATH": str(CHILDREN)}
        assert for_children(alone=True) == {"PYTHONPATH": str(CHILDREN), "JOBLIB_MULTIPROCESSING": "0"}
        assert for_children(own_packages=True) == {"PYTHONPATH": str(CHILDREN), OWN_PACKAGES: "1"}

    def test_the_case_of_the_language_does_not_matter(self, image: Path):
        assert launch_for(image, "Python").argv[1:] == PYTHON

    def test_takes_abilities_and_nothing_else_from_the_packs_kernelspec(self, image: Path):
        kernel_json(
            image,
            "python3",
            argv=["/bin/sh", "-c", "evil"],
            language="python",
            env={"X": "1"},
            interrupt_mode="message",
            metadata={
                "debugger": True,
                "supported_encryption": "curve",
                "kernel_provisioner": {"provisioner_name": "x"},
            },
        )
        found = launch_for(image, "python")
        assert found.argv == (f"{image}/bin/python", *PYTHON)
        assert (dict(found.env), found.interrupt_mode) == ({}, "signal")
        assert dict(found.metadata) == {"debugger": True, "supported_encryption": "curve"}

    def test_without_ipykernel_the_packs_own_kernel_starts(self, image: Path):
        (image / "lib/python3.11/site-packages/ipykernel_launcher.py").unlink()
        program(image / "bin/xpython")
        kernel_json(
            image, "xpython", argv=["{prefix}/bin/xpython", "-f", "{connection_file}"], language="python"
        )
        assert launch_for(image, "python").argv == (f"{image}/bin/xpython", "-f", "{connection_file}")

    def test_without_any_kernel_nothing_starts(self, image: Path):
        (image / "lib/python3.11/site-packages/ipykernel_launcher.py").unlink()
        assert code(image, "python") == "kernel-invalid"

    def test_an_interpreter_that_leads_out_of_the_image_does_not_start(self, image: Path):
        (image / "bin/python").unlink()
        (image / "bin/python").symlink_to("/bin/sh")
        assert code(image, "python") == "kernel-outside-image"

    def test_a_missing_interpreter_does_not_start(self, image: Path):
        (image / "bin/python3.11").unlink()
        assert code(image, "python") == "kernel-outside-image"


class TestOtherLanguages:
    def test_a_bare_name_is_a_program_of_the_image(self, image: Path):
        program(image / "bin/R")
        kernel_json(
            image, "ir", argv=["R", "-e", "IRkernel::main()", "--args", "{connection_file}"], language="R"
        )
        found = launch_for(image, "r")
        assert found.argv == (f"{image}/bin/R", "-e", "IRkernel::main()", "--args", "{connection_file}")

    def test_a_kernel_written_in_python_starts_isolated(self, image: Path):
        kernel_json(
            image, "bash", argv=["python", "-m", "bash_kernel", "-f", "{connection_file}"], language="bash"
        )
        assert launch_for(image, "bash").argv[:3] == (f"{image}/bin/python", "-I", "-m")

    def test_finds_its_own_folder_and_keeps_its_manners(self, image: Path):
        program(image / "bin/ark")
        kernel_json(
            image,
            "ark",
            argv=["ark", "--startup", "{resource_dir}/start.r", "{connection_file}"],
            language="R",
            interrupt_mode="message",
            env={"ARK": "1", "BAD": 1},
        )
        found = launch_for(image, "R")
        assert found.argv[2] == f"{image}/share/jupyter/kernels/ark/start.r"
        assert found.interrupt_mode == "message"
        assert dict(found.env) == {"ARK": "1"}

    def test_the_first_of_several_kernels_of_a_language_starts(self, image: Path):
        program(image / "bin/R")
        for name in ("b", "a"):
            kernel_json(image, name, argv=["R", name], language="R")
        assert launch_for(image, "R").argv[-1] == "a"

    @pytest.mark.parametrize(
        "argv0",
        ["/bin/sh", "../../bin/sh", "./R", "bin/R", "{prefix}/../R", "out", "share", "missing", "data"],
    )
    def test_a_program_that_is_none_of_the_image_does_not_start(self, image: Path, argv0: str):
        program(image.parent / "R")
        (image / "bin/out").symlink_to("/bin/sh")
        (image / "bin/share").mkdir()
        (image / "bin/data").touch(0o644)
        kernel_json(image, "x", argv=[argv0], language="R")
        assert code(image, "R") == "kernel-outside-image"

    def test_a_link_to_the_image_itself_is_inside(self, image: Path, tmp_path: Path):
        program(image / "bin/R")
        kernel_json(image, "x", argv=["R"], language="R")
        (tmp_path / "link").symlink_to(image)
        assert launch_for(tmp_path / "link", "R").argv == (f"{tmp_path}/link/bin/R",)

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"language": "R"},
            {"language": "R", "argv": []},
            {"language": "R", "argv": "R"},
            {"language": "R", "argv": [1]},
            {"language": "R", "argv": [""]},
            {"language": "R", "argv": ["R", "a\0b"]},
            {"language": "R", "argv": ["x"] * 65},
            {"argv": ["R"]},
            {"language": 1, "argv": ["R"]},
            {"language": "R", "argv": ["R"], "env": []},
            {"language": "R", "argv": ["R"], "metadata": 1},
        ],
    )
    def test_a_kernelspec_that_cannot_be_meant_is_refused(self, image: Path, document: dict[str, object]):
        kernel_json(image, "x", **document)
        assert code(image, "R") == "kernel-invalid"

    @pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[" * 50_000, b"\xff"])
    def test_a_kernelspec_that_is_no_json_is_refused(self, image: Path, content: bytes):
        kernel_json(image, "x")
        (image / "share/jupyter/kernels/x/kernel.json").write_bytes(content)
        assert code(image, "R") == "kernel-invalid"

    def test_a_pipe_or_a_huge_file_is_refused(self, image: Path):
        kernel_json(image, "x")
        path = image / "share/jupyter/kernels/x/kernel.json"
        path.write_bytes(b" " * 70_000)
        assert code(image, "R") == "kernel-invalid"
        path.unlink()
        os.mkfifo(path)
        assert code(image, "R") == "kernel-invalid"

    def test_says_what_is_wrong_with_a_kernelspec(self, image: Path):
        kernel_json(image, "x", argv=[])
        with pytest.raises(EnvGuardError, match=r"x/kernel\.json lacks a command"):
            launch_for(image, "R")

    def test_a_broken_kernelspec_does_not_keep_others_from_starting(self, image: Path):
        kernel_json(image, "a")
        program(image / "bin/R")
        kernel_json(image, "b", argv=["R"], language="R")
        assert launch_for(image, "R").argv == (f"{image}/bin/R",)
        assert launch_for(image, "python").argv[1:] == PYTHON


def test_what_lies_among_kernelspecs_and_is_none_is_passed_over(image: Path):
    kernel_json(image, "x", argv=["R"], language="R", metadata={"debugger": True})
    kernels = image / "share/jupyter/kernels"
    (kernels / "a").mkdir()
    (kernels / "b").touch()
    (kernels / "c").mkdir()
    (kernels / "c/kernel.json").symlink_to("nowhere")
    assert dict(abilities(image, "R")) == {"debugger": True}


def test_abilities_are_those_of_the_language(image: Path):
    kernel_json(image, "x", argv=["R"], language="R", metadata={"debugger": True, "x": 1})
    assert dict(abilities(image, "r")) == {"debugger": True}
    assert dict(abilities(image, "python")) == {}
