"""The parts of the screen, each painted cell by cell so that a frame costs little."""
