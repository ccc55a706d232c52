"""What one call of the command line knows: its database or server, how loud it is, its printing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from offhours.cli.codes import CommandError, Exit
from offhours.cli.complete import files
from offhours.cli.options import C, together
from offhours.cli.text import printable, table, to_json
from offhours.core.addresses import is_server, public_name

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.cli.remote import AnyApp


class Host(NamedTuple):
    """A program that has an app and lends it to the commands, such as `flask` or `manage.py`."""

    name: str
    app: Offhours


@dataclass
class Session:
    """The global options, wherever on the line they stand."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    chosen_db: str = ""
    host: Host | None = None
    chosen_url: str = ""
    patience: float = 30.0  # seconds for one answer of a server

    @property
    def url(self) -> str:
        """The server that is asked instead of a database: of `--url`, or of OFFHOURS_URL."""
        if self.chosen_url and self.chosen_db:
            raise click.UsageError("--db and --url name two places; leave out one of them")
        if self.chosen_url or self.chosen_db or self.host is not None:
            return self.chosen_url
        return os.environ.get("OFFHOURS_URL", "")

    @property
    def db(self) -> str:
        """The database: of `--db`, of OFFHOURS_DB, of a configuration file, or the default."""
        return self._database[0]

    @property
    def chosen_by(self) -> str:
        """Who chose it: `--db`, `default`, or the variable or file."""
        return self._database[1]

    @cached_property
    def _database(self) -> tuple[str, str]:
        if self.chosen_db:
            return self.chosen_db, "--db"
        if self.host is not None:
            return self.host.app.store.location, "default"
        if found := os.environ.get("OFFHOURS_DB"):
            return found, "OFFHOURS_DB"
        from offhours.config import DEFAULT_DB
        from offhours.sources.files import VARIABLE, found_in

        if not os.environ.get(VARIABLE) and not found_in(Path()):
            return DEFAULT_DB, "default"  # most commands: nothing to read, nothing to load
        from offhours.sources.configuration import read

        chosen = read().settings["db"]
        return chosen.value, chosen.source

    # -- printing ---------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Something worth knowing that is not the data: to stderr, and not with --quiet."""
        if not self.quiet:
            click.echo(printable(text), err=True)

    def emit(self, value: object) -> None:
        """The one JSON object of a command: indented on a terminal, else one line."""
        ascii_only = not (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
        indent = 2 if on_terminal() else None
        click.echo(to_json(value, indent=indent, ascii_only=ascii_only))

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Aligned columns; cut to the window on a terminal, whole elsewhere."""
        columns = shutil.get_terminal_size().columns if on_terminal() else None
        head, *lines = table(headers, rows, columns)
        click.secho(head, bold=True)
        for line in lines:
            click.echo(line)

    # -- the database, or a server ----------------------------------------------------------

    @contextmanager
    def open(self, *, create: bool = False) -> Iterator[AnyApp]:
        """The app on the chosen database, or the server of `--url` with the same words."""
        if not self.url:
            with self.open_here(create=create) as app:
                yield app
            return
        from offhours.cli.remote.address import read_address
        from offhours.cli.remote.app import RemoteApp

        address = read_address(self.url)
        if address.in_the_clear:
            self.note(f"the token goes to {address.host} in the clear; https:// would hide it")
        remote = RemoteApp(address, self.patience)
        try:
            yield remote
        finally:
            remote.close()

    @contextmanager
    def open_here(self, *, create: bool = False) -> Iterator[Offhours]:
        """The app on the chosen database, which is not made by asking about it."""
        self.check_here()
        self.check_path()
        lent = self.host is not None and not self.chosen_db
        app = self.host.app if self.host is not None and lent else self._opened(create)
        try:
            with app.acting_as(f"{user()} (command line)", "cli"):
                yield app
        finally:
            if not lent:
                app.close()

    def _opened(self, create: bool) -> Offhours:
        from offhours.app import Offhours

        if is_server(self.db):
            return Offhours(self.db)
        if is_there(self.db):
            _check_access(self.db)
            return Offhours(self.db, journal=_journal(self.db))
        if not create:
            raise self.missing()
        app = Offhours(self.db, journal="wal")
        self.note(f"{self.db} is new")
        return app

    def check_here(self) -> None:
        """Refuse a server where only this machine, or the database itself, will do."""
        if self.url:
            from offhours.cli.here_only import refusal

            by = "--url" if self.chosen_url else "OFFHOURS_URL"
            refused = refusal(click.get_current_context().command_path.partition(" ")[2], by)
            if refused is not None:
                raise refused

    def person(self, app: AnyApp) -> str:
        """Who sits here: the user of this shell, or the holder of the token."""
        if not self.url:
            return user()
        from offhours.cli.remote.app import RemoteApp

        assert isinstance(app, RemoteApp)
        return app.holder

    @property
    def place(self) -> str:
        """The database or the server as it may be shown."""
        return self.url.partition("#")[0] or self.db_name

    @property
    def db_name(self) -> str:
        """The database as it may be shown."""
        return public_name(self.db) if is_server(self.db) else self.db

    def check_path(self) -> None:
        """Refuse what cannot be a database."""
        if self.db == ":memory:":
            raise click.UsageError(
                "a :memory: database would end with this command; name a file with --db"
            )
        if "://" in self.db and not is_server(self.db):
            scheme = self.db.partition("://")[0]
            raise click.UsageError(
                f'an address of "{scheme}" is no database of ours; give a path or postgresql://...'
            )
        if os.path.isdir(self.db):
            raise click.UsageError(f"{self.db} is a folder; name a file in it with --db")

    def missing(self) -> CommandError:
        """The error for a database that is not there."""
        folder = Path(self.db).parent
        others = sorted(str(path) for path in folder.glob("*.db") if is_there(str(path)))[:3]
        near = f"; there is {', '.join(others)}" if others else ""
        return CommandError(
            f"no database {self.db}{near}; name one with --db PATH or OFFHOURS_DB, "
            "or begin one with: offhours up FILE.py",
            Exit.CANNOT_REACH,
            "no_database",
        )


def user() -> str:
    """Who sits at this machine."""
    import getpass

    with suppress(OSError, KeyError):  # a container's user may have no name
        return getpass.getuser()
    return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"


def is_there(path: str) -> bool:
    """Whether a database was begun there. An empty file is none yet."""
    try:
        return os.stat(path).st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False


def _check_access(path: str) -> None:
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(f"{path}: you may not read and write it; ask its owner")


def _journal(path: str) -> str:
    """The journal mode that the file has: looking at a database must not change how it works."""
    import apsw

    from offhours.store.sqlite.faults import translated

    with translated(path):
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        try:
            mode = connection.execute("pragma journal_mode").get
        finally:
            connection.close()
    return "wal" if mode == "wal" else "rollback"


def on_terminal() -> bool:
    """Whether stdout is a terminal that can do more than print lines."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def session() -> Session:
    """The session of the running command."""
    return click.get_current_context().ensure_object(Session)


def _store(field: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        state = ctx.ensure_object(Session)
        if value:
            setattr(state, field, value)

    return callback


def _flag(field: str, *names: str, text: str) -> Callable[[C], C]:
    return click.option(
        *names, is_flag=True, expose_value=False, callback=_store(field), is_eager=True, help=text
    )


# May stand before the command or after it; the later one counts.
common = together(
    click.option(
        "--db", metavar="PATH|URL", expose_value=False, callback=_store("chosen_db"),
        shell_complete=files,
        help="The database: a file, or postgresql://... [OFFHOURS_DB, else offhours.db].",
    ),
    click.option(
        "--url", metavar="URL", expose_value=False, callback=_store("chosen_url"),
        help="Ask a server of `offhours up` instead [OFFHOURS_URL]; token: OFFHOURS_TOKEN.",
    ),
    _flag("quiet", "-q", "--quiet", text="Print the data and errors only."),
    _flag("verbose", "-v", "--verbose", text="Say more; show where an error comes from."),
)  # fmt: skip
json_option = _flag("json", "--json", text="Print one JSON object.")
