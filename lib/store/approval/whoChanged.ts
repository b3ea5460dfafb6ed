import { isSameData } from '../../common/data/canonical.js';
import { pointer } from '../../model/Params.js';
import type { Params } from '../../model/Params.js';
import type { ParamChange } from '../../model/snapshot/paramChanges.js';
import type { Amendment } from '../ApprovalStore.js';

/** What tells who has changed the params of an approval. */
export interface ChangedApproval {
  readonly params: Params;
  readonly amendments?:
    | readonly (Pick<Amendment, 'by' | 'name'> & {
        readonly params?: Params | undefined;
        readonly changes: readonly Pick<ParamChange, 'pointer'>[];
      })[]
    | undefined;
}

/** Who has changed a param that is not as the agent wrote it. */
export interface Changers {
  /** The people who edited it, by the names of that time where they are known; each once. */
  readonly people: readonly string[];
  /** Whether a policy did, on what the agent or the last of these people wrote. */
  readonly policy: boolean;
}

/** Says who has changed a param: people by their edits, and else a policy. */
export function whoChanged({ params, amendments = [] }: ChangedApproval, name: string): Changers {
  const at = pointer('', name);
  const editors = amendments.filter(({ changes }) => changes.some((one) => one.pointer === at || one.pointer.startsWith(`${at}/`)));
  const people = [...new Set(editors.map(({ by, name: known }) => known ?? by))];
  const written = amendments.at(-1)?.params;
  return { people, policy: people.length === 0 || (written !== undefined && !isSameAt(written, params, name)) };
}

function isSameAt(written: Params, params: Params, name: string): boolean {
  if (Object.hasOwn(written, name) !== Object.hasOwn(params, name)) return false;
  return isSameData(written[name], params[name]);
}
