"""The documented templates: scripts that do their work in a sandbox, told what by parameters."""

from __future__ import annotations

from importlib.resources import files

from offhours.core.errors import OptionError

# Each template's function, and the files that its script is put together from.
_PARTS = {
    "file_operation": ("file_operation",),
    "data_processing": ("data_processing",),
    "api_call": ("api_call",),
    "workflow_sequence": (
        "file_operation",
        "data_processing",
        "api_call",
        "workflow_sequence",
    ),
}
TEMPLATES = tuple(_PARTS)
_NAMES = {
    "file_operations": "file_operation",
    "data_transformation": "data_processing",
    "api_calls": "api_call",
    "workflow_sequences": "workflow_sequence",
}


def template_name(template: str) -> str:
    """The name of a template; `OptionError` for one that is unknown."""
    name = _NAMES.get(template, template)
    if name not in _PARTS:
        raise OptionError(f"template_type: no template {template!r}; use {', '.join(TEMPLATES)}")
    return name


def template_script(template: str) -> str:
    """The script of a template: its `execute(params)` does the work.

    >>> "def execute(params" in template_script("file_operation")
    True
    """
    name = template_name(template)
    folder = files(__name__)
    texts = [folder.joinpath(f"{part}.py").read_text("utf-8") for part in _PARTS[name]]
    future = "from __future__ import annotations\n"
    body = "\n\n".join(text.replace(future, "") for text in texts)
    return f"{future}\n{body}\n\ndef execute(params):\n    return {name}(params)\n"
