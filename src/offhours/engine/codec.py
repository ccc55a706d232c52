"""Arguments and results as JSON text, and back into what the task's function expects."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import msgspec

from offhours.core.errors import ArgumentError, InputError, OffhoursError, PayloadTooLarge
from offhours.core.payload import TAG, from_plain, to_plain
from offhours.engine.context import Context

LARGE = 256_000

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_MARK = f'"{TAG}"'
_OBJECT = f'"{TAG}":"object"'
_SIMPLE = frozenset({bool, type(None)})
_log = logging.getLogger("offhours")

Arguments = tuple[list[Any], dict[str, Any]]


def dump(value: object, name: str, limit: int) -> str:
    """Any storable value as JSON text; `name` is what an error calls it."""
    return _limited(_encode(to_plain(value, name)), name, limit)


def load(text: str | None) -> Any:
    """The value of a JSON text from the store."""
    if text is None:
        return None
    value = _decode(text)
    return from_plain(value) if _MARK in text else value


def _limited(data: bytes, name: str, limit: int) -> str:
    if len(data) > limit:
        raise PayloadTooLarge(
            f"{name}: {len(data):,} bytes as JSON, at most {limit:,} are stored (max_payload); "
            "store the data elsewhere and pass its path or key"
        )
    if len(data) > LARGE:
        _log.warning("%s: %s bytes; large payloads slow the store down", name, f"{len(data):,}")
    return data.decode()


class Codec:
    """Checks a call against a function's signature and carries it through the store."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._function = function
        self._name = name
        self._signature = _signature(function)
        self._hints: dict[str, Any] | None = None
        self.context_name = _context_parameter(self._signature, function)
        kinds = [p for p in self._signature.parameters.values() if p.name != self.context_name]
        self._without_context = self._signature.replace(parameters=kinds)
        plain = all(p.kind is p.POSITIONAL_OR_KEYWORD for p in kinds)
        most = len(kinds) if plain and self.context_name is None else -1
        self._arity = range(sum(p.default is p.empty for p in kinds), most + 1)

    def encode(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], limit: int) -> str:
        """The call as JSON text. Refuses what does not fit the signature or cannot be stored."""
        if kwargs or len(args) not in self._arity:
            self._bind(args, kwargs)
        if not kwargs and all(_is_simple(arg) for arg in args):
            try:
                return _limited(_encode((args, kwargs)), f"{self._name}: arguments", limit)
            except UnicodeEncodeError:
                pass
        names = self._names(len(args))
        plain = (
            [to_plain(arg, name) for arg, name in zip(args, names, strict=True)],
            {key: to_plain(value, key) for key, value in kwargs.items()},
        )
        text = _limited(_encode(plain), f"{self._name}: arguments", limit)
        if _OBJECT in text:
            self._check_restores(text, args, kwargs)
        return text

    def with_context(self, args: list[Any], kwargs: dict[str, Any], context: Context) -> None:
        """Put the context where the function expects it."""
        assert self.context_name is not None
        place = list(self._signature.parameters).index(self.context_name)
        kind = self._signature.parameters[self.context_name].kind
        if kind is not inspect.Parameter.KEYWORD_ONLY and place <= len(args):
            args.insert(place, context)
        else:
            kwargs[self.context_name] = context

    def decode(self, text: str) -> Arguments:
        """The arguments of a stored call, objects restored by the task's annotations."""
        args, kwargs = _decode(text)
        if _MARK in text:
            args = [
                self._restore(value, name)
                for value, name in zip(args, self._names(len(args)), strict=True)
            ]
            kwargs = {key: self._restore(value, key) for key, value in kwargs.items()}
        return args, kwargs

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        try:
            self._without_context.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError("", f"do not fit {self._name}{self._signature}: {error}") from None

    def _names(self, count: int) -> list[str]:
        names, rest = [], ""
        for parameter in self._signature.parameters.values():
            if parameter.kind is parameter.VAR_POSITIONAL:
                rest = parameter.name
                break
            if parameter.kind is not parameter.KEYWORD_ONLY and parameter.name != self.context_name:
                names.append(parameter.name)
        names += [f"{rest or 'args'}[{n}]" for n in range(count - len(names))]
        return names[:count]

    def _restore(self, value: Any, name: str) -> Any:
        restored = from_plain(value)
        if not _holds_object(value):
            return restored
        hint = self._hint(name)
        if hint is None:
            raise ArgumentError(name, "holds an object, but the parameter has no annotation")
        return msgspec.convert(
            restored, hint, strict=True, dec_hook=_restore_by_hint, from_attributes=False
        )

    def _hint(self, name: str) -> Any:
        if self._hints is None:
            try:
                self._hints = get_type_hints(self._function)
            except Exception:  # annotations may name what only a type checker can see
                self._hints = {}
        return self._hints.get(name.partition("[")[0])

    def _check_restores(self, text: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Objects come back by annotation: find out now whether they will, not at the run."""
        try:
            restored_args, restored_kwargs = self.decode(text)
        except OffhoursError:
            raise
        except Exception as error:
            raise ArgumentError("", f"do not restore from JSON: {error}") from error
        pairs = list(zip(self._names(len(args)), args, restored_args, strict=True))
        pairs += [(key, kwargs[key], restored_kwargs[key]) for key in kwargs]
        for name, before, after in pairs:
            _check_same(name, before, after)


def _holds_object(value: Any) -> bool:
    """Whether plain JSON has a tagged object of a user's class somewhere in it."""
    if isinstance(value, dict):
        return value.get(TAG) == "object" or any(_holds_object(v) for v in value.values())
    return isinstance(value, list) and any(_holds_object(item) for item in value)


def _check_same(name: str, before: Any, after: Any) -> None:
    if isinstance(before, list | tuple) and type(before) in (list, tuple):
        if isinstance(after, list | tuple) and len(after) == len(before):
            for n, (one, other) in enumerate(zip(before, after, strict=True)):
                _check_same(f"{name}[{n}]", one, other)
            return
    elif type(before) is dict and type(after) is dict:
        for key, one in before.items():
            _check_same(f"{name}[{key!r}]", one, after.get(key))
        return
    if type(after) is not type(before):
        raise ArgumentError(
            name,
            f"is a {type(before).__qualname__} and would arrive as a "
            f"{type(after).__qualname__}; annotate the parameter with its class",
        )


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # some builtins do not tell
        return inspect.signature(lambda *args, **kwargs: None)


def _is_simple(value: object) -> bool:
    kind = type(value)
    if kind is int:
        return -(2**63) <= value < 2**63  # type: ignore[operator]
    if kind is str:
        return "\0" not in value  # type: ignore[operator]
    return kind in _SIMPLE


def _context_parameter(signature: inspect.Signature, function: Callable[..., Any]) -> str | None:
    for parameter in signature.parameters.values():
        hint = parameter.annotation
        names = str(hint).replace("|", " ").replace("[", " ").replace("]", " ").split()
        if hint is Context or any(name.split(".")[-1] == "Context" for name in names):
            return parameter.name
    return None


def _restore_by_hint(hint: type, value: Any) -> Any:
    if isinstance(value, hint):
        return value
    validate = getattr(hint, "model_validate", None)
    if validate is None:
        raise InputError(f"cannot restore a {hint.__qualname__}")
    return validate(value)
