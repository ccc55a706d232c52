"""Templates: jobs written down beforehand, with parameters, under a name and in versions."""

from offhours.templates.room import Templates
from offhours.templates.template import Filled, Template

__all__ = ["Filled", "Template", "Templates"]
