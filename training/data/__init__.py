"""From files of music to a store, and what is drawn from it."""
