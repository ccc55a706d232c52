/**
 * The reactive core: signals, effects that end with their scope, elements, keyed lists.
 *
 * Style of all that stands on it: a page is a function that returns a node. What changes is a
 * function child, `h("b", null, () => count.value)`, or a list by `each`. Text goes in as text
 * nodes only: there is no way from a string to markup.
 */

/** @typedef {() => void} Dispose */
/** @typedef {Node | string | number | null | undefined | false} Plain */
/** @typedef {Plain | Plain[] | (() => Plain | Plain[])} Child */
/** @typedef {Record<string, any>} Props */

/** @type {Effect | null} */
let reading = null;
/** @type {Dispose[] | null} */
let scope = null;
/** @type {Set<Effect>} */
const waiting = new Set();
let born = 0;
let asked = false;

/**
 * A value that knows who reads it.
 * @template T
 */
export class Signal {
  /** @type {T} */ #value;
  /** @type {Set<Effect>} */ #readers = new Set();

  /** @param {T} value */
  constructor(value) {
    this.#value = value;
  }

  get value() {
    if (reading) {
      this.#readers.add(reading);
      reading.sources.add(this.#readers);
    }
    return this.#value;
  }

  set value(next) {
    if (Object.is(next, this.#value)) return;
    this.#value = next;
    for (const reader of this.#readers) later(reader);
  }

  /** The value, without being told of the next one. */
  peek() {
    return this.#value;
  }
}

/**
 * @template T
 * @param {T} value
 * @returns {Signal<T>}
 */
export const signal = (value) => new Signal(value);

class Effect {
  /** @type {Set<Set<Effect>>} */ sources = new Set();
  /** @type {Dispose[]} */ inner = [];
  order = born++;
  ended = false;

  /** @param {() => void} run */
  constructor(run) {
    this.run = run;
  }

  again() {
    this.#forget();
    if (this.ended) return;
    const [outerReading, outerScope] = [reading, scope];
    [reading, scope] = [this, this.inner];
    try {
      this.run();
    } finally {
      [reading, scope] = [outerReading, outerScope];
    }
  }

  end() {
    this.ended = true;
    waiting.delete(this);
    this.#forget();
  }

  #forget() {
    for (const readers of this.sources) readers.delete(this);
    this.sources.clear();
    for (const dispose of this.inner.splice(0)) dispose();
  }
}

/** @param {Effect} effect */
function later(effect) {
  waiting.add(effect);
  if (!asked) queueMicrotask(flush);
  asked = true;
}

/** Runs what has been told of a change, the outermost first: it may end the inner ones. */
export function flush() {
  for (let turns = 0; waiting.size; turns++) {
    if (turns === 100) {
      waiting.clear();
      asked = false;
      throw new Error("an effect changes what it reads, again and again");
    }
    const round = [...waiting].sort((a, b) => a.order - b.order);
    for (const effect of round) if (waiting.delete(effect)) run(effect);
  }
  asked = false;
}

/**
 * One page part that cannot be drawn does not take the others with it.
 * @param {Effect} effect
 */
function run(effect) {
  try {
    effect.again();
  } catch (error) {
    reportError(error);
  }
}

/**
 * Runs now, and again after each change of what it reads, until its scope ends.
 * @param {() => void} run
 */
export function effect(run) {
  const made = new Effect(run);
  onEnd(() => made.end());
  made.again();
}

/**
 * A value made of others.
 * @template T
 * @param {() => T} make
 * @returns {Signal<T>}
 */
export function computed(make) {
  const made = signal(/** @type {T} */ (/** @type {unknown} */ (undefined)));
  effect(() => {
    made.value = make();
  });
  return made;
}

/**
 * Runs when the scope that it stands in ends.
 * @param {Dispose} dispose
 */
export function onEnd(dispose) {
  if (scope) scope.push(dispose);
}

/**
 * A scope of its own: what it makes lives until the answer is called.
 * @template T
 * @param {() => T} make
 * @returns {[T, Dispose]}
 */
export function scoped(make) {
  const [outerReading, outerScope] = [reading, scope];
  /** @type {Dispose[]} */
  const own = [];
  [reading, scope] = [null, own];
  try {
    return [make(), () => own.splice(0).forEach((dispose) => dispose())];
  } finally {
    [reading, scope] = [outerReading, outerScope];
  }
}

/**
 * An HTML element. Properties that are functions are read anew whenever they change; those that
 * begin with `on` are listeners.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  const made = document.createElement(tag);
  fill(made, props, children);
  return made;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Props | null} [props]
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function svg(tag, props, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(made, props, children);
  return made;
}

/**
 * @param {Element} element
 * @param {Props | null | undefined} props
 * @param {Child[]} children
 */
function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "function") effect(() => put(element, name, value()));
    else put(element, name, value);
  }
  append(element, children);
}

const AS_PROPERTY = new Set(["value", "checked", "selected", "indeterminate", "disabled"]);

/**
 * @param {Element} element
 * @param {string} name
 * @param {any} value
 */
function put(element, name, value) {
  if (name === "href" && !/^(#|api\/|data:application\/json)/.test(value)) {
    throw new Error(`a link leads out of the page: ${value}`);
  }
  if (name === "style") {
    const style = /** @type {HTMLElement} */ (element).style;
    for (const [key, each] of Object.entries(value)) style.setProperty(key, String(each));
  } else if (AS_PROPERTY.has(name)) {
    /** @type {any} */ (element)[name] = value;
  } else if (value === false || value === null || value === undefined) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * @param {Node} parent
 * @param {Child[]} children
 */
export function append(parent, children) {
  for (const child of children) {
    if (typeof child === "function") parent.appendChild(region(child));
    else nodes(child).forEach((node) => parent.appendChild(node));
  }
}

/**
 * @param {Plain | Plain[]} child
 * @returns {Node[]}
 */
function nodes(child) {
  if (child === null || child === undefined || child === false || child === "") return [];
  if (Array.isArray(child)) return child.flatMap(nodes);
  if (child instanceof DocumentFragment) return [...child.childNodes];
  return [child instanceof Node ? child : document.createTextNode(String(child))];
}

/**
 * A place whose nodes are made anew whenever what they read changes.
 * @param {() => Plain | Plain[]} make
 */
function region(make) {
  const end = document.createComment("");
  /** @type {Node[]} */
  let shown = [];
  const holder = document.createDocumentFragment();
  holder.appendChild(end);
  effect(() => {
    const next = nodes(make());
    const [old] = shown;
    if (next.length === 1 && shown.length === 1 && old instanceof Text && next[0] instanceof Text) {
      old.data = next[0].data;
      return;
    }
    for (const node of shown) /** @type {ChildNode} */ (node).remove();
    for (const node of next) end.parentNode?.insertBefore(node, end);
    shown = next;
  });
  return holder;
}

/**
 * What was fetched again and says the same is no change: what has the focus keeps it.
 * @param {unknown} one
 * @param {unknown} other
 */
const same = (one, other) =>
  Object.is(one, other) || JSON.stringify(one) === JSON.stringify(other);

/**
 * A list whose nodes stay with their key: a row that changed is told so, none is made twice.
 * @template T
 * @param {() => T[]} items
 * @param {(item: T) => string | number} key
 * @param {(item: Signal<T>) => ChildNode} render
 * @returns {DocumentFragment}
 */
export function each(items, key, render) {
  const end = document.createComment("");
  const holder = document.createDocumentFragment();
  holder.appendChild(end);
  /** @type {Map<string | number, {item: Signal<T>, node: ChildNode, dispose: Dispose}>} */
  let rows = new Map();
  effect(() => {
    /** @type {typeof rows} */
    const next = new Map();
    for (const item of items()) {
      const id = key(item);
      if (next.has(id)) continue;
      const known = rows.get(id);
      if (known) {
        if (!same(known.item.peek(), item)) known.item.value = item;
        next.set(id, known);
      } else {
        const own = signal(item);
        const [node, dispose] = scoped(() => render(own));
        next.set(id, { item: own, node, dispose });
      }
    }
    for (const [id, row] of rows) {
      if (!next.has(id)) {
        row.dispose();
        row.node.remove();
      }
    }
    /** @type {ChildNode} */
    let before = end;
    for (const row of [...next.values()].reverse()) {
      if (row.node.nextSibling !== before) end.parentNode?.insertBefore(row.node, before);
      before = row.node;
    }
    rows = next;
  });
  onEnd(() => rows.forEach((row) => row.dispose()));
  return holder;
}
