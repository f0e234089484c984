"""How the documentation is built; the reference pages are filled from the code itself."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

project = "jupyter_envguard"
author = "The jupyter_envguard developers"
release = version = metadata.version("jupyter-envguard")
extensions = ["myst_parser", "envguard_reference"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_ext"]
myst_enable_extensions = ["deflist", "colon_fence", "fieldlist"]
myst_heading_anchors = 3
nitpicky = True
html_theme = "furo"
html_title = "jupyter_envguard"
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
html_show_sphinx = False
