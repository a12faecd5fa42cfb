"""The low-latency engine: plays what a TorchScript decoder writes over MIDI, on time."""
