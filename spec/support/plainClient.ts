import { CAPABILITIES } from '../../lib/model/Capability.js';

/** What a client can do whose guard makes no previews of its calls: all the rest. */
export const PLAIN_CLIENT: readonly string[] = CAPABILITIES.filter((name) => name !== 'preview');
