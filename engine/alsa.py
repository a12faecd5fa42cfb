"""The ALSA sequencer from outside: its ports as the kernel lists them, and connecting any two of them."""

import ctypes
import errno
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

CLIENTS = Path("/proc/asound/seq/clients")  # who is there, and who is connected to whom
_CLIENT = re.compile(r'Client +(\d+) : "(.*)" \[')
_PORT = re.compile(r' +Port +(\d+) : "(.*)" \((.)(.)')
_DUPLEX = 3


class _Address(ctypes.Structure):
    """snd_seq_addr_t"""

    _fields_ = (("client", ctypes.c_ubyte), ("port", ctypes.c_ubyte))


def names(lines: Sequence[str], takes: bool) -> Iterator[str]:
    """Yield the ports that take messages, or that send them, called as RtMidi calls them: "Synth:in 129:0".

    `lines` are those of CLIENTS. Ports that nobody may connect to are left out.
    """
    client = name = ""
    for line in lines:
        if found := _CLIENT.match(line):
            client, name = found.groups()
        elif found := _PORT.match(line):
            port, title, reads, writes = found.groups()
            if (writes == "W") if takes else (reads == "R"):
                yield f"{name}:{title} {client}:{port}"


def connect(sender: str, receiver: str) -> None:
    """Connect two ports by their addresses, such as "20:0"; OSError: it is refused, or there is no ALSA."""
    alsa = ctypes.CDLL("libasound.so.2")
    sequencer, both = ctypes.c_void_p(), ctypes.c_void_p()
    _check(alsa.snd_seq_open(ctypes.byref(sequencer), b"default", _DUPLEX, 0))
    try:
        _check(alsa.snd_seq_port_subscribe_malloc(ctypes.byref(both)))
        alsa.snd_seq_port_subscribe_set_sender(both, ctypes.byref(_address(sender)))
        alsa.snd_seq_port_subscribe_set_dest(both, ctypes.byref(_address(receiver)))
        answer = alsa.snd_seq_subscribe_port(sequencer, both)
        alsa.snd_seq_port_subscribe_free(both)
        _check(answer)
    finally:
        alsa.snd_seq_close(sequencer)


def _address(text: str) -> _Address:
    client, _, port = text.partition(":")
    return _Address(int(client), int(port))


def _check(answer: int) -> None:
    if answer < 0 and answer != -errno.EBUSY:  # a patchbay was quicker
        raise OSError(-answer, f"ALSA answers {answer}")
