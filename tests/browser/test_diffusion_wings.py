"""The Diffusion room's further parts in a real browser: each opens on something recorded, follows the hand, and asks the server only when it must."""

import functools
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from mnist_lab.ui.diffusion_tab import recorded
from tests.browser.test_diffusion_room import ink, open_room, requests_during
from tests.browser.test_gan_room import slide
from tests.browser.test_gan_room import wing as any_wing

SLOW = 60_000  # ms for an answer of several sampled pictures on a busy machine


wing = functools.partial(any_wing, room="diffusion")


def told(page, name: str, key: str):
    """Waits for a data attribute of a part, and gives it."""
    handle = page.wait_for_function("([within, key]) => document.querySelector(within)?.dataset[key]", arg=[holder(name, key), key], timeout=SLOW)
    return handle.json_value()


def holder(name: str, key: str) -> str:
    return f"#diffusion-{name} [data-{key}], #diffusion-{name}[data-{key}]"


def until(page, name: str, key: str, is_so: str):
    """Waits until a data attribute of a part, the v of a JavaScript condition, is so."""
    page.wait_for_function(f"(within) => {{ const v = document.querySelector(within)?.dataset.{key}; return {is_so}; }}", arg=holder(name, key), timeout=SLOW)


def draw(page, part):
    """One slanted stroke on a part's pad: a 1."""
    box = part.locator(".sketch canvas").nth(1)
    box.scroll_into_view_if_needed()
    at = box.bounding_box()
    page.mouse.move(at["x"] + 0.55 * at["width"], at["y"] + 0.15 * at["height"])
    page.mouse.down()
    page.mouse.move(at["x"] + 0.45 * at["width"], at["y"] + 0.85 * at["height"], steps=6)
    page.mouse.up()


@pytest.mark.parametrize("device", ["page", "phone"])
def test_no_part_opens_empty_or_too_wide(request, url, store, device):
    page = request.getfixturevalue(device)
    open_room(page, url)
    for name in ("noise", "guide", "branch", "race", "student", "draw", "seeds", "write", "copies"):
        part = wing(page, name)
        inked = part.locator("canvas").evaluate_all("""(all) => all.filter((c) => c.offsetParent && c.width && c.height).map((c) => {
          const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return new Set(d.filter((_, i) => i % 4 === 0)).size; })""")
        assert max(inked) > 20, name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_moment_of_decision_is_where_the_curves_cross(page, url, store):
    open_room(page, url)
    part = page.locator("#diffusion-decided")
    part.scroll_into_view_if_needed()
    told(page, "decided", "read")
    expect(part.locator(".verdict")).to_have_text(re.compile(r"Decided at (once|step \d+: from here on)"))
    plot = part.locator(".plot").bounding_box()
    assert requests_during(page, lambda: page.mouse.click(plot["x"] + 44, plot["y"] + 60)) == []
    expect(page.locator("#denoising .step")).to_have_text("Pure noise")
    page.click("#denoising .ten button:nth-child(9)")  # label 7
    expect(part.locator(".verdict")).to_have_text(re.compile(r"Decided .* it is a 7"), timeout=SLOW)


def test_a_drawing_is_noised_and_dragging_asks_nothing(page, url, store):
    open_room(page, url)
    part = wing(page, "noise")
    draw(page, part)
    until(page, "noise", "read", "v === '1'")

    def drag():
        part.locator(".strip").focus()
        page.keyboard.press("Home")
        expect(part.locator(".noisy .reads")).to_contain_text("read as 1")
        page.keyboard.press("End")
        expect(part.locator(".share")).to_contain_text("noise 100 %")

    assert requests_during(page, drag) == []


def test_guidance_slides_without_the_server_and_looks_where_the_film_stands(page, url, store):
    open_room(page, url)
    part = wing(page, "guide")
    assert requests_during(page, lambda: slide(page, "#diffusion-guide input", 4)) == []
    expect(part.locator(".at")).to_have_text("Guidance 4.0")
    part.get_by_role("button", name="Label 2").click()
    until(page, "guide", "looked", "v?.endsWith(' 2')")
    expect(part.locator(".told")).to_have_text("Told: 2")
    expect(part.locator(".asked .reads")).to_contain_text("read as")


def test_a_film_branches_where_it_stands(page, url, store):
    open_room(page, url, "&steps=8&which=one&label=4&seed=4")
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=SLOW)
    page.locator("#denoising .strip").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    part = wing(page, "branch")
    expect(part.locator(".from")).to_have_text("From step 1 of 8")
    part.locator(".label").get_by_role("button", name="Label 9").click()
    until(page, "branch", "branched", "v === '1 4 9'")
    expect(part.locator(".new .which")).to_have_text("The branch: label 9")
    expect(part.locator(".old .which")).to_have_text("The film: label 4")


def test_sixteen_branches_are_sent_from_two_frames_and_counted(page, url, store):
    open_room(page, url, "&steps=6&which=one&label=any&seed=4")
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=SLOW)
    part = wing(page, "branch")
    part.locator(".send").click()
    early, late = (int(step) for step in told(page, "branch", "sent").split())
    assert early < late
    expect(part.locator(".lot")).to_have_count(2)
    for k in range(2):
        words = part.locator(".lot .note").nth(k).inner_text()
        assert sum(int(n.replace("once", "1")) for n in re.findall(r"\((once|\d+)", words)) == 16
    assert "earlier film" not in part.locator(".rows").inner_text()
    page.click("#generate")
    expect(part.locator(".lot b").first).to_contain_text("in an earlier film", timeout=SLOW)


def test_two_samplers_race_from_the_same_noise(page, url, store):
    open_room(page, url)
    part = wing(page, "race")
    assert told(page, "race", "raced") == "50 20 17 10"
    part.get_by_label("Steps in lane 1").fill("6")
    part.get_by_label("Steps in lane 1").press("Enter")
    until(page, "race", "raced", "v === '6 20 17 10'")
    part.get_by_label("Sampler in lane 2").select_option("heun")
    until(page, "race", "raced", "v === '6 39 17 10'")
    expect(part.locator(".lane").nth(1).locator(".result b")).to_have_text("39 calls")


def test_every_lane_has_its_dot_on_what_was_measured(page, url, store):
    open_room(page, url)
    plot = wing(page, "race").locator(".quality .plot")
    plot.scroll_into_view_if_needed()
    expect(plot.locator(".curve")).to_have_count(5)
    expect(plot.locator(".lap")).to_have_count(4)
    expect(plot.locator(".curve.runs")).to_have_count(4)


def test_the_student_follows_the_hand_and_the_teacher_comes_when_it_rests(page, url, store):
    open_room(page, url)
    part = wing(page, "student")
    told(page, "student", "ready")
    slider = part.locator("input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    pictures = set()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    for share in (0.4, 0.6, 0.8):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2, steps=3)
        until(page, "student", "drawn", f"Math.abs(v?.split(' ')[1] - {360 * share}) < 12")
        pictures.add(tuple(ink(page, "#diffusion-student .made canvas")))
    page.mouse.up()
    assert len(pictures) == 3
    until(page, "student", "taught", "v && Math.abs(JSON.parse(v).angle - 288) < 12")
    expect(part.locator(".says")).to_contain_text("times as long as its student")
    part.get_by_role("button", name="One label, ten noises").click()
    part.get_by_role("button", name="Label 7").click()
    part.get_by_role("button", name="four").click()
    until(page, "student", "drawn", "v?.endsWith(' 7 4')")
    captions = part.locator(".made figcaption").all_inner_texts()
    assert sum(text == "7" for text in captions) >= 8
    expect(part.locator(".cost").first).to_contain_text("four looks")


def test_a_link_restores_the_parts_too(page, url, store):
    open_room(page, url, "&written=42.7&turned=5.90.3.2&lanes=ddim.5*ipndm.3*dpm.4*heun.2")
    until(page, "write", "written", "v === '42 7'")
    until(page, "student", "drawn", "v === '5 90 3 2'")
    wing(page, "race")
    until(page, "race", "raced", "v === '5 3 4 3'")
    assert wing(page, "race").locator("select").evaluate_all("(all) => all.map((s) => s.value)") == ["ddim", "ipndm", "dpm", "heun"]


def test_a_link_restores_a_branch_and_a_look_of_the_film_it_asks_for(page, url, store):
    open_room(page, url, "&steps=8&which=one&label=4&seed=4&branch=2*9*dpm*1.5*4")
    wing(page, "branch")
    until(page, "branch", "branched", "v === '2 4 9'")
    expect(wing(page, "branch").locator(".samplers [aria-pressed=true]")).to_have_text("DPM++")
    expect(wing(page, "branch").locator(".amount")).to_have_text("1.5")
    expect(page.locator("#denoising .step")).to_have_text("Step 2 of 8")
    wing(page, "branch").locator(".label").get_by_role("button", name="Label 7").click()
    page.wait_for_url("**branch=2*7*dpm*1.5*4**")
    open_room(page, url, "&steps=8&which=one&label=4&seed=4&guide=5*7*3.5")
    wing(page, "guide")
    until(page, "guide", "looked", "v === '5 7'")
    expect(wing(page, "guide").locator(".at")).to_have_text("Guidance 3.5")
    wing(page, "guide").locator("input").fill("2")
    page.wait_for_url("**guide=5*7*2**")
    open_room(page, url, "&steps=8&which=one&label=4&seed=4&guide=5*7*3.5&branch=2*9*dpm*1.5*4")
    until(page, "branch", "branched", "v === '2 4 9'")
    wing(page, "guide")
    until(page, "guide", "looked", "v === '5 7'")
    page.wait_for_timeout(1_000)  # long enough for a look at the branch's frame, if one were taken
    assert told(page, "guide", "looked") == "5 7" and "guide=5*7*3.5" in page.url
    page.locator("#new-noise").click()  # another film: a link to what was done with this one would lead elsewhere
    page.wait_for_url(lambda address: "branch=" not in address)


@pytest.mark.parametrize("nonsense", [
    "guide=1*2*1.2.3", "branch=1*2*constructor*1.5*1", f"redraw={'_' * 523}*constructor*any*0*A", "walk=1*2*x*1*1", "noised=*",
    "lanes=constructor.5*ddim.3*dpm.4*heun.2",
], ids=lambda text: text[:12])
def test_nonsense_in_a_part_s_link_is_ignored(page, url, store, nonsense):
    failed = []
    page.on("pageerror", lambda error: failed.append(error))
    open_room(page, url, f"&{nonsense}")
    expect(wing(page, "guide").locator(".at")).to_have_text("Guidance 2.0")
    expect(wing(page, "draw").locator(".redrawn")).to_be_visible()
    assert wing(page, "branch").locator(".samplers [aria-pressed=true]").inner_text() == "DDIM" and not failed


def test_a_link_restores_noises_and_drawings(page, url, store):
    """The two seeds, label and window; the drawings of two pads, in sixteen greys, and what was rubbed out."""
    open_room(page, url)
    part = wing(page, "seeds")
    part.get_by_role("button", name="Label 5").click()
    page.wait_for_url("**walk=31*47*5*8*4**")
    part.locator(".window i").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**walk=31*47*5*8*3**")
    part = wing(page, "draw")
    told(page, "draw", "ready")
    part.locator(".samples button").nth(2).click()
    part.get_by_role("button", name="Finish it").click()
    part.get_by_role("button", name="Lower half").click()
    part.get_by_role("button", name="Label 5").click()
    page.wait_for_url(re.compile(r"redraw=[\w-]+\*finished\*5\*"))
    part = wing(page, "noise")
    part.locator(".samples button").nth(3).click()
    page.wait_for_url("**noised=*")
    canvases = ["#diffusion-seeds .made", "#diffusion-seeds .mixed", "#diffusion-noise .noisy canvas"]
    link, before = page.url, [ink(page, canvas) for canvas in canvases]
    page.goto("about:blank")
    page.goto(link)
    for name in ("seeds", "draw", "noise"):
        wing(page, name).scroll_into_view_if_needed()
    for canvas, pixels in zip(canvases, before, strict=True):
        page.wait_for_function("([canvas, was]) => { const c = document.querySelector(canvas);"
                               " const now = [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 0);"
                               " return now.every((v, i) => Math.abs(v - was[i]) <= 20); }",
                               arg=[canvas, pixels], timeout=SLOW)
    part = wing(page, "draw")
    expect(part.locator(".choices [aria-pressed=true]")).to_have_text("5")
    expect(part.locator(".finished .four .tile")).to_have_count(4, timeout=SLOW)
    until(page, "draw", "finished", "v >= 2")
    assert page.url == link, "the same drawing and the same part rubbed out are what is written again"


def test_a_drawing_in_a_link_is_the_drawing(page, url, store):
    open_room(page, url)
    same = page.evaluate("() => { const p = Uint8Array.from({ length: 784 }, (_, i) => (i * 37) % 256), q = p.map((v) => (v > 127 ? 255 : 0));"
                         " return [Lab.lengthen(Lab.shorten(p, 8), 8).every((v, i) => v === p[i]),"
                         " Lab.lengthen(Lab.shorten(q, 1), 1).every((v, i) => v === q[i]),"
                         " Lab.lengthen(Lab.shorten(p, 4), 4).every((v, i) => Math.abs(v - p[i]) <= 8),"
                         " ['', 'abc', undefined, 'é'.repeat(523)].every((text) => Lab.lengthen(text, 4) === null)]; }")
    assert same == [True] * 4


def test_what_the_parts_show_goes_into_the_address(page, url, store):
    open_room(page, url)
    wing(page, "student")
    told(page, "student", "ready")
    wing(page, "student").get_by_role("button", name="four").click()
    page.wait_for_url("**turned=12.40.any.4**")
    wing(page, "race")
    told(page, "race", "ready")
    page.locator("#diffusion-race input").first.fill("3")
    page.locator("#diffusion-race input").first.press("Enter")
    page.wait_for_url("**lanes=ddpm.3*ddim.20*heun.9*dpm.10**")
    page.locator("#diffusion-write input").fill("6")
    page.locator("#diffusion-write input").press("Enter")
    page.wait_for_url("**written=6.**")


def test_what_is_held_against_training_digits_is_all_in_the_page(page, url, store):
    """The difference is blank where the two pictures above it agree, and only there."""
    open_room(page, url)
    part = wing(page, "copies")
    kept = recorded()["copies"]
    for name in ("ours", "heart"):
        assert part.locator(f".{name} canvas").count() == 30
        told = [float(text) for text in part.locator(f".{name} .num").all_inner_texts()]
        assert told == pytest.approx(kept[name]["distance"], abs=0.051)
        made, nearest, apart = (np.array(ink(page, f"#diffusion-copies .{name} .sheet:nth-of-type({10 * row + 1}) canvas")) for row in range(3))
        assert (apart[made == nearest] >= 253).all(), name  # a shade of ink is less than a step of red
        assert (apart[abs(made - nearest) > 90] < 255).all() and (abs(made - nearest) > 90).any(), name


def test_a_drawing_is_redrawn_finished_and_relabelled(page, url, store):
    open_room(page, url)
    part = wing(page, "draw")
    draw(page, part)
    until(page, "draw", "redrawn", "v >= 2")
    part.get_by_role("button", name="Finish it").click()
    part.get_by_role("button", name="Lower half").click()
    until(page, "draw", "finished", "v >= 2")
    expect(part.locator(".four .tile")).to_have_count(4)
    part.locator(".rub").focus()
    before = int(told(page, "draw", "finished"))
    for key in ("ArrowUp", "ArrowUp", "Space"):
        page.keyboard.press(key)
    until(page, "draw", "finished", f"v > {before}")
    part.get_by_role("button", name="As another digit").click()
    until(page, "draw", "relabelled", "v >= 2")
    expect(part.locator(".relabelled .says")).to_contain_text("Under its own label, 1")


def test_a_patch_of_noise_is_swapped_when_the_window_is_let_go(page, url, store):
    open_room(page, url)
    part = wing(page, "seeds")
    window = part.locator(".window")
    window.scroll_into_view_if_needed()
    box = window.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.2 * box["height"], steps=4)
    page.mouse.up()
    until(page, "seeds", "swapped", "v === '1 17'")
    expect(part.locator(".says")).to_contain_text("%")
    part.locator(".two").click()
    assert not told(page, "seeds", "walked").startswith("31 47")


def test_31415_is_written_and_taken_away(page, url, store):
    open_room(page, url)
    part = wing(page, "write")
    part.get_by_label("Number").fill("31415")
    part.get_by_role("button", name="Write it").click()
    until(page, "write", "written", "v?.startsWith('31415 ')")
    expect(part.locator(".says")).to_contain_text("LeNet reads")
    with page.expect_download(timeout=SLOW) as taken:
        part.get_by_role("button", name="Download SVG").click()
    assert taken.value.suggested_filename == "31415.svg"
    part.get_by_label("Number").fill("3a")
    part.get_by_role("button", name="Write it").click()
    expect(page.locator(".lab-toast")).to_contain_text("digits, nothing else", timeout=SLOW)
