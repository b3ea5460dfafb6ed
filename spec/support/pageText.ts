import { defaultTreeAdapter, parseFragment } from 'parse5';
import type { DefaultTreeAdapterTypes } from 'parse5';

type Node = DefaultTreeAdapterTypes.ChildNode;
type Element = DefaultTreeAdapterTypes.Element;

/** A piece of a page as a browser reads it. */
export function parsed(page: { toString(): string }): readonly Node[] {
  return parseFragment(page.toString()).childNodes;
}

/** All elements with a class, in the order of the page. */
export function withClass(nodes: readonly Node[], name: string): readonly Element[] {
  return nodes.flatMap((node) => {
    if (!defaultTreeAdapter.isElementNode(node)) return [];
    return [...(classes(node).includes(name) ? [node] : []), ...withClass(node.childNodes, name)];
  });
}

/** What a person sees: the text of all that is in it. */
export function visibleText(nodes: readonly Node[]): string {
  return nodes
    .map((node) =>
      defaultTreeAdapter.isTextNode(node) ? node.value : defaultTreeAdapter.isElementNode(node) ? visibleText(node.childNodes) : '',
    )
    .join('');
}

/** The text that a revealed value was made of, read from what is on the page: chips are what they name. */
export function originalText(nodes: readonly Node[]): string {
  let text = '';
  let before: Node | undefined;
  for (const node of nodes) {
    if (defaultTreeAdapter.isTextNode(node)) text += node.value;
    else if (defaultTreeAdapter.isElementNode(node)) {
      const isName = before !== undefined && defaultTreeAdapter.isElementNode(before) && classes(before).join(' ') === 'x';
      if (!isChip(node)) text += originalText(node.childNodes);
      else if (!isName) text += ofChip(visibleText(node.childNodes));
    } else throw new Error(`a ${node.nodeName} in a value`);
    before = node;
  }
  return text;
}

/** The text beside chips: each chip is a `■`, but not one that says where a line ends. */
export function textBesideChips(nodes: readonly Node[]): string {
  return nodes
    .map((node) => {
      if (defaultTreeAdapter.isTextNode(node)) return node.value;
      if (!defaultTreeAdapter.isElementNode(node)) return '';
      if (!isChip(node)) return textBesideChips(node.childNodes);
      return node.tagName === 'i' || classes(node).includes('nl') ? '' : '■';
    })
    .join('');
}

/** A line end that is shown also breaks the line, by a text that follows. */
function ofChip(chip: string): string {
  if (chip === '↵') return '';
  if (chip === 'CR ↵') return '\r';
  const lines = /^(\d+) line ends( \(CR LF\))? in a row$/.exec(chip);
  if (lines !== null) return lines[2] === undefined ? '\n'.repeat(Number(lines[1]) - 1) : `${'\r\n'.repeat(Number(lines[1]) - 1)}\r`;
  const spaces = /^([\d,]+) spaces?$/.exec(chip);
  if (spaces !== null) return ' '.repeat(Number(spaces[1]?.replaceAll(',', '')));
  const hidden = /U\+([0-9A-F]{4,6})(?: × (\d+))?$/.exec(chip);
  if (hidden === null) throw new Error(`a chip that says '${chip}'`);
  return String.fromCodePoint(Number.parseInt(hidden[1] as string, 16)).repeat(Number(hidden[2] ?? 1));
}

/** A line end, or a chip. */
function isChip(element: Element): boolean {
  return element.tagName === 'i' || classes(element).includes('u');
}

function classes(element: Element): readonly string[] {
  return element.attrs.find(({ name }) => name === 'class')?.value.split(' ') ?? [];
}
