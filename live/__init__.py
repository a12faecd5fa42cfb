"""The instrument: a command line and a Textual screen over the engine."""
