import { types } from 'node:util';
import { charsOf, excerptOf, lineEndsOf, MAX_CHIPS } from '../../common/data/excerpt.js';
import { isUnchanged, leafChanges, leafText, shownChanges } from '../../common/data/leafChanges.js';
import type { GivenValue, LeafChange } from '../../common/data/leafChanges.js';
import { Masked } from '../../common/data/Masked.js';
import { viewOf } from '../../model/view/viewOf.js';
import type { Params } from '../../model/Params.js';
import type { Sensitive } from '../../model/sensitive/Sensitive.js';
import { viewText } from '../../model/view/viewText.js';
import { hostsOf } from './hostsOf.js';
import { html } from './html.js';
import type { Html } from './html.js';
import { counted, grouped, revealedBox, revealedText } from './revealed.js';
import type { MarkedRange } from './revealed.js';

/** One param, or another value with a name. */
export interface NamedValue {
  readonly name: string;
  /** What will run; absent where a policy removes it. */
  readonly now?: GivenValue;
  /** What the agent wrote; absent where a policy adds it. */
  readonly before?: GivenValue;
}

const MAX_HOSTS = 5;

/** How the values of a page are shown. */
export interface RevealOptions {
  /** Shows every character, however many: the view with `?all`. */
  readonly all?: boolean | undefined;
  /** Who has changed what the agent wrote. @defaultValue a policy */
  readonly changedBy?: string | undefined;
}

/** How the params of an approval are shown. */
export interface RevealParamsOptions extends Pick<RevealOptions, 'all'> {
  /** Who has changed a param; `undefined` for a policy alone. @defaultValue a policy has changed all of them */
  readonly changerOf?: ((name: string) => string | undefined) | undefined;
}

/** The params of an approval, as a list (`dl.params`): what will run, and where a policy changed it, what the agent wrote. */
export function revealedParams(
  approval: {
    readonly params: Params;
    readonly originalParams: Params;
    readonly opaque: readonly string[];
    readonly sensitive?: Sensitive | undefined;
  },
  { all, changerOf }: RevealParamsOptions = {},
): Html {
  const { opaque, sensitive } = approval;
  const [params, originalParams] = [approval.params, approval.originalParams].map((of) => viewOf(of, sensitive, 'approver')) as [
    Params,
    Params,
  ];
  const own = (of: Readonly<Record<string, unknown>>, name: string): NamedValue['now'] =>
    Object.hasOwn(of, name) ? { value: of[name] } : undefined;
  const names = [...new Set([...Object.keys(params), ...Object.keys(originalParams)])];
  return html`<dl class="params">${names.map((name) => revealedChange({ name, now: own(params, name), before: own(originalParams, name) }, { all, changedBy: changerOf?.(name) }))}${opaque.map(
    (name) =>
      html`<div><dt>${revealedText(name)}<span class="meta">not shown</span></dt><dd><span class="v muted">Kept from policies and people by the program.</span></dd></div>`,
  )}</dl>${names.length + opaque.length === 0 && html`<p class="in muted">It has no params.</p>`}`;
}

/** A value with its name, as a row of a list of params. */
export function revealedValue(value: unknown, { name, all }: RevealOptions & { readonly name: string }): Html {
  return revealedChange({ name, now: { value }, before: { value } }, { all });
}

/** A param with its name, as a row: what will run, and below it what the agent wrote, where that is something else. */
export function revealedChange({ name, now, before }: NamedValue, { all = false, changedBy = 'a policy' }: RevealOptions = {}): Html {
  const changes = leafChanges(now, before);
  const [shown, tail] = all ? [changes, []] : shownChanges(changes);
  let chips = MAX_CHIPS;
  const rendered = (change: LeafChange): Html => {
    const isLabelled = change.label !== '' && !(changes.length === 1 && change.label === '[0]');
    return revealedLeaf(change, { all, changedBy, isLabelled, take: (used) => (chips -= used) });
  };
  const metas = [before, now].flatMap((side) => (side === undefined ? [] : [metaOf(side.value)]));
  const meta = metas[0] === metas[1] ? metas[0] : metas.join(' → ');
  return html`<div><dt>${revealedText(name)}<span class="meta">${meta}</span></dt><dd>${shown.map(rendered)}${
    tail.length > 0 &&
    html`<p class="aid cut">${counted(changes.length - shown.length - tail.length, 'value')} stand between and are not shown here. <a href="?all">Show all</a></p>`
  }${tail.map(rendered)}</dd></div>`;
}

/** What kind of value it is, and how long. */
export function metaOf(value: unknown): string {
  if (typeof value === 'string') {
    const lines = lineEndsOf(value) + 1;
    return `text, ${grouped(String(charsOf(value)))}${lines === 1 ? '' : `, ${counted(lines, 'line')}`}`;
  }
  if (typeof value === 'bigint') return 'whole number';
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  if (types.isDate(value)) return 'date';
  if (value instanceof Masked) return 'hidden by the program';
  return Array.isArray(value) ? `list, ${grouped(String(value.length))}` : `object, ${grouped(String(Object.keys(value).length))}`;
}

/** The value as JSON in ASCII, in its canonical form: the digest is made of this value. */
export function revealedJson(value: unknown, { all }: RevealOptions = {}): Html {
  return revealedBox(excerptOf(asciiJson(value), { all: all === true }));
}

/** The canonical text of a value, or a note where it is not shown, with every character beyond ASCII as `\uXXXX`. */
export function asciiJson(value: unknown): string {
  return viewText(value).replace(/[^ -~]+/g, (units) => {
    let text = '';
    for (let i = 0; i < units.length; i++) text += `\\u${units.charCodeAt(i).toString(16).padStart(4, '0')}`;
    return text;
  });
}

function revealedLeaf(
  change: LeafChange,
  {
    all,
    changedBy,
    isLabelled,
    take,
  }: { readonly all: boolean; readonly changedBy: string; readonly isLabelled: boolean; readonly take: (chips: number) => number },
): Html {
  const { label, now, before } = change;
  const title =
    isLabelled && html`<span class="who">${revealedText(label)} <span class="meta">${metaOf((now ?? before)?.value)}</span></span>`;
  const box = (value: unknown, range?: MarkedRange): Html => {
    if (value instanceof Masked) return maskedBox(value);
    const excerpt = excerptOf(leafText(value), { all, maxChips: take(0) });
    take(excerpt.chips);
    const isBig = !isLabelled && (typeof value === 'number' || typeof value === 'bigint');
    return html`${revealedBox(excerpt, { range, isBig })}${aidOf(value, all)}`;
  };
  if (now !== undefined && isUnchanged(change)) return html`${title}${box(now.value)}`;
  const [nowRange, beforeRange] = differenceOf(now?.value, before?.value);
  return html`${title}${
    now === undefined
      ? html`<span class="who">${changedBy === 'a policy' ? 'A policy' : changedBy} removes it</span>`
      : html`<span class="who">Will run, ${before === undefined ? 'added' : 'changed'} by ${changedBy === 'a policy' ? 'policy' : changedBy}</span>${box(now.value, nowRange)}`
  }${before !== undefined && html`<span class="who">The agent had written</span>${box(before.value, beforeRange)}`}`;
}

/** What stands in place of a value: no text of an agent can look like it. */
function maskedBox({ shown }: Masked): Html {
  return html`<span class="v muted">${shown === undefined ? 'Hidden from you by the program' : html`Hidden from you by the program, but for ${revealedText(shown)}`}</span>`;
}

/** What helps to read a value, below its box. */
function aidOf(value: unknown, all: boolean): Html | undefined {
  if (value === '') return html`<div class="aid">An empty text</div>`;
  if (typeof value === 'string') return hostsAid(value, all);
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const text = Number.isInteger(value) ? String(BigInt(value)) : String(value);
  const [, sign, whole, rest] = /^(-?)(\d+)(.*)$/.exec(text) as unknown as readonly [string, string, string, string];
  const inGroups = `${sign}${grouped(whole)}${rest}`;
  return inGroups === String(value) ? undefined : html`<div class="aid">${inGroups}</div>`;
}

function hostsAid(text: string, all: boolean): Html | undefined {
  const hosts = hostsOf(text);
  if (hosts.length === 0) return undefined;
  const shown = all ? hosts : hosts.slice(0, MAX_HOSTS);
  const more = hosts.length - shown.length;
  return html`<div class="aid">${hosts.length === 1 ? 'Host' : 'Hosts'} as the network sees ${hosts.length === 1 ? 'it' : 'them'}: ${shown.join(', ')}${more > 0 && ` and ${counted(more, 'other')}`}</div>`;
}

/** The stretches in which two texts differ, to whole words. */
function differenceOf(now: unknown, before: unknown): readonly [now: MarkedRange | undefined, before: MarkedRange | undefined] {
  if (typeof now !== 'string' || typeof before !== 'string') return [undefined, undefined];
  const shorter = Math.min(now.length, before.length);
  let start = 0;
  while (start < shorter && now[start] === before[start]) start++;
  let end = 0;
  while (end < shorter - start && now.at(-1 - end) === before.at(-1 - end)) end++;
  while (start > 0 && !/\s/.test(now[start - 1] as string)) start--;
  while (end > 0 && !/\s/.test(now.at(-end) as string)) end--;
  return [
    { start, end: now.length - end, as: 'ins' },
    { start, end: before.length - end, as: 'del' },
  ];
}
