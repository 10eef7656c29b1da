"""Firmware drivers under CPython: a stand-in for MicroPython's own module, and buses to models."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"


def _same(value: Any) -> Any:
    return value


@pytest.fixture(scope="session", autouse=True)
def micropython_module() -> Iterator[None]:
    """Make ``import micropython`` and ``import nullfield_fw`` work."""
    stand_in = types.ModuleType("micropython")
    stand_in.const = _same  # type: ignore[attr-defined]
    stand_in.viper = _same  # type: ignore[attr-defined]
    stand_in.native = _same  # type: ignore[attr-defined]
    before = sys.modules.get("micropython")
    sys.modules["micropython"] = stand_in
    sys.path.insert(0, str(FIRMWARE))
    yield
    sys.path.remove(str(FIRMWARE))
    if before is None:
        del sys.modules["micropython"]
    else:
        sys.modules["micropython"] = before


class Chip(Protocol):
    """Anything with a chip-select transaction."""

    def transfer(self, data: bytes, /) -> bytes: ...


class SpiBus:
    """The driver's side of a bus, wired to one chip model."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip

    def transfer(self, tx: bytearray, rx: bytearray) -> None:
        assert len(tx) == len(rx)
        rx[:] = self._chip.transfer(bytes(tx))

    def write(self, tx: bytearray) -> None:
        self._chip.transfer(bytes(tx))


class EmptySocket:
    """No chip: the line floats at one level."""

    def __init__(self, level: int) -> None:
        self._level = level

    def transfer(self, data: bytes) -> bytes:
        return bytes([self._level]) * len(data)


class UartBus:
    """The driver's side of a UART, wired to one model; a silent line reads as zeros."""

    def __init__(self, chip: Any) -> None:
        self._chip = chip

    def transfer(self, tx: bytearray, rx: bytearray) -> None:
        rx[:] = self._chip.transfer(bytes(tx), len(rx)) if self._chip else bytes(len(rx))

    def write(self, tx: bytearray) -> None:
        if self._chip:
            self._chip.transfer(bytes(tx))


@pytest.fixture
def spi_bus() -> type[SpiBus]:
    """Class of the bus; a fixture because test modules cannot import a conftest safely."""
    return SpiBus


@pytest.fixture
def empty_socket() -> type[EmptySocket]:
    """Class of a missing chip."""
    return EmptySocket


@pytest.fixture
def uart_bus() -> type[UartBus]:
    """Class of the UART line."""
    return UartBus
