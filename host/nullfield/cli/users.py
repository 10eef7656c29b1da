"""``users``: the console's accounts, from the computer itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import errors, output, print_json
from nullfield.errors import InputError

if TYPE_CHECKING:
    from nullfield.console.access.access import Access
    from nullfield.console.access.user import Role

DataOption = Annotated[Path, typer.Option("--data", help="Data folder of the console.")]
UrlOption = Annotated[
    str | None, typer.Option("--database", help="SQLAlchemy URL; SQLite in the data folder else.")
]
_MOST_LABEL = 64
NameArgument = Annotated[str, typer.Argument(help="Name of the account.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    users = typer.Typer(help="Accounts of the console; also while it runs.", no_args_is_help=True)
    examples: tuple[tuple[str, str, Callable[..., None]], ...] = (
        ("list", "list --data studies", list_users),
        ("add", "add kim --role engineer --data studies", add),
        ("reset", "reset admin --data studies", reset),
        ("disable", "disable kim --data studies", disable),
        ("enable", "enable kim --data studies", enable),
        ("token", "token kim --label archive --days 30 --data studies", token),
        ("audit", "audit --data studies", audit),
    )
    for name, example, command in examples:
        users.command(name, epilog=f"Example: [bold]nullfield users {example}[/]")(command)
    app.add_typer(users, name="users")


def list_users(data: DataOption, database: UrlOption = None, is_json: JsonOption = False) -> None:
    """List the accounts with their roles."""
    with _opened(data, database) as access:
        accounts = access.accounts.all()
    if is_json:
        print_json([asdict(account) for account in accounts])
        return
    table = Table("name", "role", "state", "made")
    for one in accounts:
        state = "must change password" if one.must_change_password else "open"
        made = datetime.fromtimestamp(one.created_unix_s, UTC).strftime("%Y-%m-%d")
        table.add_row(one.name, one.role, state if one.is_enabled else "shut", made)
    output.print(table)


def add(
    name: NameArgument,
    data: DataOption,
    role: Annotated[str, typer.Option("--role", help="operator, engineer or admin.")] = "operator",
    database: UrlOption = None,
    is_json: JsonOption = False,
) -> None:
    """Make an account; prints its one-time password."""
    with _opened(data, database) as access:
        account, password = access.accounts.add(None, name, _role(role))
    _show_password(account.name, password, is_json)


def reset(
    name: NameArgument, data: DataOption, database: UrlOption = None, is_json: JsonOption = False
) -> None:
    """Give an account a new one-time password; its sessions end, its tokens are revoked.

    'admin' becomes an open account with the role admin whatever it was before, and failed logins are
    forgotten: so one always gets in again.
    """
    from nullfield.console.access.accounts import FIRST_ADMIN

    with _opened(data, database) as access:
        if name.lower() == FIRST_ADMIN:
            password = access.reset_admin()
        else:
            password = access.accounts.reset(None, access.accounts.id_of(name))
    _show_password(name.lower(), password, is_json)


def disable(
    name: NameArgument, data: DataOption, database: UrlOption = None, is_json: JsonOption = False
) -> None:
    """Shut an account: its sessions end, its tokens open nothing."""
    _set_enabled(name, data, database, is_json, is_enabled=False)


def enable(
    name: NameArgument, data: DataOption, database: UrlOption = None, is_json: JsonOption = False
) -> None:
    """Open an account that was shut."""
    _set_enabled(name, data, database, is_json, is_enabled=True)


def token(
    name: NameArgument,
    data: DataOption,
    label: Annotated[str, typer.Option("--label", help="What it is for.")],
    role: Annotated[str, typer.Option("--role", help="Not above the account's.")] = "operator",
    days: Annotated[int | None, typer.Option("--days", help="How long it lasts.")] = None,
    database: UrlOption = None,
    is_json: JsonOption = False,
) -> None:
    """Make an API token in the name of an account, for a program; prints it."""
    with _opened(data, database) as access:
        user = access.accounts.user_of(name)
        made, text = access.tokens.add(user, label[:_MOST_LABEL], _role(role), days)
    if is_json:
        print_json({"token": asdict(made), "text": text})
        return
    output.print(text)
    until = datetime.fromtimestamp(made.expires_unix_s, UTC).strftime("%Y-%m-%d")
    errors.print(f"{escape(made.user)}, {made.role}, until {until}. It is shown this once.")


def audit(data: DataOption, database: UrlOption = None, is_json: JsonOption = False) -> None:
    """Check the audit trail; prints the digest of its end, to be noted elsewhere."""
    with _opened(data, database) as access:
        verdict = access.trail.verify()
    if is_json:
        print_json(asdict(verdict))
    elif verdict.is_whole:
        output.print(f"[green]whole[/]: {verdict.entries} entries, end {verdict.digest}")
    if not verdict.is_whole:
        raise InputError(
            f"the audit trail is broken at entry {verdict.broken}",
            "somebody changed the database behind the console: compare it with a backup",
        )


@contextmanager
def _opened(data: Path, database: str | None) -> Iterator[Access]:
    # The web framework takes a second to load: only these commands wait for it.
    from nullfield.console.access.access import Access
    from nullfield.console.store.database import FILE_NAME, Database, default_url

    if database is None and not (data / FILE_NAME).is_file():
        raise InputError(
            f"there is no {FILE_NAME} in '{data}'",
            "give the folder that 'nullfield serve --data' uses; its first start makes the file",
        )
    opened = Database(database or default_url(data))
    try:
        opened.migrate()
        yield Access(opened, _now)
    finally:
        opened.close()


def _now() -> datetime:
    return datetime.now(UTC)


def _set_enabled(
    name: str, data: Path, database: str | None, is_json: bool, *, is_enabled: bool
) -> None:
    with _opened(data, database) as access:
        account = access.accounts.change(None, access.accounts.id_of(name), enabled=is_enabled)
    if is_json:
        print_json(asdict(account))
    else:
        output.print(f"{escape(account.name)}: {'open' if account.is_enabled else 'shut'}")


def _show_password(name: str, password: str, is_json: bool) -> None:
    if is_json:
        print_json({"name": name, "one_time_password": password})
        return
    output.print(f"{escape(name)}: one-time password [bold]{password}[/]")
    errors.print("It is shown this once, and must be changed at the first login.")


def _role(text: str) -> Role:
    from nullfield.console.access.user import ROLES

    for role in ROLES:
        if role == text:
            return role
    raise InputError(f"there is no role '{text}'", f"choose from {', '.join(ROLES)}")
