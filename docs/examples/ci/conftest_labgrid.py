"""Hands the ports of a labgrid environment to ``hil_tests``. Loaded by ``-p conftest_labgrid``.

Each target of the environment file gives one board, by its resource named ``port``; its features go to
``--attached``. Targets with a power driver are cycled first, so that a run begins with power-on.
"""

from __future__ import annotations

from typing import Any

import pytest
from labgrid import Environment
from labgrid.exceptions import NoDriverFoundError
from labgrid.protocol import PowerProtocol
from labgrid.resource import NetworkSerialPort


def pytest_addoption(parser: pytest.Parser) -> None:
    """The environment file; labgrid's own pytest plugin, which has --lg-env, is not needed."""
    parser.addoption("--bench-env", help="labgrid's environment file")


def port_resource(target: Any) -> Any:
    """The target's resource named ``port``."""
    for resource in target.resources:
        if resource.name == "port":
            return resource
    raise pytest.UsageError(f"target {target.name}: no resource named 'port'")


def port_of(resource: Any) -> str:
    """Port in the words of pyserial."""
    if isinstance(resource, NetworkSerialPort):
        scheme = "rfc2217" if resource.protocol == "rfc2217" else "socket"
        return f"{scheme}://{resource.host}:{resource.port}"
    return str(resource.port)


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
    ports = []
    for target in targets:
        resource = port_resource(target)
        # A board that was just switched on: wait until its port is there.
        target.await_resources([resource])
        ports.append(port_of(resource))
    config.option.target = "real"
    config.option.port = "|".join(ports)
    config.option.attached = ",".join(sorted(environment.get_target_features()))
