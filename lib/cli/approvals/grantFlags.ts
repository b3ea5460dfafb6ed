import { revealText } from '../../common/data/reveal.js';
import { typedGrant } from '../../decision/terminal/typedGrant.js';
import type { GrantInput } from '../../model/terms/Grant.js';
import { CliError } from '../CliIo.js';

/** The options that make a grant with a yes. */
export interface GrantFlags {
  readonly grant?: string | undefined;
  readonly loosen?: readonly string[] | undefined;
  readonly anyRequester?: boolean | undefined;
}

/**
 * The grant that options ask for. What of it the policies allow is checked where it is made.
 *
 * @returns `undefined` where they ask for none
 * @throws CliError, BadRequestError naming what is wrong
 */
export function grantFlags({ grant, loosen = [], anyRequester = false }: GrantFlags): GrantInput | undefined {
  const refuse = (message: string): never => {
    throw new CliError(revealText(message));
  };
  if (grant !== undefined) return typedGrant({ grant, loosen, anyRequester }, { prefix: '--', refuse });
  if (loosen.length > 0 || anyRequester)
    return refuse('--loosen and --any-requester are about a grant; give --grant too, such as --grant "10 uses; 8h"');
  return undefined;
}
