"""``bundle``: build, check and trust signed firmware bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import errors, output, print_json
from nullfield.deploy.build_bundle import TARGETS, build_bundle, read_definition
from nullfield.deploy.bundle import SUFFIX, Bundle, McuName, parse_bundle, read_bundle
from nullfield.deploy.signing import DEVELOPMENT_KEY, KeyRing
from nullfield.errors import InputError
from nullfield.places import boards_directory, firmware_directory
from nullfield.toolchain import ensure_mpy_cross

BundleArgument = Annotated[Path, typer.Argument(help="A bundle, NAME.nfb.")]

_group = typer.Typer(
    help="Signed firmware bundles: build, verify, show, and whom to trust.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    _group.command(epilog="Example: [bold]nullfield bundle keygen release[/]")(keygen)
    _group.command(
        epilog="Example: [bold]nullfield bundle build coil_pico2[/]    "
        "[bold]nullfield bundle build coil_pico2 --mcu virtual -o coil.nfb[/]"
    )(build)
    _group.command(epilog="Example: [bold]nullfield bundle verify coil_pico2-rp2350.nfb[/]")(verify)
    _group.command(epilog="Example: [bold]nullfield bundle show coil_pico2-rp2350.nfb --json[/]")(
        show
    )
    _group.command(epilog="Example: [bold]nullfield bundle trust release.pub[/]")(trust)
    app.add_typer(_group, name="bundle")


def key_ring() -> KeyRing:
    """The user's keys; says so when one is made."""
    return KeyRing(tell=lambda line: errors.print(f"[dim]{line}[/]"))


def build_for(board: str, mcu: McuName | None, key: str, ring: KeyRing) -> bytes:
    """Build the bundle of a board definition from the source tree."""
    mpy_cross = ensure_mpy_cross(lambda line: errors.print(f"[dim]{line}[/]"))
    return build_bundle(
        board, ring.signing_key(key), mpy_cross, firmware_directory(), boards_directory(), mcu
    )


def mcu_name(given: str | None) -> McuName | None:
    """A processor's name from the command line."""
    for known in TARGETS:
        if given == known:
            return known
    if given is None:
        return None
    raise InputError(f"--mcu: {given!r} is unknown", f"give one of {', '.join(TARGETS)}")


def keygen(
    name: Annotated[str, typer.Argument(help="Name of the key.")],
    is_json: JsonOption = False,
) -> None:
    """Make a key pair for signing; the public half is trusted here at once.

    Give NAME.pub to those who shall accept what you sign, and keep NAME.pem to yourself.
    """
    ring = key_ring()
    key = ring.make(name)
    public = ring.directory / "trusted" / f"{name}.pub"
    if is_json:
        print_json({"name": name, "key": key.key_id, "public": str(public)})
    else:
        output.print(f"public key for others: {public}")


def build(
    board: Annotated[str, typer.Argument(help="Name of the board definition.")],
    mcu: Annotated[str | None, typer.Option("--mcu", help="'virtual' for a virtual board.")] = None,
    target: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default by its name.")
    ] = None,
    key: Annotated[
        str, typer.Option("--key", help="Name of the key that signs.")
    ] = DEVELOPMENT_KEY,
    is_json: JsonOption = False,
) -> None:
    """Build and sign the bundle of a board from the source tree.

    The same tree and the same key give the same bytes.
    """
    wanted = mcu_name(mcu)
    ring = key_ring()
    data = build_for(board, wanted, key, ring)
    mcu_text = wanted or read_definition(boards_directory(), board)["mcu"]
    path = target or Path(f"{board}-{mcu_text}{SUFFIX}")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "give another file with --output") from error
    bundle = parse_bundle(data, str(path))
    if is_json:
        print_json({"file": str(path), **describe(bundle), "signed_by": key, "bytes": len(data)})
    else:
        output.print(f"{path}: {bundle.header.title}, {len(data)} bytes, signed by '{key}'")


def verify(bundle: BundleArgument, is_json: JsonOption = False) -> None:
    """Check every byte of a bundle and that a key signed it which you trust."""
    content = read_bundle(bundle)
    key = content.verify(key_ring().trusted(), str(bundle))
    if is_json:
        print_json({"file": str(bundle), **describe(content), "signed_by": key.name})
    else:
        output.print(f"good: {content.header.title}, signed by '{key.name}' ({key.key_id})")


def show(bundle: BundleArgument, is_json: JsonOption = False) -> None:
    """What is in a bundle; it need not be signed by a key you trust."""
    content = read_bundle(bundle)
    names = {one.key_id: one.name for one in key_ring().trusted()}
    signer = names.get(content.key_id, "")
    if is_json:
        files = [entry.model_dump() for entry in content.header.files]
        print_json({**describe(content), "trusted_as": signer, "files": files})
        return
    listing = Table("file", "bytes", "SHA-256", title=content.header.title)
    for entry in content.header.files:
        listing.add_row(entry.path, str(entry.size), entry.sha256[:16] + "…")
    output.print(listing)
    for name, value in describe(content).items():
        output.print(f"{name.replace('_', ' ')}: {value}")
    output.print(f"trusted: {f'yes, as {signer!r}' if signer else 'no: the key is unknown here'}")


def trust(
    file: Annotated[Path, typer.Argument(help="Public key, NAME.pub.")],
    name: Annotated[str | None, typer.Option("--name", help="Name for the key here.")] = None,
    is_json: JsonOption = False,
) -> None:
    """Accept bundles that this key signs from now on."""
    key = key_ring().trust(file, name)
    if is_json:
        print_json({"name": key.name, "key": key.key_id})
    else:
        output.print(f"trusted: '{key.name}' ({key.key_id})")


def describe(bundle: Bundle) -> dict[str, Any]:
    """Header of a bundle without its files, for JSON."""
    return {**bundle.header.model_dump(exclude={"files"}), "key": bundle.key_id}
