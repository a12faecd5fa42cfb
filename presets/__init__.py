"""The presets that come with the instrument, one folder each."""
