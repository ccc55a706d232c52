/** Rows of a fixed height, of which only those in view exist. The page itself scrolls. */
import { each, effect, h, onEnd, signal } from "./core.js";

const SPARE = 8; // rows beyond the edges

/** @template T @typedef {import("./core.js").Signal<T>} Signal */
/** @template T @typedef {{ index: number, item: T | undefined }} Slot */

/**
 * @template T
 * @param {{ label: string, total: () => number, version: () => number, at: (index: number) => T | undefined,
 *   want: (index: number) => void, key: (item: T) => number, height: () => number,
 *   render: (slot: Signal<Slot<T>>) => HTMLElement }} list
 */
export function virtual(list) {
  const range = signal(/** @type {[number, number]} */ ([0, 40]));
  /** @type {Map<number, Slot<T>>} */
  let known = new Map();
  const body = h("div", { class: "rows", role: "rowgroup",
    style: () => ({ height: `${list.total() * list.height()}px` }) },
    each(slots, ({ index, item }) => (item === undefined ? -1 - index : list.key(item)), (slot) => {
      const made = list.render(slot);
      effect(() => {
        made.style.transform = `translateY(${slot.value.index * list.height()}px)`;
        made.setAttribute("aria-rowindex", String(slot.value.index + 2));
      });
      return made;
    }));

  /** What stayed is the same object, so that its row is left alone. */
  function slots() {
    list.version();
    const [first, last] = range.value;
    /** @type {typeof known} */
    const found = new Map();
    for (let index = first; index < Math.min(last, list.total()); index++) {
      const item = list.at(index);
      const old = known.get(index);
      found.set(index, old?.item === item && old ? old : { index, item });
    }
    known = found;
    return [...found.values()];
  }

  let asked = 0;
  function look() {
    asked = 0;
    const height = list.height();
    const top = -body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / height) - SPARE);
    const last = Math.ceil((top + innerHeight) / height) + SPARE;
    const [oldFirst, oldLast] = range.peek();
    if (first !== oldFirst || last !== oldLast) range.value = [first, last];
    const missing = [last - 1, first].find((i) => i < list.total() && list.at(i) === undefined);
    if (missing !== undefined) list.want(missing);
  }
  const soon = () => {
    asked ||= requestAnimationFrame(look);
  };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  onEnd(() => {
    removeEventListener("scroll", soon);
    removeEventListener("resize", soon);
    cancelAnimationFrame(asked);
  });
  effect(() => {
    list.version();
    list.total();
    list.height();
    soon();
  });
  return body;
}

/** Whether the screen is narrow, as the style sheet sees it. */
export function narrow() {
  const query = matchMedia("(max-width: 720px)");
  const found = signal(query.matches);
  const change = () => (found.value = query.matches);
  query.addEventListener("change", change);
  onEnd(() => query.removeEventListener("change", change));
  return found;
}
