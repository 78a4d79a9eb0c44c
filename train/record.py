"""Record the runs the rooms open with, by the shipped checkpoints: `python -m train.record`."""
