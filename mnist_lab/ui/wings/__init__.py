"""Further parts of the Classify room, below the bench: one module each, with a `build(store)`."""
