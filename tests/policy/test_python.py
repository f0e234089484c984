"""Rules about what Python runs at every start, and where it leads."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jupyter_envguard.inventory import Kind, Member, Prefixed
from tests.policy.inventories import (
    BUILD_PREFIX,
    PLACEHOLDER,
    SITE,
    claim,
    found,
    from_pip,
    honest,
    sha256,
    with_claims,
    with_files,
    with_members,
    with_prefixes,
    without,
)

PTH = f"{SITE}/thing.pth"
DISTUTILS = (
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
    "enabled and __import__('_distutils_hack').add_shim(); "
)
NAMESPACE = (
    "import sys, types, os;has_mfs = sys.version_info > (3, 5);"
    "p = os.path.join(sys._getframe(1).f_locals['sitedir'], *('sphinxcontrib',));"
    "importlib = has_mfs and __import__('importlib.util');has_mfs and __import__('importlib.machinery');"
    "m = has_mfs and sys.modules.setdefault('sphinxcontrib', importlib.util.module_from_spec("
    "importlib.machinery.PathFinder.find_spec('sphinxcontrib', [os.path.dirname(p)])));"
    "m = m or sys.modules.setdefault('sphinxcontrib', types.ModuleType('sphinxcontrib'));"
    "mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)"
)
NESTED = (
    NAMESPACE.replace("('sphinxcontrib',)", "('mpl_toolkits', 'mplot3d')").replace(
        "'sphinxcontrib'", "'mpl.three'"
    )
    + ";m and setattr(sys.modules['mpl'], 'three', m)"
)


class TestCodeInPth:
    rule = "py.pth-exec"

    def test_no_file_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    @pytest.mark.parametrize("text", ["", "# import os\n", "folder\n\n", " import os\n", "imported\n"])
    def test_a_file_without_code_passes(self, text: str) -> None:
        assert found(self.rule, with_files(honest(), {PTH: text.encode()})) == ()

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "import evil\n",
                "import\tevil\n",
                "folder\nimport evil",
                "\ufeffimport evil\n",
                "folder\rimport evil",
            ),
            *(DISTUTILS + "import evil\n", DISTUTILS + "\nimport evil\n", NAMESPACE + ";import evil\n"),
            NAMESPACE.replace("'sphinxcontrib'", "__import__('evil')"),
            NAMESPACE.replace("('sphinxcontrib',)", "('..', 'evil')"),
            DISTUTILS.replace("_distutils_hack", "evil"),
        ],
    )
    def test_code_is_refused(self, text: str) -> None:
        (finding,) = found(self.rule, with_files(honest(), {PTH: text.encode()}))
        assert finding.paths == (PTH,)
        assert finding.severity == "error"

    @pytest.mark.parametrize(
        "line", [DISTUTILS, DISTUTILS.replace("'local')", "'stdlib')"), NAMESPACE, NESTED]
    )
    def test_the_lines_that_setuptools_writes_pass(self, line: str) -> None:
        assert found(self.rule, with_files(honest(), {PTH: f"{line}\n{line}".encode()})) == ()

    def test_the_line_is_shown_but_not_its_control_characters(self) -> None:
        text = b"import evil\x1b[31m" + b"x" * 200
        (finding,) = found(self.rule, with_files(honest(), {PTH: text}))
        assert r"\x1b[31mxxx" in finding.message
        assert len(finding.message) < 200

    def test_the_site_may_allow_a_file_by_its_content(self) -> None:
        inventory = with_files(honest(), {PTH: b"import evil\n"})
        assert (
            found(self.rule, inventory, allowed_pth=(f"sha256:{sha256(b'import evil' + bytes([10]))}",)) == ()
        )
        assert found(self.rule, inventory, allowed_pth=(f"sha256:{sha256(b'import good')}",))

    def test_the_site_may_allow_a_file_by_its_name(self) -> None:
        inventory = with_files(honest(), {PTH: b"import evil\n"})
        assert found(self.rule, inventory, allowed_pth=("th*.pth",)) == ()
        assert found(self.rule, inventory, allowed_pth=("Thing.pth",))

    def test_one_that_is_too_large_to_read_is_refused(self) -> None:
        inventory = replace(with_files(honest(), {PTH: b"#"}), texts=honest().texts)
        (finding,) = found(self.rule, inventory)
        assert "no small plain file" in finding.message

    @pytest.mark.parametrize(
        "path", ["share/thing.pth", f"{SITE}/package/thing.pth", f"{SITE}/thing.pth.txt"]
    )
    def test_python_reads_such_files_in_site_packages_only(self, path: str) -> None:
        assert found(self.rule, with_files(honest(), {path: b"import evil\n"})) == ()

    def test_a_hidden_one_is_read_too(self) -> None:
        assert found(self.rule, with_files(honest(), {f"{SITE}/.hidden.pth": b"import evil\n"}))

    @pytest.mark.parametrize("kind", [Kind.SYMLINK, Kind.HARDLINK])
    def test_one_that_is_a_link_is_refused(self, kind: Kind) -> None:
        target = with_files(honest(), {"share/x": b"import evil\n"})
        assert found(self.rule, with_members(target, Member(PTH, kind, target="share/x")))

    @pytest.mark.parametrize("path", ["lib", "lib/python3.11", SITE, "lib/python3.13t"])
    def test_a_library_behind_a_link_is_refused(self, path: str) -> None:
        (finding,) = found(self.rule, with_members(honest(), Member(path, Kind.SYMLINK, target="elsewhere")))
        assert finding.paths == (path,)

    def test_the_link_that_conda_forge_makes_passes(self) -> None:
        link = Member("lib/python3.1", Kind.SYMLINK, target="python3.11")
        assert found(self.rule, with_members(honest(), link)) == ()


class TestPathInPth:
    rule = "py.pth-outside"

    @pytest.mark.parametrize(
        "line",
        [
            *("", "# /home", "folder", "folder/../other", "../../../share/py", "import os", "/"[:0]),
            *(f"{BUILD_PREFIX}/lib/extra", BUILD_PREFIX, f"{PLACEHOLDER}/lib"),
        ],
    )
    def test_a_folder_of_the_environment_passes(self, line: str) -> None:
        inventory = with_prefixes(
            with_files(honest(), {PTH: line.encode()}), Prefixed(PTH, PLACEHOLDER, "text")
        )
        assert found(self.rule, inventory) == ()

    @pytest.mark.parametrize(
        "line", ["/home/me/dev", "/", f"{BUILD_PREFIX}-2/lib", "../../../../outside", "/opt \t"]
    )
    def test_a_folder_outside_is_refused(self, line: str) -> None:
        (finding,) = found(self.rule, with_files(honest(), {PTH: f"good\n{line}\n".encode()}))
        assert repr(line.rstrip()) in finding.message


class TestCustomize:
    rule = "py.sitecustomize"

    def test_nothing_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    @pytest.mark.parametrize(
        "path",
        [
            f"{SITE}/sitecustomize.py",
            f"{SITE}/usercustomize.pyc",
            f"{SITE}/sitecustomize/__init__.py",
            f"{SITE}/sitecustomize.cpython-311-x86_64-linux-gnu.so",
            "lib/python3.11/sitecustomize.py",
        ],
    )
    def test_a_customization_is_a_warning(self, path: str) -> None:
        (finding,) = found(self.rule, with_files(honest(), {path: b""}))
        assert finding.severity == "warning"
        assert finding.paths == (path,)

    @pytest.mark.parametrize("path", [f"{SITE}/package/sitecustomize.py", f"{SITE}/sitecustomizer.py"])
    def test_others_of_the_name_pass(self, path: str) -> None:
        assert found(self.rule, with_files(honest(), {path: b""})) == ()


class TestVirtualEnvironment:
    rule = "py.venv"

    def test_nothing_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    @pytest.mark.parametrize("path", ["pyvenv.cfg", "bin/pyvenv.cfg"])
    def test_one_is_refused(self, path: str) -> None:
        (finding,) = found(self.rule, with_files(honest(), {path: b"home = /usr/bin\n"}))
        assert finding.paths == (path,)

    def test_a_template_of_one_passes(self) -> None:
        assert found(self.rule, with_files(honest(), {f"{SITE}/venv/pyvenv.cfg": b""})) == ()


class TestEditable:
    rule = "py.editable"

    def test_nothing_passes(self) -> None:
        assert found(self.rule, honest()) == ()

    @pytest.mark.parametrize(
        "name", ["thing.egg-link", "__editable__.thing-1.0.pth", "__editable___thing_1_0_finder.py"]
    )
    def test_the_traces_of_an_editable_install_are_refused(self, name: str) -> None:
        (finding,) = found(self.rule, with_files(honest(), {f"{SITE}/{name}": b""}))
        assert finding.paths == (f"{SITE}/{name}",)

    def test_what_pip_says_is_editable_is_refused(self) -> None:
        origin = json.dumps({"url": "file:///home/me/thing", "dir_info": {"editable": True}}).encode()
        (finding,) = found(self.rule, from_pip(honest(), "thing", {}, direct_url=origin))
        assert "thing is installed editable from file:///home/me/thing" in finding.message

    @pytest.mark.parametrize("origin", [b"", b"[]", b"{}", b'{"dir_info": {}}', b'{"dir_info": "editable"}'])
    def test_others_pass(self, origin: bytes) -> None:
        assert found(self.rule, from_pip(honest(), "thing", {}, direct_url=origin)) == ()

    def test_what_conda_built_from_a_folder_passes(self) -> None:
        origin = json.dumps({"url": "file:///home/conda/work", "dir_info": {}}).encode()
        path = f"{SITE}/thing-1.0.dist-info/direct_url.json"
        inventory = with_claims(with_files(honest(), {path: origin}), claim(path, origin))
        assert found(self.rule, inventory) == ()
        assert found(self.rule, without(inventory, path)) == ()
