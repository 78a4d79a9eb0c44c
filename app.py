"""MNIST Lab's entry: `python app.py`, and what Hugging Face Spaces runs."""

import os

from mnist_lab.ui.app import build, launch_settings

demo = build()

if __name__ == "__main__":
    demo.launch(server_port=int(os.environ.get("PORT", "7860")), **launch_settings())
