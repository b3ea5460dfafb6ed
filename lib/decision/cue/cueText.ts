import { pathText } from '../../common/data/leaves.js';
import type { Cue, CueCode } from './Cue.js';

/** A cue as a person reads it. */
export interface CueText {
  /** What it is about; it may hold names that the agent wrote, so that it is shown like every text of theirs. Absent for the call as a whole. */
  readonly subject?: string | undefined;
  /** The rest of the sentence, in our words. */
  readonly text: string;
}

const TEXTS: Readonly<Record<CueCode, (cue: Cue) => string>> = {
  hidden: ({ count }) => `has ${counted(count, 'character')} that cannot be seen`,
  reorders: ({ count }) => `has ${counted(count, 'character')} that ${count === 1 ? 'reorders' : 'reorder'} text`,
  mixed: ({ count, scripts }) => `mixes Latin and ${named(scripts)} letters in ${count === 1 ? 'one word' : counted(count, 'place')}`,
  lookalike: ({ count, scripts }) =>
    `has ${count === 1 ? 'a word' : counted(count, 'word')} of ${named(scripts)} letters that look like ASCII`,
  alike_names: () => 'has names that look like each other',
  cut: ({ count }) => `is longer than what is shown here, by ${counted(count, 'character')}`,
  many_values: ({ count }) => `holds ${counted(count, 'value')}, more than are shown here`,
  opaque: () => 'is kept from policies and people',
  concealed: () => 'is not shown in full to the person who decides',
  to_approver: () => 'speaks to the person who decides',
  refused: ({ count }) => `Refused ${counted(count, 'time')} in the last hour for this agent and tool`,
  blank_lines: ({ count }) => `has ${counted(count, 'line end')} in a row`,
  changed: () => 'was changed by a policy',
  edited: () => 'was edited by a person',
  first_time: () => 'The first time that this agent asks for this tool',
  largest: ({ before }) => `is the largest so far; the largest approved before: ${grouped(String(before))}`,
  new_recipient: () => 'has a recipient that no approved call had before',
  new_host: () => 'has a host that no approved call had before',
  no_requester: () => 'No signed-in user asked for this',
  claimed_requester: () => 'Only the agent says for whom it asks',
  unknown_requester: () => 'is not a person that is known here',
};

/** Says what a cue is, in our words. */
export function cueText(cue: Cue): CueText {
  const text = TEXTS[cue.code](cue);
  if (cue.place === 'call' || cue.code === 'no_requester' || cue.code === 'claimed_requester') return { text };
  const path = pathText(cue.path);
  if (cue.place === 'params' || cue.place === 'original') {
    return { subject: path === '' ? 'params' : path, text: cue.place === 'params' ? text : `${text}, as the agent wrote it` };
  }
  return { subject: path === '' || path.startsWith('[') ? `${cue.place}${path}` : `${cue.place}.${path}`, text };
}

function counted(count: number, what: string): string {
  return `${grouped(String(count))} ${what}${count === 1 ? '' : 's'}`;
}

function grouped(number: string): string {
  return number.replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(?:\d{3})+$)/g, ','));
}

function named(scripts: readonly string[]): string {
  return scripts.length === 0 ? 'other' : scripts.join(' and ');
}
