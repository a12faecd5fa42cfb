"""The numbers and names of MIDI: how messages begin, controllers that have a meaning, systems, our input."""

APIS = {"ALSA": 2, "JACK": 3, "CoreMIDI": 1, "WinMM": 4}  # the systems, with RtMidi's own numbers
INPUT_CLIENT, INPUT_PORT = "live-in", "control"  # where controllers are connected: live-in:control

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
# A clock: pulses, 24 a beat; where to go on, in sixteenths; and what a sequencer is to do.
POSITION, CLOCK, START, CONTINUE, STOP = 0xF2, 0xF8, 0xFA, 0xFB, 0xFC
BANK_COARSE, BANK_FINE, SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF = 0, 32, 64, 120, 123
# Controllers from this one on are channel mode messages (all notes off and such), never knobs.
FIRST_MODE_MESSAGE = 120
DRUM_CHANNEL = 9  # 10 on screen: the percussion of General MIDI


def note_number(message: list[int]) -> int:
    """Return channel * 128 + pitch of a raw message about a note."""
    return (message[0] & 0x0F) << 7 | message[1]
