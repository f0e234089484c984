"""Family C: foreign modules and libraries by the ways that Python finds them."""
# ruff: noqa: E501 - what is typed stays on its line

from __future__ import annotations

from tests.attacks.attempt import Attempt

PLANT = "printf 'print(\"REACHED\", flush=True)\\n' > "
C_PLANT = (
    "printf '#include <unistd.h>\\n__attribute__((constructor)) static void f(void)"
    '{write(2,"REACHED\\\\n",8);}\\n\' > x.c && gcc -shared -fPIC -o x.so x.c'
)

UNZIPPED = "import zipfile; zipfile.ZipFile(WHEEL).extractall('u')\n"

IMPORTS = (
    Attempt(
        "C01",
        "`PYTHONPATH` of the server, a module of its own name",
        "start",
        PLANT + "json.py",
        variables={"PYTHONPATH": "{OWN}"},
    ),
    Attempt(
        "C02",
        "`sys.path` in a cell",
        "kernel",
        "!unzip -q {WHEEL} -d u || {PYTHON} -m zipfile -e {WHEEL} u\n"
        "import sys; sys.path.insert(0, OWN + '/u')\nimport foreign",
    ),
    Attempt(
        "C03",
        "`usercustomize` in the user's site-packages",
        "start",
        'F="$HOME/.local/lib/${LIB##*/}/site-packages"; mkdir -p "$F"; ' + PLANT + '"$F/usercustomize.py"',
    ),
    Attempt(
        "C04",
        "`sitecustomize` on `PYTHONPATH`",
        "start",
        PLANT + "sitecustomize.py",
        variables={"PYTHONPATH": "{OWN}"},
    ),
    Attempt(
        "C05",
        "a `.pth` in the user's site-packages",
        "start",
        'F="$HOME/.local/lib/${LIB##*/}/site-packages"; mkdir -p "$F"; rm -f "$F"/*;'
        ' echo \'import sys; print("REACHED", flush=True)\' > "$F/x.pth"',
    ),
    Attempt(
        "C06", "an approved name beside the notebook", "start", 'rm -rf "$HOME/.local"; ' + PLANT + "json.py"
    ),
    Attempt("C07", "`ipykernel_launcher` beside the notebook", "start", PLANT + "ipykernel_launcher.py"),
    Attempt("C08", "`IPython.py` beside the notebook", "start", PLANT + "IPython.py"),
    Attempt(
        "C09",
        "`PYTHONHOME` naming a standard library of links with one more module",
        "start",
        'L="lib/${LIB##*/}"; mkdir -p "$L" && ln -s "$LIB"/* "$L/" && '
        + PLANT
        + '"lib/${LIB##*/}/sitecustomize.py"',
        variables={"PYTHONHOME": "{OWN}"},
    ),
    Attempt(
        "C10",
        "`PYTHONUSERBASE` naming an own folder",
        "start",
        'F="lib/${LIB##*/}/site-packages"; mkdir -p "$F"; ' + PLANT + '"$F/usercustomize.py"',
        variables={"PYTHONUSERBASE": "{OWN}"},
    ),
    Attempt("C11", "`LD_PRELOAD`", "start", C_PLANT, variables={"LD_PRELOAD": "{OWN}/x.so"}),
    Attempt(
        "C12",
        "`LD_AUDIT`",
        "start",
        C_PLANT,
        variables={"LD_AUDIT": "{OWN}/x.so"},
    ),
    Attempt(
        "C13",
        "`importlib` from a file",
        "kernel",
        "open('f.py', 'w').write('print(\"REACHED\")')\nimport importlib.util as u\n"
        "s = u.spec_from_file_location('f', OWN + '/f.py'); m = u.module_from_spec(s); s.loader.exec_module(m)",
    ),
    Attempt("C14", "`exec` of text", "kernel", "exec('print(\"REACHED\")')"),
    Attempt(
        "C15",
        "native code by `ctypes`",
        "kernel",
        "!" + C_PLANT.replace("{", "{{").replace("}", "}}") + "\nimport ctypes; ctypes.CDLL(OWN + '/x.so')",
    ),
    Attempt(
        "C16",
        "an importer in memory",
        "kernel",
        "import sys, importlib.abc, importlib.util\n"
        "class F(importlib.abc.MetaPathFinder, importlib.abc.Loader):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        return importlib.util.spec_from_loader(name, self) if name == 'ghost' else None\n"
        "    def exec_module(self, module): print('REACHED')\n"
        "sys.meta_path.insert(0, F())\nimport ghost",
    ),
    Attempt(
        "C17",
        "poisoned byte code in the environment",
        "terminal",
        'F="$(ls "$SITE"/__pycache__/*.pyc | head -1)"; chmod u+w "$F"; echo x > "$F"',
        "changed",
    ),
    Attempt(
        "C18",
        "byte code written beside a module",
        "terminal",
        '"$PYTHON" -I -c "import py_compile, os; py_compile.compile(os.environ[\'HELD\'],'
        " cfile=os.environ['SITE'] + '/packaging/evil.pyc', doraise=True)\"",
        "changed",
    ),
    Attempt(
        "C19",
        "byte code elsewhere by `PYTHONPYCACHEPREFIX`",
        "start",
        '"$PYTHON" -c "import json, py_compile, os, sys; sys.pycache_prefix = os.environ[\'OWN\'];'
        " import importlib.util as u; f = json.__file__; c = u.cache_from_source(f);"
        " open('e.py', 'w').write('print(\\\"REACHED\\\", flush=True)'); os.utime('e.py', (os.stat(f).st_mtime,) * 2);"
        " py_compile.compile('e.py', cfile=c, dfile=f, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)\"",
        variables={"PYTHONPYCACHEPREFIX": "{OWN}"},
    ),
    Attempt(
        "C20",
        "an approved function replaced in memory",
        "kernel",
        "import json; json.dumps = lambda *_: 'REACHED'; print(json.dumps(1))",
    ),
    Attempt(
        "C21",
        "own configuration of IPython in the home",
        "start",
        'mkdir -p "$HOME/.ipython/profile_default"; '
        + PLANT
        + '"$HOME/.ipython/profile_default/ipython_config.py"',
    ),
    Attempt(
        "C22",
        "a startup file of IPython in the home, run in a terminal",
        "terminal",
        'mkdir -p "$HOME/.ipython/profile_default/startup"; '
        + PLANT
        + '"$HOME/.ipython/profile_default/startup/00.py"; "$PYTHON" -I -m IPython --colors=nocolor -c pass',
    ),
    Attempt(
        "C23",
        "a pickle that runs code",
        "kernel",
        "import pickle\nclass P:\n    def __reduce__(self): return (print, ('REACHED',))\npickle.loads(pickle.dumps(P()))",
    ),
    Attempt(
        "C24",
        "the hooks unloaded, then installed",
        "kernel",
        "%unload_ext envguard_hooks.ipython\n!{PYTHON} -I {PIP} install --no-index -q --break-system-packages {WHEEL}",
        "changed",
    ),
    Attempt(
        "C25",
        "a helper module beside the notebook (allowed)",
        "kernel",
        "open('helper_of_mine.py', 'w').write('print(\"REACHED\")')\nimport importlib; importlib.invalidate_caches()\n"
        "import helper_of_mine",
    ),
    Attempt(
        "C26",
        "the guard of imports taken out of `sys.meta_path`",
        "kernel",
        UNZIPPED
        + "import importlib, sys\nsys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != 'Finder']\n"
        "sys.path.insert(0, OWN + '/u'); importlib.import_module('foreign')",
    ),
    Attempt(
        "C27",
        "a package by its loader",
        "kernel",
        UNZIPPED + "from importlib.machinery import SourceFileLoader\n"
        "SourceFileLoader('foreign', OWN + '/u/foreign/__init__.py').load_module()",
    ),
    Attempt(
        "C28",
        "the functions of the guard replaced",
        "kernel",
        UNZIPPED + "import sys\nfor f in sys.meta_path:\n"
        "    if type(f).__name__ == 'Finder':\n        g = f.find_spec.__func__.__globals__\n"
        "        g.update(_installed_in=lambda root: frozenset(), refusal=None); f._judge = lambda *_: ''\n"
        "sys.path.insert(0, OWN + '/u')\nimport foreign",
    ),
    Attempt(
        "C29",
        "an approved name in front of the approved one",
        "kernel",
        "import os, sys\nos.mkdir('n'); open('n/packaging.py', 'w').write('print(\"REACHED\")')\n"
        "sys.modules.pop('packaging', None); sys.path.insert(0, OWN + '/n')\nimport packaging",
    ),
    Attempt(
        "C30",
        "a package of plain code whose list of files was removed",
        "kernel",
        UNZIPPED
        + "import shutil, sys\nshutil.rmtree('u/foreign-1.0.dist-info'); sys.path.insert(0, OWN + '/u')\nimport foreign",
    ),
    Attempt(
        "C31",
        "a package in another Python that a cell starts",
        "kernel",
        UNZIPPED + "!{PYTHON} -c \"import sys; sys.path.insert(0, 'u'); import foreign\"",
    ),
    Attempt(
        "C32",
        "the same in one that is told to look for no guard (`-I`)",
        "kernel",
        UNZIPPED + "!{PYTHON} -I -c \"import sys; sys.path.insert(0, 'u'); import foreign\"",
    ),
    Attempt(
        "C33",
        "the same in a virtual environment, whose packages are the user's",
        "kernel",
        "!{PYTHON} -m venv --without-pip v && v/bin/python -m zipfile -e {WHEEL} v/lib/*/site-packages"
        " && v/bin/python -c 'import foreign'",
    ),
    Attempt(
        "C34",
        "a package without `__init__.py`, of which nothing says that it is one",
        "kernel",
        "import os, sys\nos.makedirs('u/foreign'); open('u/foreign/core.py', 'w').write('print(\"REACHED\")')\n"
        "sys.path.insert(0, OWN + '/u')\nimport foreign.core",
    ),
    Attempt(
        "C35",
        "the functions behind the guard's audit hook replaced, found by `gc`",
        "kernel",
        UNZIPPED + "import gc, sys\nfor d in gc.get_objects():\n"
        "    if type(d) is dict and '_installed_in' in d:\n"
        "        d.update(_installed_in=lambda root: frozenset(), _is_packaged=lambda name, path: False)\n"
        "sys.path.insert(0, OWN + '/u')\nimport foreign",
    ),
    Attempt(
        "C36",
        "the same, found in the frames of its own refusals",
        "kernel",
        UNZIPPED + "import shutil, sys\ndef found(error):\n    t = error.__traceback__\n"
        "    while t:\n        g = t.tb_frame.f_globals\n        if '_installed_in' in g:\n"
        "            g.update(_installed_in=lambda root: frozenset(), _is_packaged=lambda name, path: False)\n"
        "        t = t.tb_next\n"
        "for n in range(4):\n    w = OWN + f'/w{n}'; shutil.copytree('u', w); sys.path.insert(0, w)\n"
        "    try: exec(compile('0', w + '/foreign/__init__.py', 'exec'))\n    except ImportError as e: found(e)\n"
        "    try: import foreign; break\n    except ImportError as e: found(e)",
    ),
)
