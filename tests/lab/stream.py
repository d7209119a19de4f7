"""A client that sends all the time over one TCP connection and checks every byte of the echo."""

from __future__ import annotations

import random
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PIECE_BYTES = 1024
EVERY_S = 0.002
CONNECT_FOR_S = 10.0
DRAIN_FOR_S = 60.0
_TCP_RTO_MAX_MS = 44  # linux/tcp.h
# Of a prime length: a piece that is lost or comes twice never fits the pattern again.
PATTERN = random.Random(5).randbytes(65521)


@dataclass(frozen=True)
class Streamed:
    """What went over the connection; ``broken`` says how it was lost, "" if it was not."""

    sent_bytes: int
    returned_bytes: int
    longest_silence_s: float
    broken: str


class Streamer:
    """Stream to an echo server until told to end, about half a megabyte a second.

    One that is ``eager`` sends again each second what is not answered, instead of ever more
    seldom; it then meets every gap that is longer (kernel 6.15 and later, else no difference).
    """

    def __init__(self, address: str, port: int, *, eager: bool = False) -> None:
        self._connection = _connect(address, port)
        if eager:
            with suppress(OSError):
                self._connection.setsockopt(socket.IPPROTO_TCP, _TCP_RTO_MAX_MS, 1000)
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._sent_bytes = 0
        self._returned_bytes = 0
        self._heard_at = time.monotonic()
        self._longest_silence_s = 0.0
        self._broken = ""
        self._threads = [threading.Thread(target=run) for run in (self._send, self._receive)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._ending.set()
        if kind is not None:
            self._connection.close()
        for thread in self._threads:
            thread.join()
        self._connection.close()

    def so_far(self) -> Streamed:
        """Return the figures since the start, or since ``forget_silence``."""
        with self._lock:
            silence_s = max(self._longest_silence_s, time.monotonic() - self._heard_at)
            return Streamed(self._sent_bytes, self._returned_bytes, silence_s, self._broken)

    def forget_silence(self) -> None:
        """Measure the longest silence anew from now on."""
        with self._lock:
            self._longest_silence_s = 0.0
            self._heard_at = time.monotonic()

    def wait_until_it_flows(self, *, timeout_s: float = 30) -> None:
        """Return once a byte that is sent from now on has come back, or the connection is lost."""
        sent_bytes = self.so_far().sent_bytes
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            now = self.so_far()
            if now.returned_bytes > sent_bytes or now.broken:
                return
            time.sleep(0.02)

    def end(self) -> Streamed:
        """Stop sending, wait for the rest of the echo, and return the figures."""
        silence_s = self.so_far().longest_silence_s
        self._ending.set()
        for thread in self._threads:
            thread.join()
        figures = self.so_far()
        return Streamed(figures.sent_bytes, figures.returned_bytes, silence_s, figures.broken)

    def _send(self) -> None:
        try:
            while not self._ending.is_set() and not self._broken:
                start = self._sent_bytes % len(PATTERN)
                sent = self._connection.send(PATTERN[start : start + PIECE_BYTES])
                with self._lock:
                    self._sent_bytes += sent
                time.sleep(EVERY_S)
            self._connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._broken = self._broken or f"sending: {error}"

    def _receive(self) -> None:
        try:
            while piece := self._connection.recv(65536):
                self._check(piece)
        except OSError as error:
            self._broken = self._broken or f"receiving: {error}"
        if not self._ending.is_set() or self._returned_bytes != self._sent_bytes:
            self._broken = self._broken or "the other side ended it"

    def _check(self, piece: bytes) -> None:
        start = self._returned_bytes % len(PATTERN)
        wanted = (PATTERN[start:] + PATTERN * (len(piece) // len(PATTERN) + 1))[: len(piece)]
        if piece != wanted:
            self._broken = self._broken or f"wrong bytes after {self._returned_bytes}"
        with self._lock:
            now = time.monotonic()
            self._longest_silence_s = max(self._longest_silence_s, now - self._heard_at)
            self._heard_at = now
            self._returned_bytes += len(piece)


def _connect(address: str, port: int) -> socket.socket:
    deadline = time.monotonic() + CONNECT_FOR_S
    while True:
        try:
            connection = socket.create_connection((address, port), timeout=CONNECT_FOR_S)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            # For both directions: a server that has gone for good ends the wait, too.
            connection.settimeout(DRAIN_FOR_S)
            return connection
