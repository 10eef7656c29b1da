"""A board's settings, in SI units, as the board describes them."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nullfield.errors import RequestError
from nullfield.link import Link
from nullfield.link_answers import Subject, refusal
from nullfield_protocol.catalogue import ErrorCode, SettingFlag, SettingKind
from nullfield_protocol.codec import parse, text
from nullfield_protocol.frame import Frame
from nullfield_protocol.messages import MessageId

_INT32_LIMIT = 1 << 31


def scaled(raw: int, exponent: int) -> float:
    """Value in SI of a raw setting; powers of ten up to 22 are exact as divisors."""
    return raw / 10.0**-exponent if exponent < 0 else raw * 10.0**exponent


@dataclass(frozen=True)
class SettingValue:
    """One setting.

    Attributes
    ----------
    value, minimum, maximum, default : float
        In `unit`.
    unit : str
        SI unit, empty for plain numbers.
    exponent : int
        The raw 32-bit value times ten to this power is the value.
    """

    name: str
    index: int
    value: float
    unit: str
    minimum: float
    maximum: float
    default: float
    raw: int
    exponent: int
    is_boolean: bool
    is_persistent: bool
    is_read_only: bool


class Settings:
    """Settings of the board behind a link; `read_all` comes first."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._descriptions: list[Any] = []
        self._index: dict[str, int] = {}
        self._raw: list[int] = []

    def read_all(self) -> None:
        """Read every description and value from the board."""
        descriptions = [
            self._link.request(
                MessageId.SETTING_DESCRIBE_REQUEST,
                MessageId.SETTING_DESCRIPTION,
                Subject(f"description of setting {index}"),
                index=index,
            )
            for index in range(self._link.identity.setting_count)
        ]
        self._raw = [int(description.value) for description in descriptions]
        self._index = {text(one.name): index for index, one in enumerate(descriptions)}
        self._descriptions = descriptions

    def follow(self, frame: Frame, host_time_s: float) -> None:
        """Take over values that came with any answer; a listener of the link."""
        if frame.message != MessageId.SETTING_VALUE:
            return
        try:
            reply = parse(MessageId.SETTING_VALUE, frame.payload)
        except ValueError:
            return
        if reply.error == ErrorCode.OK and reply.index < len(self._raw):
            self._raw[reply.index] = int(reply.value)

    def names(self) -> list[str]:
        """Names in the board's order."""
        return list(self._index)

    def describe(self, name: str) -> SettingValue:
        """Value and description of a setting."""
        index = self._find(name)
        one = self._descriptions[index]
        exponent = int(one.exponent)
        return SettingValue(
            name=name,
            index=index,
            value=scaled(self._raw[index], exponent),
            unit=text(one.unit),
            minimum=scaled(one.minimum, exponent),
            maximum=scaled(one.maximum, exponent),
            default=scaled(one.default, exponent),
            raw=self._raw[index],
            exponent=exponent,
            is_boolean=one.kind == SettingKind.BOOLEAN,
            is_persistent=bool(one.flags & SettingFlag.PERSISTENT),
            is_read_only=bool(one.flags & SettingFlag.READ_ONLY),
        )

    def get(self, name: str) -> float:
        """Value in SI, as last told by the board."""
        index = self._find(name)
        return scaled(self._raw[index], int(self._descriptions[index].exponent))

    def all(self) -> dict[str, SettingValue]:
        """Every setting by name."""
        return {name: self.describe(name) for name in self._index}

    def raw_descriptions(self) -> list[dict[str, Any]]:
        """Every setting as integers of the wire, for a recording's header."""
        return [
            {
                "index": int(one.index),
                "name": text(one.name),
                "kind": int(one.kind),
                "flags": int(one.flags),
                "unit": text(one.unit),
                "exponent": int(one.exponent),
                "minimum": int(one.minimum),
                "maximum": int(one.maximum),
                "default": int(one.default),
                "value": raw,
            }
            for one, raw in zip(self._descriptions, self._raw, strict=True)
        ]

    def refresh(self, name: str) -> float:
        """Ask the board for the value and return it."""
        index = self._find(name)
        reply = self._link.request(
            MessageId.SETTING_READ_REQUEST,
            MessageId.SETTING_VALUE,
            Subject(f"setting {name}"),
            index=index,
        )
        self._raw[index] = int(reply.value)
        return self.get(name)

    def set(self, name: str, value_si: float) -> float:
        """Write a setting and return the value in force, rounded to the setting's step.

        The board checks the limits.

        Raises
        ------
        RequestError
            Names the setting, the value given and the limit.
        """
        index = self._find(name)
        now = self.describe(name)
        scale = 10.0 ** abs(now.exponent)
        steps = float(value_si) * scale if now.exponent < 0 else float(value_si) / scale
        show = _formatter(now)
        subject = Subject(f"setting {name}", f"{float(value_si):g} {now.unit}".strip(), show)
        if not -_INT32_LIMIT <= steps < _INT32_LIMIT - 0.5:
            # It does not fit the wire, so the board cannot be the one to refuse it.
            code, limit = _limit(steps < 0, self._descriptions[index])
            raise refusal(self._link.label, subject, code, limit)
        try:
            reply = self._link.request(
                MessageId.SETTING_WRITE_REQUEST,
                MessageId.SETTING_VALUE,
                subject,
                index=index,
                value=round(steps),
            )
        except RequestError as error:
            if error.code in (ErrorCode.BELOW_MINIMUM, ErrorCode.ABOVE_MAXIMUM):
                # The answer holds the value in force; the limit is in the description.
                below = error.code == ErrorCode.BELOW_MINIMUM
                code, limit = _limit(below, self._descriptions[index])
                raise refusal(self._link.label, subject, code, limit) from None
            raise
        self._raw[index] = int(reply.value)
        return self.get(name)

    def _find(self, name: str) -> int:
        if name in self._index:
            return self._index[name]
        close = difflib.get_close_matches(name, self._index, n=1)
        raise RequestError(
            f"{self._link.label}: there is no setting {name}",
            f"did you mean {close[0]}?" if close else "list the board's settings",
            code=ErrorCode.UNKNOWN_SETTING,
        )


def _limit(below: bool, description: Any) -> tuple[ErrorCode, int]:
    if below:
        return ErrorCode.BELOW_MINIMUM, int(description.minimum)
    return ErrorCode.ABOVE_MAXIMUM, int(description.maximum)


def _formatter(setting: SettingValue) -> Callable[[int], str]:
    return lambda raw: f"{scaled(raw, setting.exponent):g} {setting.unit}".strip()
