"""The reactive core, the search box's language and the words for times: in the browser itself."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="module")
def bench(browser: Any, house: Any) -> Any:
    """A tab that runs a piece of script against the page's own modules."""
    tab = browser.new_page()
    tab.goto(house.server.url)
    tab.wait_for_selector("form.gate")

    def run(module: str, script: str) -> Any:
        address = f"{house.server.url}{module}.js"
        return tab.evaluate(
            f"async address => {{ const m = await import(address); {script} }}", address
        )

    return run


def test_an_effect_runs_again_once_for_many_changes_and_ends_with_its_scope(bench: Any) -> None:
    told = bench("core", """
        const [a, b] = [m.signal(1), m.signal(2)];
        const seen = [];
        const [, end] = m.scoped(() => m.effect(() => seen.push(a.value + b.value)));
        a.value = 10; b.value = 20; m.flush();
        a.value = 10; m.flush();
        end(); a.value = 99; m.flush();
        return seen;
    """)  # fmt: skip
    assert told == [3, 30]


def test_what_an_effect_made_ends_before_it_runs_again(bench: Any) -> None:
    told = bench("core", """
        const [outer, inner, seen] = [m.signal(1), m.signal(1), []];
        m.scoped(() => m.effect(() => {
            outer.value;
            m.effect(() => seen.push(`${outer.peek()}.${inner.value}`));
            m.onEnd(() => seen.push("end"));
        }));
        outer.value = 2; m.flush();
        inner.value = 2; m.flush();
        return seen;
    """)  # fmt: skip
    assert told == ["1.1", "end", "2.1", "2.2"]


def test_a_list_keeps_its_nodes_by_their_key(bench: Any) -> None:
    told = bench("core", """
        const items = m.signal([{k: 1, t: "a"}, {k: 2, t: "b"}, {k: 3, t: "c"}]);
        const holder = document.createElement("div");
        let made = 0;
        m.scoped(() => holder.append(m.each(() => items.value, i => i.k, row => {
            made += 1;
            return m.h("p", null, () => row.value.t);
        })));
        const [first, , third] = holder.querySelectorAll("p");
        items.value = [{k: 3, t: "C"}, {k: 1, t: "a"}, {k: 4, t: "d"}]; m.flush();
        const now = [...holder.querySelectorAll("p")];
        return [now.map(p => p.textContent).join(""), made, now[0] === third, now[1] === first];
    """)  # fmt: skip
    assert told == ["Cad", 4, True, True]


def test_text_stays_text_and_links_stay_inside(bench: Any) -> None:
    told = bench("core", """
        const made = m.h("p", { title: '"><b>' }, "<b>bold</b>", () => "<i>");
        let refused = "";
        try { m.h("a", { href: "javascript:x()" }); } catch (e) { refused = e.message; }
        return [made.childElementCount, made.textContent, made.title, refused];
    """)  # fmt: skip
    assert told[:3] == [0, "<b>bold</b><i>", '"><b>']
    assert "leads out of the page" in told[3]


def test_an_effect_that_never_rests_is_stopped(bench: Any) -> None:
    told = bench("core", """
        const [n, seen] = [m.signal(0), m.signal(0)];
        const [, end] = m.scoped(() => m.effect(() => { n.value = n.value + 1; }));
        let refused = "";
        try { m.flush(); } catch (error) { refused = error.message; }
        end();
        let ran = 0;
        m.scoped(() => m.effect(() => { seen.value; ran += 1; }));
        seen.value = 1; m.flush();
        return [refused, ran];
    """)  # fmt: skip
    assert told == ["an effect changes what it reads, again and again", 2]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("timeout", {"q": "timeout"}),
        ("state:failed state:held x y", {"state": ["failed", "held"], "q": "x y"}),
        ('task:"my task" since:1h', {"task": ["my task"], "since": "1h"}),
        ("finished_after:1h", {"finished_after": "1h"}),
        ("http://x/y:z", {"q": "http://x/y:z"}),
        ("", {}),
    ],
)
def test_the_search_box(bench: Any, text: str, told: dict[str, Any]) -> None:
    assert bench("filter", f"return m.filterOf({text!r})") == told


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 ms"), (0.42, "0.4 ms"), (820, "820 ms"), (4_230, "4.2 s"), (59_700, "1 min"),
     (200_000, "3 min 20 s"), (187_200_000, "2 d 4 h"), (86_400_000, "1 d"), (None, "–")],
)  # fmt: skip
def test_durations(bench: Any, ms: float | None, text: str) -> None:
    value = "null" if ms is None else ms
    assert bench("format", f"return m.duration({value})") == text


def test_arguments_read_like_a_call(bench: Any) -> None:
    told = bench(
        "format",
        r"""return [
        m.callText('[["a", 1], {"k": [2]}]'), m.callText('[["cut of'), m.callText("null")]""",
    )
    assert told == ['"a", 1, k=[2]', '"cut of', "null"]
