# SPDX-License-Identifier: MIT
"""The report in a real browser: images, links, widths, large figures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from results.report import write_report
from tests.conftest import REQUIRED_VARIABLE
from tests.results import made_adaptation, synthetic
from tests.results.made_adaptation import USUAL, Made

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
"""Nothing but the page, also as root."""

PHONE, DESKTOP = (400, 800), (1280, 900)

TOO_WIDE = """
const inside = node => node.closest('.wide') !== null || node.closest('dialog') !== null;
return [...document.querySelectorAll('body *')]
  .filter(node => !inside(node) && node.getBoundingClientRect().right > window.innerWidth + 1)
  .map(node => node.tagName + ' ' + node.textContent.slice(0, 40));
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    program = shutil.which("chromedriver")
    if browser is None or program is None:
        reason = "no Chromium with chromedriver; `tools/system-packages.sh browser` installs them"
        if os.environ.get(REQUIRED_VARIABLE):
            pytest.fail(f"{REQUIRED_VARIABLE} is set, and there is {reason}", pytrace=False)
        pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(argument)
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(program))
    yield started
    started.quit()


@pytest.fixture(scope="module", params=["evaluations", "adaptations"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report that stands alone: nothing but the page is where it is opened."""
    root = tmp_path_factory.mktemp(request.param)
    if request.param == "evaluations":
        synthetic.write_campaign(root)
    else:
        made_adaptation.write(root, Made(dict(USUAL), seeds=2, tasks=4, trainings=True))
    write_report(root)
    alone = tmp_path_factory.mktemp("alone") / "report.html"
    shutil.copy(root / "report.html", alone)
    return alone


def opened(driver: webdriver.Chrome, page: Path, size: tuple[int, int]) -> None:
    # A window cannot be that narrow everywhere; the emulated screen can.
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.get(page.as_uri())
    assert driver.execute_script("return window.innerWidth") == size[0]


def images(driver: webdriver.Chrome) -> list[WebElement]:
    return driver.find_elements(By.CSS_SELECTOR, "figure img")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_images_render_and_nothing_overflows(driver: webdriver.Chrome, page: Path, size: tuple[int, int]) -> None:
    opened(driver, page, size)
    assert len(images(driver)) >= 8
    for image in images(driver):
        assert driver.execute_script("return arguments[0].naturalWidth", image) > 500
        assert 0 < image.size["width"] <= size[0]
    assert driver.execute_script(TOO_WIDE) == []
    assert driver.execute_script("return document.documentElement.scrollWidth") <= size[0]


def test_links_lead_to_what_they_name(driver: webdriver.Chrome, page: Path) -> None:
    opened(driver, page, DESKTOP)
    links = driver.find_elements(By.CSS_SELECTOR, "a[href]")
    assert len(links) > 15
    for link in links:
        target = str(link.get_dom_attribute("href"))
        assert target.startswith("#"), "the page needs no other file"
        heading = driver.find_element(By.ID, target[1:])
        assert heading.text == link.text
    driver.execute_script("arguments[0].click()", links[-1])
    top = driver.execute_script("return document.querySelector(location.hash).getBoundingClientRect().top")
    assert -1 <= top <= DESKTOP[1]


def test_figures_open_large_and_close_again(driver: webdriver.Chrome, page: Path) -> None:
    opened(driver, page, PHONE)
    large = driver.find_element(By.TAG_NAME, "dialog")
    for button in driver.find_elements(By.CSS_SELECTOR, "figure button")[:2]:
        assert not large.is_displayed()
        driver.execute_script("arguments[0].click()", button)
        assert large.is_displayed()
        shown = large.find_element(By.TAG_NAME, "img")
        assert shown.get_attribute("src") == button.find_element(By.TAG_NAME, "img").get_attribute("src")
        assert shown.size["width"] > 1000, "not at its own size"
        driver.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
    assert not large.is_displayed()


def test_browser_has_nothing_to_complain_of(driver: webdriver.Chrome, page: Path) -> None:
    opened(driver, page, DESKTOP)
    assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
