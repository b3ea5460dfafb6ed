import { LazyPart } from '../../model/LazyPart.js';

/** What runs an approved call. It is loaded as soon as a call waits for a person, and is there before anyone can have decided it. */
export const execution: LazyPart<typeof import('./executeApproved.js')> = new LazyPart(() => import('./executeApproved.js'));
