"""The admin's one file, `site.yaml`: where things are, and what a pack must meet."""

from jupyter_envguard.site.enforcement import Degree, Enforcement
from jupyter_envguard.site.file import Site, load, parse
from jupyter_envguard.site.template import template

__all__ = ["Degree", "Enforcement", "Site", "load", "parse", "template"]
