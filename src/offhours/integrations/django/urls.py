"""`path("offhours/", include("offhours.integrations.django.urls"))`: the page, for staff."""

from __future__ import annotations

from django.urls import re_path

from offhours.integrations.django.page import page

app_name = "offhours"
urlpatterns = [re_path(r"^(?P<path>.*)$", page, name="page")]
