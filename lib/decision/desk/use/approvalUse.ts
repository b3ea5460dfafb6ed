import { LazyPart } from '../../../model/LazyPart.js';

/** What uses approvals up. It is loaded as soon as one is opened here, and is there before anyone can have decided it. */
export const approvalUse: LazyPart<typeof import('./consumeApproval.js')> = new LazyPart(() => import('./consumeApproval.js'));
