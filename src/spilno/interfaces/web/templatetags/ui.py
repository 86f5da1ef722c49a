"""The components of the interface as template tags; each has its markup in ``templates/components/``.

Any keyword a tag does not know becomes an attribute, with hyphens for underscores: ``hx_post=url`` → ``hx-post="…"``.
All of them are shown with all their states on ``/design`` and explained in ``docs/interface.md``.
"""

from __future__ import annotations

from django import template

from spilno.interfaces.web.ui import fields, marks, numbers, surfaces

register = template.Library()
for part in (marks, surfaces, numbers, fields):
    register.tags.update(part.register.tags)
    register.filters.update(part.register.filters)
