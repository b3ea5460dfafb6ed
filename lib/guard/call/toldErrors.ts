import { LazyPart } from '../../model/LazyPart.js';
import type { ToldCall } from '../../model/view/withoutValues.js';

/** What is needed where a decision service fails, and the guard of the call hides values. */
export const toldErrors: LazyPart<{ readonly tellableError: (error: unknown, call: ToldCall) => unknown }> = new LazyPart(
  () => import('../../model/view/tellableError.js'),
);
