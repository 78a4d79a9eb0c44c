"""Further parts of the rooms, below what each opens with: one module each, with a `build(store)` or `build(store, recorded)`."""
