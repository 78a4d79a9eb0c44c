"""Networks that run in the page give the numbers Python gives."""

import base64

import numpy as np
import pytest
import torch

from mnist_lab.data import to_model
from mnist_lab.ui.readings import steps_of

RUN = """async ([program, pixels, scaled]) => {
  const net = Lab.makeNetwork(program), out = pixels.map((p) => [...net.run(Lab.bytes(p), scaled ?? {}).logits]);
  return out;
}"""


@pytest.fixture
def lab(page, url):
    page.goto(url + "?room=classify")
    page.wait_for_function("Boolean(window.Lab?.network)")
    return page


@pytest.mark.parametrize("name", ["lenet", "resnet"])
def test_logits_equal_python_s(lab, store, validation_digits, name):
    images = validation_digits.images[::300][:12]
    found = lab.evaluate(RUN, [steps_of(store, {"network": name}), [base64.b64encode(i.numpy().tobytes()).decode() for i in images], None])
    with torch.inference_mode():
        expected = store[name](to_model(images)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_page_fetches_a_network_once(lab):
    asked = []
    lab.on("request", lambda r: asked.append(r.url) if "component_server" in r.url else None)
    lab.evaluate("Promise.all([Lab.network('lenet'), Lab.network('lenet')]).then((found) => found[0].ops.length)")
    assert len(asked) <= 1


@pytest.mark.parametrize(("room", "first"), [("classify", {"busy": True}), ("gan", {"busy": True}), ("gan", {})])
def test_a_lab_that_could_not_answer_is_asked_again(page, url, room, first):
    asked = []

    def answer(route):
        steps = '"steps"' in (route.request.post_data or "")
        asked.extend([1] * steps)
        route.fulfill(json=first) if steps and len(asked) == 1 else route.continue_()

    page.route("**/component_server/", answer)
    page.goto(f"{url}?room={room}&still=1")
    page.wait_for_function("Boolean(window.Lab?.network)")
    ask = "Lab.network('lenet').then((found) => found.ops.length, () => 0)"
    assert page.evaluate(ask) > 0 or (page.evaluate(ask) > 0 and not first)
    assert len(asked) == 2
