"""Watch it learn, in a real browser: scrubbing the snapshots, and one training step in slow motion."""

import json

import pytest
from playwright.sync_api import Page, expect

PIXELS = "(canvas) => canvas.toDataURL()"
BARS = "(list) => [...list.children].map((row) => +row.style.getPropertyValue('--p'))"


def open_room(page: Page, url: str, rest: str = "") -> Page:
    page.goto(url + "?room=classify&still=1" + rest)  # still: no film plays by itself
    page.wait_for_selector(".learning .tiles canvas", state="attached")
    return page


def come_to(page: Page, name: str) -> None:
    """Scroll a widget's film into the middle of the window and wait for its first answer."""
    page.wait_for_selector(f"#classify-{name} [data-ready]", state="attached")
    page.evaluate(f"document.querySelector('#classify-{name} .film').scrollIntoView({{ block: 'center' }})")
    page.wait_for_function(f"document.querySelector('#classify-{name} .ten .top')")



@pytest.fixture
def learning(page, url):
    come_to(open_room(page, url), "learning")
    return page.locator("#classify-learning")


@pytest.fixture
def lesson(page, url):
    come_to(open_room(page, url, "&network=lenet"), "lesson")
    page.wait_for_function("document.querySelectorAll('.lesson .layer').length === 9")
    return page.locator("#classify-lesson")


def watch_questions(page: Page) -> list[str]:
    """The names of our two questions as they are asked; other parts of the room may ask theirs."""
    asked = []

    def note(request) -> None:
        if "component_server" in request.url:
            asked.extend({"verdicts", "lesson"} & {json.loads(request.post_data or "{}").get("fn_name")})

    page.on("request", note)
    return asked


def scrub(page: Page, strip, shares: list[float]) -> None:
    box = strip.bounding_box()
    page.mouse.move(box["x"] + box["width"] * shares[0], box["y"] + box["height"] / 2)
    page.mouse.down()
    for share in shares[1:]:
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
    page.mouse.up()


def test_it_says_when_it_learned_to_read_the_drawing(learning):
    expect(learning.locator(".result")).to_contain_text("your 4")
    expect(learning.locator(".result")).to_contain_text("digits")


def test_scrubbing_changes_kernels_mistakes_and_bars_and_asks_nothing(page, learning):
    asked = watch_questions(page)
    strip, kernel, matrix, bars = (learning.locator(q) for q in (".strip", ".tiles canvas.weights >> nth=0", ".matrix canvas", ".ten"))
    scrub(page, strip, [.5, .2, 0])
    expect(learning.locator(".moment")).to_contain_text("Before the first digit")
    early = [kernel.evaluate(PIXELS), matrix.evaluate(PIXELS), bars.evaluate(BARS)]
    scrub(page, strip, [.1, .5, .9, 1])
    expect(learning.locator(".moment")).to_contain_text("digits: 9")
    late = [kernel.evaluate(PIXELS), matrix.evaluate(PIXELS), bars.evaluate(BARS)]
    assert all(a != b for a, b in zip(early, late, strict=True))
    assert max(late[2]) == late[2][4] > .9, "in the end it reads the 4"
    assert max(early[2]) < .5
    assert asked == []


def test_the_curves_scrub_and_the_keyboard_steps(page, learning):
    strip = learning.locator(".strip")
    plot = learning.locator(".plot.accuracy")
    plot.scroll_into_view_if_needed()
    scrub(page, plot, [.6, .5])
    middle = int(strip.get_attribute("aria-valuenow"))
    assert 0 < middle < int(strip.get_attribute("aria-valuemax"))
    strip.focus()
    page.keyboard.press("ArrowRight")
    assert int(strip.get_attribute("aria-valuenow")) == middle + 1
    page.keyboard.press("Home")
    assert strip.get_attribute("aria-valuetext").startswith("before the first digit")


def test_a_cell_of_the_matrix_says_what_it_counts(learning):
    learning.locator(".matrix canvas").hover(position={"x": 16, "y": 16})
    expect(learning.locator(".cell")).to_contain_text("0 read as 0")


def test_all_moments_read_a_new_drawing_in_one_question(page, learning):
    asked = watch_questions(page)
    page.locator(".pad .samples button").nth(1).evaluate("(button) => button.click()")  # above the window by now
    page.wait_for_function("document.querySelector('.learning .result').textContent.match(/your 2/)")
    assert asked.count("verdicts") == 1


def test_a_step_raises_the_belief_in_the_label_and_ten_more_raise_it_further(page, lesson):
    lesson.get_by_role("radio", name="9").click()
    page.wait_for_function("document.querySelector('.lesson .result').textContent.match(/belief in 9 rises/)")
    expect(lesson.locator(".steps")).to_have_text("1 step")
    once = lesson.locator(".ten").evaluate(BARS)[9]
    lesson.locator(".again").click()
    expect(lesson.locator(".steps")).to_have_text("11 steps")
    assert lesson.locator(".ten").evaluate(BARS)[9] > max(.5, once)
    lesson.locator(".over").click()
    expect(lesson.locator(".steps")).to_have_text("1 step")
    assert lesson.locator(".ten").evaluate(BARS)[9] == pytest.approx(once)


def test_the_film_of_a_step_shows_its_stages_in_order_and_asks_nothing(page, lesson):
    layers = lesson.locator(".layer").count()
    strip, asked = lesson.locator(".strip"), watch_questions(page)
    strip.focus()
    page.keyboard.press("Home")
    expect(lesson.locator(".stages .now")).to_contain_text("Forward")
    assert lesson.locator(".layer.spoke").count() == 0 and max(lesson.locator(".ten").evaluate(BARS)) == 0
    for stage, spoke, blamed in (("Loss", layers, 0), ("Blame", layers, 0), ("Nudge", layers, layers), ("Result", layers, layers)):
        page.keyboard.press("PageDown")
        expect(lesson.locator(".stages .now")).to_contain_text(stage)
        assert (lesson.locator(".layer.spoke").count(), lesson.locator(".layer.blamed").count()) == (spoke, blamed)
    for _ in range(15):
        page.keyboard.press("ArrowLeft")
    assert 0 < lesson.locator(".layer.blamed").count() < layers, "blame flows back layer by layer"
    assert "blamed" in lesson.locator(".layer").last.get_attribute("class"), "from the answer"
    assert asked == []


def test_play_runs_through_the_stages(page, lesson):
    lesson.locator(".play").click()
    expect(lesson.locator(".stages .now")).to_contain_text("Blame")
    page.wait_for_function("document.querySelector('.lesson .strip').getAttribute('aria-valuenow') === '50'", timeout=15_000)
    expect(lesson.locator(".stages .now")).to_contain_text("Result")


def test_the_best_network_takes_lessons_too(page, url):
    come_to(open_room(page, url), "lesson")
    names = page.locator(".lesson .layer .cap").all_text_contents()
    assert names[0] == "Convolution 1" and names[-1] == "Answer" and len(names) > 10
    river = page.locator(".lesson .river")
    assert river.evaluate("(e) => e.scrollWidth <= e.clientWidth"), "all layers fit beside each other"


@pytest.mark.parametrize("name", ["learning", "lesson"])
def test_on_a_phone_nothing_is_wider_than_the_screen(phone, url, name):
    come_to(open_room(phone, url, "&__theme=dark"), name)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    small = phone.locator(f"#classify-{name} button:visible").evaluate_all("(all) => all.filter((b) => b.offsetHeight < 44).map((b) => b.className)")
    assert small == []
