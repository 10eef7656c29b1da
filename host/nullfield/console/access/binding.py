"""Where the server may listen."""

from __future__ import annotations

import ipaddress

from nullfield.errors import AccessError


def is_loopback(host: str) -> bool:
    """Whether only programs on this computer reach a server bound to an address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_binding(host: str, has_tls: bool, allow_insecure: bool) -> None:
    """Refuse to open the console to a network without encryption.

    Parameters
    ----------
    host : str
        Address or name that the server is to be bound to.
    has_tls : bool
        Whether a certificate and its key were given.
    allow_insecure : bool
        Whether the user asked for plain HTTP by name.

    Raises
    ------
    AccessError
        If passwords and examinations would go over a network in the clear.
    """
    if is_loopback(host) or has_tls or allow_insecure:
        return
    raise AccessError(
        f"the console would be open to the network at '{host or 'all addresses'}' without encryption",
        "give --certificate and --key, or bind to 127.0.0.1; --insecure-http if a proxy encrypts",
    )
