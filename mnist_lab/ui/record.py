"""Record the runs the rooms open with, by the shipped checkpoints: `python -m mnist_lab.ui.record`.

Each room's first paint is a real run, stored with the package, before any model is loaded.
"""

import json

from mnist_lab.checkpoint import Store
from mnist_lab.ui import classify_tab, diffusion_tab, examples, gan_tab, readings


def main() -> None:
    store = Store()
    if "by_heart" not in store.load("diffusion")[1].scores:  # the last of what is shown to be measured
        raise SystemExit("The denoiser is not scored yet. Run make train-diffusion, then make evaluate FLAGS=\"--choose 400 --measure-race 400\".")
    readings.RECORDED.write_text(json.dumps(classify_tab.record(store), separators=(",", ":")))
    gan_tab.RECORDED.write_text(json.dumps(gan_tab.record(store), separators=(",", ":")))
    room, sprite, noise = diffusion_tab.record(store)
    diffusion_tab.RECORDED.write_text(json.dumps(room, separators=(",", ":")))
    sprite.save(diffusion_tab.RECORDED.with_suffix(".jpg"), quality=85)
    noise.save(diffusion_tab.RECORDED.with_suffix(".png"), optimize=True)
    examples.record(store).save(examples.RECORDED, optimize=True)


if __name__ == "__main__":
    main()
