"""What a screen receives over its two WebSockets, and when."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from nullfield.console.live.frames import FrameFlags, unpack

_NEVER = float("inf")


@dataclass
class Viewer:
    """One screen.

    Attributes
    ----------
    frames, states : int
        Messages that came.
    skipped : int
        Frames before which samples were left out, told or found.
    arrivals_s : list of (float, float)
        When a frame came, and the time of its newest sample on the instrument's clock.
    """

    frames: int = 0
    states: int = 0
    bytes: int = 0
    skipped: int = 0
    is_cut_off: bool = False
    arrivals_s: list[tuple[float, float]] = field(default_factory=list)
    longest_pause_s: float = 0.0


class Audience:
    """Some viewers at once, in one thread.

    Parameters
    ----------
    url : str
        Of the console, ``http://...``.
    token : str
    channels : list of str
    count : int
    """

    def __init__(self, url: str, token: str, channels: list[str], count: int) -> None:
        self._base = url.replace("http", "ws", 1)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._channels = ",".join(channels)
        self.viewers = [Viewer() for _ in range(count)]
        self._ended: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Look until `end` is called."""
        asyncio.run(self._look())

    def end(self) -> None:
        """Close all; from another thread, as often as one likes."""
        if self._loop is not None and self._ended is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ended.set)

    async def _look(self) -> None:
        self._ended, self._loop = asyncio.Event(), asyncio.get_running_loop()
        tasks = [
            asyncio.create_task(look(viewer))
            for viewer in self.viewers
            for look in (self._live, self._state)
        ]
        await self._ended.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _state(self, viewer: Viewer) -> None:
        async with connect(
            f"{self._base}/ws/state", additional_headers=self._headers, max_size=None
        ) as socket:
            async for message in socket:
                viewer.states += 1
                viewer.bytes += len(message)

    async def _live(self, viewer: Viewer) -> None:
        url = f"{self._base}/ws/live?channels={self._channels}"
        next_s, last_s = _NEVER, _NEVER
        try:
            async with connect(url, additional_headers=self._headers, max_size=None) as socket:
                async for message in socket:
                    now_s = time.monotonic()
                    assert isinstance(message, bytes)
                    frame = unpack(message)
                    n_samples = frame.field_pt.shape[1]
                    end_s = frame.start_time_s + n_samples / frame.rate_hz
                    is_told = bool(frame.flags & FrameFlags.SKIPPED)
                    viewer.skipped += is_told or frame.start_time_s > next_s + 0.5 / frame.rate_hz
                    viewer.longest_pause_s = max(viewer.longest_pause_s, now_s - last_s)
                    viewer.arrivals_s.append((now_s, end_s))
                    viewer.frames += 1
                    viewer.bytes += len(message)
                    next_s, last_s = end_s, now_s
        except ConnectionClosed:
            viewer.is_cut_off = True
