"""Sphinx configuration of the documentation: `make docs` builds it in build/docs.

Sphinx, because the docstrings are numpydoc and autodoc reads them as they are; MyST, because every page is Markdown
that reads as well in the repository. mkdocs with mkdocstrings was rejected: a second parser of docstrings, and no
equally strict check of references. The site needs no network: no font, script or picture comes from elsewhere.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import generated  # noqa: E402

project = "rdeepnet"
author = "rdeepnet contributors"
copyright = "rdeepnet contributors, Apache-2.0"
release = version = version_of("rdeepnet")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["images"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # the included pages begin with a title of their own

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries = False

default_role = "literal"

html_theme = "furo"
html_title = "rdeepnet"
html_theme_options = {
    "announcement": "Research use only. Not a medical device; not for diagnosis.",
    "light_css_variables": {"color-brand-primary": "#1f3a5f", "color-brand-content": "#1b6187"},
}
html_copy_source = False
html_show_sphinx = False

_SECTION = re.compile(r"^(Parameters|Attributes)$")
_ENTRY = re.compile(r"^([A-Za-z_]\w*(?:, [A-Za-z_]\w*)*) : (.+)$")


def _meaning_below_the_name(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrites "name : meaning" as "name" with the meaning below it: our types stand in the hints."""
    inside = False
    rewritten: list[str] = []
    for number, line in enumerate(lines):
        if _SECTION.match(line):
            inside = True
        elif number + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[number + 1]):
            inside = False
        entry = _ENTRY.match(line) if inside else None
        rewritten += [entry[1], f"    {entry[2]}"] if entry else [line]
    lines[:] = rewritten


def _with_generated_parts(app: Any, docname: str, source: list[str]) -> None:
    """Puts what is generated from the code in the place of `<!-- generated: NAME -->`."""
    source[0] = re.sub(r"<!-- generated: ([a-z-]+) -->", lambda found: generated.PARTS[found[1]](), source[0])


def setup(app: Any) -> None:
    """Connects both to the build."""
    app.connect("autodoc-process-docstring", _meaning_below_the_name, priority=100)
    app.connect("source-read", _with_generated_parts)
