"""Training scripts: `python -m train.classifier`, `train.gan`, `train.diffusion`, and `train.evaluate` for the scores."""
