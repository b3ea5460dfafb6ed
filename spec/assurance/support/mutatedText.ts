import type { Random } from '../../policy/fuzz/random.js';

/** JSON in pieces, with places that JSON.stringify could not make: a key twice, a number beyond any number, a key in escapes. */
type Node = { readonly entries: [key: string, value: Node][] } | { readonly items: Node[] } | { readonly raw: string };

/** Values that look like the one that counts, and values of every other type. */
const LOOK_ALIKES = ['allow', 'ALLOW', 'Allow', 'allow ', ' allow', 'allоw', 'ａllow', 'al\u200blow', 'allow\u0000', 'allow\n', 'allowed', 'approved', 'APPROVED', 'sanitize', 'Sanitize', 'approval_needed', 'deny', 'OK', 'ok', 'ОK', 'OK\u0000', 'PENDING', 'true', '1', '', '.', '..', 'a\ud800']; // prettier-ignore
const RAW = ['null', 'true', 'false', '0', '-0', '1', '-1', '1.0', '1.5', '3e0', '1e400', '-1e400', '1e308', '9007199254740993', '123456789012345678901234567890', '5e-324', '[]', '{}', '[[]]', '["allow"]', '{"effect":"allow"}', '"allow"', '[{"type":"a","message":"b"}]', '{"text":"changed"}', '{"params":{"text":"changed"}}', '{"params":{"other":1}}', '{"params":{"constructor":{"prototype":{"x":1}}}}', '{"params":{"options":{"__entity":1}}}', '{"params":{"amount":-0}}', '{"params":{"amount":1e999}}', '{"removed":["text"]}', '{"removed":[]}', '{"params":{},"removed":["text"]}', '{"params":null}', '{"effective_digest":"0"}', 'NaN', 'undefined', '01', '.5', "'allow'", `"${'x'.repeat(513)}"`]; // prettier-ignore
const KEYS = ['effect', 'Effect', 'EFFECT', 'effеct', 'effect ', 'status', 'decision_id', 'decisionId', 'agent_id', 'tool', 'final_decision', 'sanitize', 'params', 'removed', 'latency_ms', 'text', 'amount', 'other', 'then', 'toJSON', '__proto__', 'constructor', 'prototype', '__entity', '', 'a\ud800']; // prettier-ignore
const TAILS = [' ', '\n', '\t\r\n', ',', '}', ']', 'x', '\u0000', '\u00a0', '\u2028', '//', '/**/', '{}', '"allow"', '{"effect":"allow"}', '\n{"status":"OK","effect":"allow"}', '\ufeff']; // prettier-ignore

/** The answer, changed in up to three places; now and then only written otherwise, or not at all. */
export function mutated(random: Random, answer: unknown): string {
  const root = nodeOf(answer);
  const changes = random.chance(0.15) ? 0 : 1 + (random.chance(0.3) ? random.below(3) : 0);
  const inText = random.chance(0.35) ? changes : 0;
  for (let n = inText; n < changes; n++) change(random, random.pick(containersOf(root)));
  let text = written(random, root, random.chance(0.2));
  for (let n = 0; n < inText; n++) text = changedText(random, text);
  return text;
}

function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return { items: value.map(nodeOf) };
  if (typeof value !== 'object' || value === null) return { raw: JSON.stringify(value) };
  return { entries: Object.entries(value).map(([key, item]) => [key, nodeOf(item)]) };
}

type Container = Exclude<Node, { raw: string }>;

function containersOf(node: Node): Container[] {
  if ('raw' in node) return [];
  const inner = 'items' in node ? node.items : node.entries.map(([, value]) => value);
  return [node, ...inner.flatMap(containersOf)];
}

function change(random: Random, node: Container): void {
  if ('items' in node) {
    if (random.chance(0.5)) node.items.push(otherValue(random));
    else node.items.splice(random.below(node.items.length + 1), 1);
    return;
  }
  const { entries } = node;
  const at = random.below(entries.length);
  const [key, value] = entries[at] ?? ['effect', otherValue(random)];
  const kind = random.below(11);
  if (kind === 0) entries.splice(at, 1);
  else if (kind === 1) entries.splice(random.below(entries.length + 1), 0, [key, random.chance(0.5) ? value : otherValue(random)]);
  else if (kind === 2) entries.splice(at, 1, [random.chance(0.5) ? random.pick(KEYS) : key.toUpperCase(), value]);
  else if (kind === 3) entries.push([random.pick(KEYS), otherValue(random)]);
  else if (kind === 4) entries.splice(at, 1, [key, random.chance(0.5) ? { items: [value] } : { entries: [[key, value]] }]);
  else if (kind === 5) entries.splice(at, 1, [key, nested(value, random.pick([2, 31, 33, 61, 70]))]);
  else if (kind === 6) swap(random, entries, at);
  else entries.splice(at, 1, [key, otherValue(random)]);
}

function swap(random: Random, entries: [string, Node][], at: number): void {
  const other = random.below(entries.length);
  const [a, b] = [entries[at], entries[other]];
  if (a === undefined || b === undefined) return;
  entries[at] = [a[0], b[1]];
  entries[other] = [b[0], a[1]];
}

function nested(value: Node, levels: number): Node {
  let node = value;
  for (let n = 0; n < levels; n++) node = { items: [node] };
  return node;
}

function otherValue(random: Random): Node {
  return { raw: random.chance(0.5) ? JSON.stringify(random.pick(LOOK_ALIKES)) : random.pick(RAW) };
}

/** With `loose`, spaces and needless escapes: another text for the same value. */
function written(random: Random, node: Node, loose: boolean): string {
  const gap = (): string => (loose && random.chance(0.3) ? random.pick([' ', '\n', '\t', '\r\n']) : '');
  if ('raw' in node) return gap() + (loose && node.raw.startsWith('"') ? escaped(random, node.raw) : node.raw) + gap();
  if ('items' in node) return `${gap()}[${gap()}${node.items.map((item) => written(random, item, loose)).join(',')}]${gap()}`;
  const key = (name: string): string => (loose ? escaped(random, JSON.stringify(name)) : JSON.stringify(name));
  return `${gap()}{${gap()}${node.entries.map(([name, value]) => `${key(name)}${gap()}:${written(random, value, loose)}`).join(',')}}${gap()}`;
}

/** Some letters of a string literal as `\u` escapes. */
function escaped(random: Random, literal: string): string {
  if (literal.includes('\\')) return literal;
  const unit = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `"${literal.slice(1, -1).replaceAll(/[a-z]/g, (char) => (random.chance(0.2) ? unit(char) : char))}"`;
}

function changedText(random: Random, text: string): string {
  const at = random.below(text.length);
  const code = text.charCodeAt(at);
  switch (random.below(7)) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1);
    case 1:
      return text.slice(0, at);
    case 2:
      return text + random.pick(TAILS);
    case 3:
      return random.pick(TAILS) + text;
    case 4:
      return text.slice(0, at) + random.pick(TAILS) + text.slice(at);
    default:
      return text.slice(0, at) + String.fromCharCode(code ^ (1 << random.below(8))) + text.slice(at + 1);
  }
}
