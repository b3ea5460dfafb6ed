import { revealText } from '../../common/data/reveal.js';
import { typedEdit } from '../../decision/terminal/typedEdit.js';
import type { ParamsEdit } from '../../decision/amend/ParamsEdit.js';
import { CliError } from '../CliIo.js';
import type { ApprovalView } from './ApprovalAccess.js';

/** The options that edit the params of an approval. */
export interface EditFlags {
  readonly set?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
}

/**
 * The edit that options ask for: a value is of the kind that the present one has.
 *
 * @returns `undefined` where they ask for none
 * @throws CliError naming the option, and what it may be
 */
export function editFlags({ set = [], remove = [] }: EditFlags, shown: ApprovalView): ParamsEdit | undefined {
  if (set.length + remove.length === 0) return undefined;
  const refuse = (message: string): never => {
    throw new CliError(revealText(message));
  };
  return typedEdit({ set, remove }, shown, { prefix: '--', refuse });
}
