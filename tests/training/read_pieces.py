"""What is read of the bytes of a MIDI file: its pieces and their steps, or why there are none."""

import pytest

from training.data.extract import pieces_of
from training.data.midi import UnusableError, read_score


def pieces(data):
    """Return the pieces of a file."""
    return pieces_of(read_score(data))[0]


def reason(data):
    """Return why a file is refused."""
    with pytest.raises(UnusableError) as caught:
        pieces(data)
    return caught.value.reason


def steps(piece, voice):
    """Return the tokens of a voice, one a step."""
    return piece.rows[:, :, voice].reshape(-1).tolist()
