import { types } from 'node:util';
import { isSameData } from '../../common/data/canonical.js';
import { Masked } from '../../common/data/Masked.js';
import { leafChanges } from '../../common/data/leafChanges.js';
import type { GivenValue } from '../../common/data/leafChanges.js';
import { leavesOf, MAX_LEAVES, pathText } from '../../common/data/leaves.js';
import type { LeafPath } from '../../common/data/leaves.js';
import { skeleton } from '../../common/data/skeleton.js';
import type { Params } from '../../model/Params.js';
import { viewOf } from '../../model/view/viewOf.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';
import type { Cue, CueCode, CuePlace } from './Cue.js';
import { cutLeaves } from './cutLeaves.js';
import { speaksToApprover } from './speaksToApprover.js';
import { deceptionsOf } from './deceptionsOf.js';

/** The fields of an approval that a person is shown. */
export type ShownApproval = Pick<
  ApprovalRecord,
  | 'agentId'
  | 'toolName'
  | 'requester'
  | 'reason'
  | 'originalParams'
  | 'params'
  | 'session'
  | 'facts'
  | 'opaque'
  | 'refusals'
  | 'sensitive'
  | 'preview'
>;

/**
 * What may deceive in an approval: hidden characters, look-alikes, names that look alike, values that are cut or kept from people, text that speaks to the
 * approver, and refusals before. A function of the record alone.
 *
 * @param sawAll whether the person was shown all of it, with nothing cut
 */
export function deceptiveCues(record: ShownApproval, { sawAll = false }: { readonly sawAll?: boolean | undefined } = {}): readonly Cue[] {
  const { params, originalParams, opaque, sensitive } = record;
  const [shown, shownOriginal] = [params, originalParams].map((of) => viewOf(of, sensitive, 'approver')) as [Params, Params];
  const concealed = new Map(
    [shown, shownOriginal]
      .flatMap((of) => leavesOf(of))
      .flatMap(({ path, value }) => (value instanceof Masked ? [[pathText(path), path]] : [])),
  );
  const cues: Cue[] = [];
  const add = (code: CueCode, place: CuePlace, path: LeafPath, more: Partial<Cue> = {}): void => {
    const shownPath = place === 'params' || place === 'original' ? visiblePath(path, concealed) : path;
    cues.push({ kind: 'deceptive', code, place, path: shownPath, count: 1, scripts: [], ...more });
  };
  const addText = (text: string, place: CuePlace, path: LeafPath): void => {
    for (const { code, ...more } of deceptionsOf(text)) add(code, place, path, more);
  };
  const addNames = (names: readonly string[], place: CuePlace, path: LeafPath): void => {
    for (const name of names) addText(name, place, [...path, name]);
    if (new Set(names.map(skeleton)).size < names.length) add('alike_names', place, path);
  };
  const addValue = (value: unknown, place: CuePlace, name: string): void => {
    for (const { value: text, path } of leavesOf(value, [name])) {
      if (typeof text !== 'string') continue;
      addText(text, place, path);
      if ((place === 'params' || place === 'original' || place === 'preview') && speaksToApprover(text)) add('to_approver', place, path);
    }
    for (const { path, names } of objectsIn(value, [name])) addNames(names, place, path);
  };
  const addCuts = (now: GivenValue, before: GivenValue, place: CuePlace, name: string): void => {
    if (sawAll) return;
    const changes = leafChanges(now, before);
    for (const { path, isBefore, chars } of cutLeaves(changes))
      add('cut', isBefore ? 'original' : place, [name, ...path], { count: chars });
    if (changes.length > MAX_LEAVES) add('many_values', now === undefined ? 'original' : place, [name], { count: changes.length });
  };
  addText(record.toolName, 'tool', []);
  addText(record.agentId, 'agent', []);
  addText(record.requester, 'requester', []);
  addText(record.reason, 'reason', []);
  addNames([...new Set([...Object.keys(params), ...Object.keys(originalParams), ...opaque])], 'params', []);
  for (const [name, value] of Object.entries(params)) addValue(value, 'params', name);
  for (const [name, value] of Object.entries(originalParams)) {
    if (!Object.hasOwn(params, name) || !isSameData(params[name], value)) addValue(value, 'original', name);
  }
  for (const name of new Set([...Object.keys(params), ...Object.keys(originalParams)]))
    addCuts(ownValue(shown, name), ownValue(shownOriginal, name), 'params', name);
  for (const path of concealed.values()) add('concealed', 'params', path);
  for (const name of opaque) add('opaque', 'params', [name]);
  for (const [place, fields] of [
    ['facts', record.facts],
    ['session', record.session ?? {}],
  ] as const) {
    addNames(Object.keys(fields), place, []);
    for (const [name, value] of Object.entries(fields)) {
      addValue(value, place, name);
      addCuts({ value }, { value }, place, name);
    }
  }
  // a tool's words hold what the agent wrote; they are shown in full
  for (const [name, value] of Object.entries(record.preview?.content ?? {})) addValue(value, 'preview', name);
  if (record.refusals > 0) add('refused', 'call', [], { count: record.refusals });
  return distinct(cues);
}

function ownValue(params: Readonly<Record<string, unknown>>, name: string): GivenValue {
  return Object.hasOwn(params, name) ? { value: params[name] } : undefined;
}

/** Where a value stands, as far as that is shown: the names in a hidden object are hidden too. */
function visiblePath(path: LeafPath, concealed: ReadonlyMap<string, LeafPath>): LeafPath {
  for (let steps = 1; steps < path.length && concealed.size > 0; steps++) {
    const outer = concealed.get(pathText(path.slice(0, steps)));
    if (outer !== undefined) return outer;
  }
  return path;
}

/** A cue on a param as the agent wrote it says nothing new where the same stands in what will run. */
function distinct(cues: readonly Cue[]): readonly Cue[] {
  const keyOf = ({ code, path }: Cue): string => `${code} ${pathText(path)}`;
  const ofParams = new Set(cues.filter(({ place }) => place === 'params').map(keyOf));
  return cues.filter((cue) => cue.place !== 'original' || !ofParams.has(keyOf(cue)));
}

/** Each object in a value, by the names in it. */
function objectsIn(value: unknown, path: LeafPath): readonly { readonly path: LeafPath; readonly names: readonly string[] }[] {
  if (typeof value !== 'object' || value === null || types.isDate(value)) return [];
  if (Array.isArray(value)) return value.flatMap((item, i) => objectsIn(item, [...path, i]));
  const entries = Object.entries(value);
  return [{ path, names: entries.map(([name]) => name) }, ...entries.flatMap(([name, inner]) => objectsIn(inner, [...path, name]))];
}
