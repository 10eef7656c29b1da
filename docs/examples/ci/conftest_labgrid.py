"""Hands the ports of a labgrid environment to ``hil_tests``. Loaded by ``-p conftest_labgrid``.

Each target of the environment file gives one board; its features go to ``--attached``. Targets with a
power driver are cycled first, so that every run begins with a start from power-on.
"""

from __future__ import annotations

from typing import Any

import pytest
from labgrid import Environment
from labgrid.exceptions import NoDriverFoundError
from labgrid.protocol import PowerProtocol
from labgrid.resource import SerialPort


def pytest_addoption(parser: pytest.Parser) -> None:
    """The environment file; labgrid's own pytest plugin, which has --lg-env, is not needed."""
    parser.addoption("--bench-env", help="labgrid's environment file")


def port_of(target: Any) -> str:
    """Port of a target in the words of pyserial."""
    resource = target.get_resource("SerialPort", name="port") if has_local(target) else None
    if resource is not None:
        return str(resource.port)
    remote = target.get_resource("NetworkSerialPort", name="port")
    scheme = "rfc2217" if remote.protocol == "rfc2217" else "socket"
    return f"{scheme}://{remote.host}:{remote.port}"


def has_local(target: Any) -> bool:
    """Whether the port is one of this machine."""
    kinds = [one for one in target.resources if one.name == "port"]
    if not kinds:
        raise pytest.UsageError(f"target {target.name}: no resource named 'port'")
    return isinstance(kinds[0], SerialPort)


def cycle(target: Any) -> None:
    """Supply off and on, where it can be switched."""
    try:
        power = target.get_driver(PowerProtocol)
    except NoDriverFoundError:
        return
    power.cycle()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Fill in --target, --port and --attached."""
    file = config.getoption("--bench-env")
    if not file:
        return
    environment = Environment(file)
    targets = [environment.get_target(name) for name in environment.config.get_targets()]
    for target in targets:
        cycle(target)
    for target in targets:
        # A board that was just switched on: wait until its port is there.
        target.await_resources([one for one in target.resources if one.name == "port"])
    config.option.target = "real"
    config.option.port = "|".join(port_of(target) for target in targets)
    config.option.attached = ",".join(sorted(environment.get_target_features()))
