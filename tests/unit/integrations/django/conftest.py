"""Django is set up before a test imports what needs it."""

from __future__ import annotations

from tests import django_site

django_site.use()
