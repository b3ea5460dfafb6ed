import { isPlainObject } from '../../common/data/plainObject.js';
import { ParamsError } from '../../model/errors/CallErrors.js';
import { isId, TOOL_NAME } from '../../model/Params.js';

/** What a caller gives of a call. */
interface GivenCall {
  readonly agentId: unknown;
  readonly toolName: unknown;
  readonly guardKey?: unknown;
  readonly params: unknown;
}

/** Checks whose call it is, and that its arguments have names. @throws ParamsError */
export function checkCall({ agentId, toolName, guardKey, params }: GivenCall): void {
  if (!isId(agentId) || !isId(toolName) || (guardKey !== undefined && !isId(guardKey))) {
    throw new ParamsError('', '`agentId`, `toolName` and `guardKey` must be strings of 1 to 256 characters; the first two are required.', {
      code: 'invalid_call',
    });
  }
  if (!TOOL_NAME.test(toolName))
    throw new ParamsError('', `'${toolName.slice(0, 128)}' is not a tool name: it must have 1 to 128 letters, digits and _ . : / -.`);
  if (!isPlainObject(params)) throw new ParamsError('', '`params` must be a plain object, whose keys are the names of the arguments.');
}
