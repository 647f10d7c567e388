"""Shows the doctests of docstrings as code: Markdown takes a line that begins with `>>>` for a quotation."""

import re

import griffe

TITLE = re.compile(r"(?m)^Example:$")
DOCTEST = re.compile(r"(?m)^>>> .*(?:\n(?!\s*$).*)*")


class DoctestFences(griffe.Extension):
    """Fences each doctest that stands in the text; griffe does so in the section that it calls Examples."""

    def on_object(self, *, obj, **kwargs):
        """Rewrite one docstring, as the pages show it."""
        if obj.docstring and "```" not in obj.docstring.value:
            text = TITLE.sub("Examples:", obj.docstring.value)
            obj.docstring.value = DOCTEST.sub(r"```pycon\n\g<0>\n```", text)
