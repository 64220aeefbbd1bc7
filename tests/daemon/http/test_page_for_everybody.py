"""The dashboard with a keyboard, a screen reader, weak eyes, a phone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from s2fetch.daemon.http import HttpFace
from s2fetch.daemon.state import Activity
from tests.daemon.controls import StillDaemon
from tests.daemon.http.browser import Page
from tests.daemon.http.dashboard import needs_chromium, shown, words
from tests.daemon.http.happenings import happen

# Every text that can be seen, with its contrast as in WCAG 2.2, section 1.4.3.
CONTRAST = """
(() => {
  const channel = (value) => {
    value /= 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((one, i) => one * a + below[i] * (1 - a));
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (node) => {
    if (!node) return [255, 255, 255];
    const own = numbers(getComputedStyle(node).backgroundColor);
    return own[3] === 0 ? behind(node.parentElement) : over(own, behind(node.parentElement));
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    const style = getComputedStyle(node);
    const box = node.getBoundingClientRect();
    if (!text.data.trim() || node.closest(".hidden, [hidden], .skip, dialog:not([open])")) continue;
    if (box.width < 2 || style.visibility === "hidden" || node.closest(":disabled")) continue;
    const background = behind(node);
    const color = node.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(over(numbers(color), background)), light(background)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${text.data.trim().slice(0, 40)} ${ratio.toFixed(2)}`);
  }
  return poor;
})()
"""


@needs_chromium
async def test_the_page_is_used_with_the_keyboard_in_the_order_it_is_read(
    face: HttpFace, page: Page
) -> None:
    await shown(page, face)
    await page.get("document.body.focus()")
    path: list[str] = []
    for _ in range(40):
        await page.press("Tab")
        path.append(
            await page.get(
                "((one) => one.id || one.dataset.day || one.className || one.innerText"
                " || one.tagName)(document.activeElement)"
            )
        )
        outlined = await page.get(
            "((one) => one.matches(':focus-visible') && (getComputedStyle(one).outlineStyle !=="
            " 'none' || one.matches('.skip')))(document.activeElement)"
        )
        assert outlined, path[-1]
        if path[-1] == "log":
            break
    wanted = ["skip", "lock", "choose", "year-back", "2026-06-18", "tab-failed", "products", "log"]
    assert [path.index(stop) for stop in wanted] == sorted(path.index(stop) for stop in wanted)


@needs_chromium
async def test_arrow_keys_walk_the_calendar_and_the_tabs(face: HttpFace, page: Page) -> None:
    await shown(page, face)
    await page.get("document.querySelector('.calendar [tabindex=\"0\"]').focus()")
    day = "document.activeElement.dataset.day"
    assert await page.get(day) == "2026-06-18"
    await page.press("ArrowUp")
    assert await page.get(day) == "2026-06-17"
    await page.press("ArrowLeft")
    assert await page.get(day) == "2026-06-10"
    assert "10 Jun 2026" in await words(page, "#calendar-readout")
    await page.press("End")
    await page.press("ArrowRight")
    assert await page.get(day) == "2026-06-18"
    await page.get("document.querySelector('[role=tab][aria-selected=true]').focus()")
    await page.press("ArrowRight")
    assert await page.get("document.activeElement.id") == "tab-quarantined"
    await page.until("document.getElementById('products').innerText.includes('catalogue changes')")


@needs_chromium
async def test_screen_readers_find_landmarks_names_and_tables(face: HttpFace, page: Page) -> None:
    await shown(page, face)
    await page.call("Accessibility.enable")
    tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
    found: dict[str, list[dict[str, Any]]] = {}
    for node in tree:
        if not node.get("ignored"):
            found.setdefault(node["role"]["value"], []).append(node)

    def names(role: str) -> list[str]:
        return [node.get("name", {}).get("value", "") for node in found.get(role, [])]

    assert len(found["main"]) == len(found["banner"]) == len(found["contentinfo"]) == 1
    assert {"Slots", "Accounts", "Throughput"} <= set(names("region"))
    for role in ("button", "link", "image", "progressbar", "table", "grid", "tab", "gridcell"):
        missing = [name for name in names(role) if not name]
        allowed = 6 if role == "gridcell" else 0  # days of the last week that are not over
        assert len(missing) <= allowed, role
    assert any("1.07 TB in 12 h" in name for name in names("image"))
    assert any("240 products on 30 footprints" in name for name in names("image"))
    assert any(name.startswith("Progress of S2B_MSIL2A") for name in names("progressbar"))
    assert "18 Jun 2026: 2 complete, 1 waiting" in names("gridcell")
    assert "Slots" in names("table")
    levels = await page.get(
        "[...document.querySelectorAll('h1, h2, h3')].filter((one) => one.closest('main, header'))"
        ".map((one) => Number(one.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@needs_chromium
@pytest.mark.parametrize("dark", [False, True])
async def test_every_text_has_the_contrast_that_aa_asks_for(
    face: HttpFace, daemon: StillDaemon, page: Page, dark: bool
) -> None:
    happen(daemon.events)
    first, second = daemon.now.accounts
    daemon.change(accounts=(first, msgspec.structs.replace(second, refused="wrong password")))
    daemon.change_archive("po-valley", activity=Activity.PAUSED)
    await page.look_like(width=1440, dark=dark)
    await shown(page, face)
    background = await page.get("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(14, 19, 24)" if dark else "rgb(244, 246, 248)")
    assert await page.get(CONTRAST) == []


@needs_chromium
@pytest.mark.parametrize("width", [320, 390, 768, 1024])
async def test_no_screen_is_too_narrow(
    face: HttpFace, daemon: StillDaemon, page: Page, width: int
) -> None:
    happen(daemon.events)
    await page.look_like(width=width)
    await shown(page, face)
    assert await page.get("document.documentElement.scrollWidth") <= width
    outside = (
        "[...document.querySelectorAll('main *')].filter((one) => !one.closest('.scroll, .tabs,"
        f" .hidden, svg') && one.getBoundingClientRect().right > {width} + 0.5)"
        ".map((one) => one.tagName + ' ' + one.className)"
    )
    assert await page.get(outside) == []


@needs_chromium
async def test_buttons_on_a_phone_are_large_enough_for_a_finger(face: HttpFace, page: Page) -> None:
    """At least 24 CSS pixels each way, WCAG 2.2, section 2.5.8."""
    await page.look_like(width=390)
    await shown(page, face)
    small = (
        "[...document.querySelectorAll('button')].filter((one) => one.offsetParent)"
        ".filter((one) => Math.min(one.offsetWidth, one.offsetHeight) < 24)"
        ".map((one) => one.innerText)"
    )
    assert await page.get(small) == []
