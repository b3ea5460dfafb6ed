import { defaultTreeAdapter, parseFragment } from 'parse5';
import type { DefaultTreeAdapterTypes } from 'parse5';

type Node = DefaultTreeAdapterTypes.ChildNode;
type Element = DefaultTreeAdapterTypes.Element;

/** An element as specs look at it. */
export interface PageElement {
  readonly name: string;
  attr(name: string): string | undefined;
  readonly text: string;
}

/** A page, or a piece of it, as a browser reads it. */
export interface PageElements {
  /** All elements that a simple selector (names, `.class`, `#id`, `[attribute]`, with spaces between ancestors) selects. */
  all(selector: string): readonly PageElement[];
  /** The first one. */
  one(selector: string): PageElement;
  text(selector: string): string;
  texts(selector: string): readonly string[];
  hrefs(): readonly string[];
  /** What the first form sends, by name; several buttons of one name are a list. */
  fields(): Readonly<Record<string, string | readonly (string | undefined)[]>>;
}

/** Reads a piece of a page. */
export function elements(page: { toString(): string }): PageElements {
  const root = parseFragment(page.toString(), { scriptingEnabled: false });
  const all = (selector: string): readonly PageElement[] => select(root.childNodes, selector.split(' ')).map(shown);
  const one = (selector: string): PageElement => {
    const [first] = all(selector);
    if (first === undefined) throw new Error(`The page has no ${selector}.`);
    return first;
  };
  return {
    all,
    one,
    text: (selector) => one(selector).text,
    texts: (selector) => all(selector).map(({ text }) => text),
    hrefs: () => all('a').map((link) => link.attr('href') ?? ''),
    fields: () => {
      const fields: Record<string, string | (string | undefined)[]> = {};
      for (const name of ['input', 'textarea', 'button'])
        for (const field of all(`form ${name}`)) {
          const key = field.attr('name');
          if (key === undefined) continue;
          if (name === 'button') fields[key] = [...((fields[key] ?? []) as string[]), field.attr('value')];
          else fields[key] = name === 'textarea' ? field.text : (field.attr('value') ?? '');
        }
      return fields;
    },
  };
}

/** All text of a piece of a page, with its spaces as they are shown. */
export function pageTextOf(page: { toString(): string }): string {
  return textOf(parseFragment(page.toString()).childNodes).replaceAll(/\s+/g, ' ').trim();
}

function select(nodes: readonly Node[], [first = '', ...rest]: readonly string[]): readonly Element[] {
  return nodes.flatMap((node) => {
    if (!defaultTreeAdapter.isElementNode(node)) return [];
    const inner = select(node.childNodes, [first, ...rest]);
    if (!matches(node, first)) return inner;
    return rest.length === 0 ? [node, ...inner] : [...new Set([...select(node.childNodes, rest), ...inner])];
  });
}

function matches(element: Element, selector: string): boolean {
  const parts = selector.match(/^[a-z0-9]+|[.#][\w-]+|\[[\w-]+\]/g) ?? [];
  return parts.every((part) => {
    const name = part.replace(/^[.#[]|\]$/g, '');
    if (part.startsWith('.')) return (attr(element, 'class') ?? '').split(' ').includes(name);
    if (part.startsWith('#')) return attr(element, 'id') === name;
    if (part.startsWith('[')) return attr(element, name) !== undefined;
    return element.tagName === part;
  });
}

function shown(element: Element): PageElement {
  const text = textOf(element.childNodes);
  const isKept = element.tagName === 'textarea';
  return {
    name: element.tagName,
    attr: (name) => attr(element, name),
    text: isKept ? text : text.replaceAll(/\s+/g, ' ').trim(),
  };
}

function attr(element: Element, name: string): string | undefined {
  return element.attrs.find((one) => one.name === name)?.value;
}

function textOf(nodes: readonly Node[]): string {
  return nodes
    .map((node) =>
      defaultTreeAdapter.isTextNode(node) ? node.value : defaultTreeAdapter.isElementNode(node) ? textOf(node.childNodes) : '',
    )
    .join('');
}
