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
    Attempt(
        "C37",
        "a package in a second interpreter of the same process",
        "kernel",
        UNZIPPED + "try: import _xxsubinterpreters as x\nexcept ImportError: import _interpreters as x\n"
        "x.run_string(x.create(), f'import sys; sys.path.insert(0, {OWN + \"/u\"!r}); import foreign')",
    ),
    Attempt(
        "C38",
        "functions replaced by which the guard looked for folders",
        "kernel",
        UNZIPPED
        + "import os, posixpath, sys\nposixpath._joinrealpath = lambda *_: (sys.base_prefix + '/x', True)\n"
        "os.fspath = os.fsdecode = lambda _: sys.base_prefix + '/x'\nsys.path.insert(0, OWN + '/u')\n"
        "for f in sys.meta_path: f._judge = lambda *_: ''\nimport foreign",
    ),
    Attempt(
        "C39",
        "built-in functions replaced",
        "kernel",
        UNZIPPED
        + "import builtins, sys\nsys.path.insert(0, OWN + '/u')\nfor f in sys.meta_path: f._judge = lambda *_: ''\n"
        "kept = any, isinstance\nbuiltins.any = builtins.isinstance = lambda *_: True\nbuiltins.frozenset = lambda *_: ()\n"
        "try: import foreign\nfinally: builtins.any, builtins.isinstance = kept",
    ),
    Attempt(
        "C40",
        "the guard's audit hook found by what refers to its finder",
        "kernel",
        UNZIPPED + "import gc, sys\ndef find(o, n):\n    for r in gc.get_referrers(o) if n else ():\n"
        "        g = getattr(r, '__globals__', {})\n        if '_installed_in' in g:\n"
        "            g.update(_installed_in=lambda root: frozenset(), _is_packaged=lambda name, path: False)\n"
        "        elif type(r).__name__ in ('cell', 'tuple', 'function'): find(r, n - 1)\n"
        "sys.path.insert(0, OWN + '/u')\ntry: find(sys.meta_path[0], 3)\nfinally: import foreign",
    ),
    Attempt(
        "C41",
        "the audit hook asked about what is broken, and its frames looked through",
        "kernel",
        UNZIPPED
        + "import gc, sys\ndef look(o, n):\n    g = o if type(o) is dict else getattr(o, '__globals__', {})\n"
        "    if '_installed_in' in g: g.update(_installed_in=lambda root: frozenset(), _is_packaged=lambda name, path: False)\n"
        "    for r in gc.get_referents(o) if n else (): look(r, n - 1)\n"
        "for args in ((), (1,), (1, 2, 3, 4, 5)):\n  for event in ('import', 'exec', 'ctypes.dlopen'):\n"
        "    try: sys.audit(event, *args)\n    except Exception as e:\n        t = e.__traceback__\n"
        "        while t:\n            f = t.tb_frame; t = t.tb_next\n            for o in (f.f_globals, *f.f_locals.values(), f):\n"
        "                try: look(o, 2 if o is f else 0)\n                except RuntimeError as e: print(e)\n"
        "sys.path.insert(0, OWN + '/u')\nfor f in sys.meta_path: f._judge = lambda *_: ''\nimport foreign",
    ),
    Attempt(
        "C42",
        "texts that answer for themselves",
        "kernel",
        UNZIPPED
        + "import sys\nclass T(str):\n    def __getitem__(self, k): return '<'\n    def __eq__(self, o): return False\n"
        "    def startswith(self, *_): return True\n    __hash__ = str.__hash__\n"
        "p = OWN + '/u/foreign/__init__.py'; c = compile(open(p).read(), T(p), 'exec')\n"
        "exec(c.replace(co_name=T('<module>')))",
    ),
    Attempt(
        "C43",
        "the guard's functions replaced by a signal that comes while it decides",
        "kernel",
        UNZIPPED + "import signal, sys\ndef seen(number, frame):\n    while frame:\n"
        "        for o in list(frame.f_locals.values()):\n            g = getattr(o, '__globals__', {})\n"
        "            if '_installed_in' in g: g.update(_installed_in=lambda root: frozenset(), _is_packaged=lambda name, path: False)\n"
        "        frame = frame.f_back\nsignal.signal(signal.SIGPROF, seen); signal.setitimer(signal.ITIMER_PROF, .001, .001)\n"
        "for n in range(1000000): sys.audit('exec', seen.__code__)\nsignal.setitimer(signal.ITIMER_PROF, 0)\n"
        "sys.path.insert(0, OWN + '/u')\nfor f in sys.meta_path: f._judge = lambda *_: ''\nimport foreign",
    ),
    Attempt(
        "C44",
        "the list of audit hooks emptied in memory, by `ctypes`",
        "kernel",
        UNZIPPED
        + "import ctypes, struct, sys\nmemory = open('/proc/self/mem', 'rb', 0)\ndef words(at, count):\n"
        "    try:\n        memory.seek(at); return struct.unpack(f'{count}Q', memory.read(8 * count))\n"
        "    except (OSError, OverflowError, ValueError, struct.error): return (0,) * count\n"
        "ctypes.pythonapi.PyInterpreterState_Get.restype = ctypes.c_void_p\n"
        "start = ctypes.pythonapi.PyInterpreterState_Get()\nfor block in range(0, 400000, 512):\n"
        "  for at in words(start + block, 64):\n    _, kind, size, items = words(at, 4) if at else (0,) * 4\n"
        "    if kind == id(list) and 0 < size < 9 and words(words(items, 1)[0], 2)[1] == id(type(words)):\n"
        "        ctypes.c_ssize_t.from_address(at + 16).value = 0\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != 'Finder']\n"
        "sys.path.insert(0, OWN + '/u')\nimport foreign",
    ),
    Attempt(
        "C45",
        "a package in a Python that the dynamic linker starts",
        "kernel",
        UNZIPPED
        + "import os, subprocess\nwords = ['/lib64/ld-linux-x86-64.so.2', os.path.realpath(PYTHON), '-I', '-c',"
        " \"import sys; sys.path.insert(0, 'u'); import foreign\"]\n"
        "print(subprocess.run(words, capture_output=True, text=True, env={**os.environ, 'LD_LIBRARY_PATH': IMAGE + '/lib'}).stdout)",
    ),
    Attempt(
        "C46",
        "the same in a terminal",
        "terminal",
        'unzip -q "$WHEEL" -d u; LD_LIBRARY_PATH="$IMAGE/lib" /lib64/ld-linux-x86-64.so.2'
        ' "$(readlink -f "$PYTHON")" -I -c "import sys; sys.path.insert(0, \'u\'); import foreign"',
    ),
)
