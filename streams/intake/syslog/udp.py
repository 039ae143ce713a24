"""Receive syslog over UDP (RFC 5426): one datagram, one record.

One thread only receives, so that a slow disk costs no datagram; a second one commits. Datagrams
that the kernel drops because its buffer is full are counted (SO_MEMINFO), and so are those that are
dropped here because the log refuses for too long; both become blind intervals."""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from threading import Event, Thread

from schemas.pipeline.source import IncomingRecord
from schemas.settings import IntakeSettings
from streams.intake.append_retry import append_with_retry
from streams.intake.splitting.record_buffer import FramedRecord
from streams.intake.splitting.several_acts import split_acts
from streams.intake.syslog.datagram_losses import DatagramLosses
from streams.intake.syslog.sender_names import SyslogSenders
from streams.ports import EventLog

_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55
_DROPS = 8
"""Index in SO_MEMINFO's nine u32 (linux/sock_diag.h)."""
_BUFFER_BYTES = 32 * 1024 * 1024
_MOST_BUFFERED = 200_000
"""Datagrams in memory while the log is slow."""
_A_BATCH = 2000
_LOOK_SECONDS = 0.2
_SO_ATTACH_FILTER = 26
_DROP_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0)
"""One instruction of the packet filter (linux/filter.h): return 0, keep nothing."""
_LAST_SECONDS = 2.0
"""So long is read on after `stop` where the kernel takes no filter and senders never pause."""
_DRAIN_SECONDS = 60.0
"""Far longer than reading a full buffer takes: what is held has an end."""
_GATHER_SECONDS = 0.005
_LARGEST_DATAGRAM = 65_535


class UdpListener:
    """Receives on a bound socket."""

    def __init__(
        self,
        bound: socket.socket,
        log: EventLog,
        settings: IntakeSettings,
        now: Callable[[], datetime],
    ) -> None:
        self.port: int = bound.getsockname()[1]
        self._socket = bound
        self._log = log
        self._senders = SyslogSenders(settings)
        self._now = now
        self._pending: deque[IncomingRecord] = deque()
        self._losses = DatagramLosses(log)
        self._stop = Event()
        self._received_all = Event()
        self._receiving = Thread(target=self._receive, name="syslog-udp", daemon=True)
        self._committing = Thread(target=self._commit, name="syslog-udp-commit", daemon=True)

    def start(self) -> None:
        _extend_buffer(self._socket)
        self._socket.settimeout(_LOOK_SECONDS)
        self._receiving.start()
        self._committing.start()

    def stop(self) -> None:
        """Take no more, read and commit what the kernel still holds, then let go."""
        self._stop.set()
        self._receiving.join()
        self._received_all.set()
        self._committing.join()
        self._socket.close()

    def _receive(self) -> None:
        last = None
        while last is None or time.monotonic() < last:
            if last is None and self._stop.is_set():
                last = time.monotonic() + (
                    _DRAIN_SECONDS if _drop_further(self._socket) else _LAST_SECONDS
                )
            try:
                raw, peer = self._socket.recvfrom(_LARGEST_DATAGRAM)
            except TimeoutError:
                if last is not None:
                    return
                continue
            except OSError:  # an ICMP error of an earlier answer; the socket goes on
                continue
            self._take(raw.rstrip(b"\r\n\0"), peer[0])

    def _take(self, raw: bytes, address: str) -> None:
        now = self._now()
        source = self._senders.get_source(address)
        self._losses.add_sender(source)
        if not raw:
            return
        if len(self._pending) >= _MOST_BUFFERED:
            self._losses.add_refused(source, 1, now)
            return
        for act, _ in split_acts([FramedRecord(raw)]):
            self._pending.append(IncomingRecord(source, act, now, "udp", address))

    def _commit(self) -> None:
        while True:
            finished = self._received_all.is_set()
            batch = [self._pending.popleft() for _ in range(min(len(self._pending), _A_BATCH))]
            if batch and not append_with_retry(self._log, batch, self._received_all):
                for incoming in batch:
                    self._losses.add_refused(incoming.source, 1, incoming.arrived)
            now = self._now()
            self._losses.update_kernel_count(_read_drop_count(self._socket), now)
            self._losses.note(now, final=finished and not batch)
            if not batch:
                if finished:
                    return
                self._received_all.wait(_GATHER_SECONDS)


def _extend_buffer(bound: socket.socket) -> None:
    """Extend the buffer as far as allowed: beyond the system's limit with CAP_NET_ADMIN, else up to
    it."""
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    with suppress(OSError):
        bound.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)


def _drop_further(bound: socket.socket) -> bool:
    """Make the kernel drop and count all further datagrams; those in its buffer can still be read.

    Returns False if this kernel takes no filter. Without one, senders that never pause would either
    keep the receiver from ending or lose datagrams without a count."""
    program = ctypes.create_string_buffer(_DROP_ALL, len(_DROP_ALL))
    try:
        bound.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program))
        )
    except OSError:
        return False
    return True


def _read_drop_count(bound: socket.socket) -> int:
    """Read how many datagrams the kernel has dropped on this socket since it was opened."""
    with suppress(OSError):  # a kernel older than 4.12 does not tell
        memory_info = bound.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_DROPS + 1))
        return int(struct.unpack_from("=I", memory_info, 4 * _DROPS)[0])
    return 0
