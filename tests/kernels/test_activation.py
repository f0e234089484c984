from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_envguard import doors
from jupyter_envguard.errors import InvalidInput
from jupyter_envguard.kernels.activation import check_kept, harmless, kernel_environment

HOSTILE = {
    "BASH_ENV": "/home/ada/x",
    "CONDA_EXE": "/home/ada/conda",
    "ENV": "/home/ada/x",
    "GCONV_PATH": "/home/ada",
    "IPYTHONDIR": "/home/ada/ipython",
    "JPY_API_TOKEN": "t",
    "JPY_PARENT_PID": "1",
    "JUPYTERHUB_API_TOKEN": "t",
    "JUPYTER_PATH": "/home/ada",
    "JUPYTER_TOKEN": "t",
    "LD_LIBRARY_PATH": "/home/ada",
    "LD_PRELOAD": "/home/ada/x.so",
    "MPLBACKEND": "module://evil",
    "PYTHONHOME": "/home/ada",
    "PYTHONPATH": "/home/ada",
    "PYTHONSTARTUP": "/home/ada/x.py",
    "PYTHONUSERBASE": "/home/ada",
    "PYTHONWARNINGS": "error",
    "PERL5LIB": "/home/ada",
    "R_LIBS_USER": "/home/ada",
    "SOMETHING": "else",
}


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "conda-meta").mkdir()
    return tmp_path


def declare(image: Path, **variables: object) -> None:
    (image / "conda-meta" / "state").write_text(json.dumps({"version": 1, "env_vars": variables}))


def test_starts_with_what_activation_sets(image: Path):
    assert kernel_environment(image, {}) == {
        "CONDA_DEFAULT_ENV": str(image),
        "CONDA_PREFIX": str(image),
        "CONDA_SHLVL": "1",
        "PATH": f"{image}/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONNOUSERSITE": "1",
    }


def test_asks_at_the_front_doors_first_where_there_are_any(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(doors, "FOLDER", tmp_path / "doors")
    own = f"{image}/bin:/usr/local/bin:/usr/bin:/bin"
    assert kernel_environment(image, {}, doors=True)["PATH"] == own
    (tmp_path / "doors").mkdir()
    assert kernel_environment(image, {}, doors=True)["PATH"] == f"{tmp_path}/doors:{own}"
    assert kernel_environment(image, {})["PATH"] == own


def test_inherits_what_a_kernel_needs(image: Path):
    harmless_ones = {
        "HOME": "/home/ada",
        "LANG": "C.UTF-8",
        "LC_TIME": "de_DE",
        "TZ": "UTC",
        "JUPYTERHUB_USER": "ada",
    }
    assert harmless_ones.items() <= kernel_environment(image, harmless_ones).items()


def test_inherits_nothing_that_loads_code_or_is_secret(image: Path):
    ours = kernel_environment(image, {})
    assert kernel_environment(image, HOSTILE) == ours


def test_does_not_inherit_the_path(image: Path):
    assert "/home/ada/bin" not in kernel_environment(image, {"PATH": "/home/ada/bin"})["PATH"]


def test_inherits_what_the_site_names_besides(image: Path):
    assert kernel_environment(image, HOSTILE, kept=["SOMETHING"])["SOMETHING"] == "else"


def test_passes_the_notebook_on(image: Path):
    assert kernel_environment(image, {}, session="a/b.ipynb")["JPY_SESSION_NAME"] == "a/b.ipynb"


def test_leaves_out_a_notebook_that_no_environment_can_hold(image: Path):
    assert "JPY_SESSION_NAME" not in kernel_environment(image, {}, session="a\0b")


def test_takes_declared_variables_from_the_pack(image: Path):
    declare(image, GDAL_CACHEMAX="512")
    assert kernel_environment(image, {})["GDAL_CACHEMAX"] == "512"


def test_the_environments_own_declaration_wins_over_its_packages(image: Path):
    folder = image / "etc/conda/env_vars.d"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text('{"ONE": "package", "TWO": "package"}')
    declare(image, ONE="environment")
    found = kernel_environment(image, {})
    assert (found["ONE"], found["TWO"]) == ("environment", "package")


def test_a_pack_cannot_declare_what_loads_code(image: Path):
    declare(
        image,
        **{name: value for name, value in HOSTILE.items() if name != "SOMETHING"},
        PATH="/evil",
        HOME="/evil",
    )
    assert kernel_environment(image, {}) == kernel_environment(image / "nothing", {}) | {
        "CONDA_DEFAULT_ENV": str(image),
        "CONDA_PREFIX": str(image),
        "PATH": f"{image}/bin:/usr/local/bin:/usr/bin:/bin",
    }


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"[" * 100_000, b'{"env_vars": []}', b'"x"' + b" " * 70_000]
)
def test_a_declaration_that_cannot_be_read_is_left_out(image: Path, content: bytes):
    (image / "conda-meta" / "state").write_bytes(content)
    assert set(kernel_environment(image, {})) == set(kernel_environment(image / "nothing", {}))


def test_a_pipe_in_place_of_a_declaration_does_not_hang(image: Path):
    import os

    os.mkfifo(image / "conda-meta" / "state")
    kernel_environment(image, {})


def test_sets_what_well_known_scripts_would(image: Path):
    (image / "share" / "proj").mkdir(parents=True)
    assert kernel_environment(image, {})["PROJ_DATA"] == f"{image}/share/proj"


def test_no_script_of_the_pack_runs(image: Path, tmp_path: Path):
    folder = image / "etc/conda/activate.d"
    folder.mkdir(parents=True)
    (folder / "x.sh").write_text(f"touch {tmp_path}/ran; export X=1")
    assert "X" not in kernel_environment(image, {})
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", [1, None, ["x"], "a\0b", "x" * 5000])
def test_a_value_that_is_no_variable_is_left_out(value: object):
    assert harmless({"X": value}) == {}


@pytest.mark.parametrize("name", ["", "A B", "A=B", "1A", "A\n", "Ä"])
def test_a_name_that_is_no_variable_is_left_out(name: str):
    assert harmless({name: "x"}) == {}


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12)))
def test_whatever_is_declared_the_search_paths_stay_ours(declared: dict[str, str]):
    found = kernel_environment(Path("/nowhere"), {}, own=declared)
    assert found["PATH"] == "/nowhere/bin:/usr/local/bin:/usr/bin:/bin"
    assert not [name for name in found if name.startswith("LD_")]
    assert [name for name in found if name.startswith("PYTHON")] == ["PYTHONNOUSERSITE"]


@pytest.mark.parametrize("name", [*sorted(HOSTILE.keys() - {"SOMETHING"}), "PATH", "A B", ""])
def test_a_site_cannot_pass_on_what_loads_code(name: str):
    with pytest.raises(InvalidInput, match="cannot be passed on"):
        check_kept([name])


def test_a_site_can_pass_on_the_rest():
    assert check_kept(["DATABASE_URL", "AWS_PROFILE"]) == ("DATABASE_URL", "AWS_PROFILE")
