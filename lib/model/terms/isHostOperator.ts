import type { Assurance } from '../DecisionEvidence.js';

/** The operator of the host in the browser, in development mode. */
export const LOCAL_ADMIN = 'local-admin';

/** The operator of the host is one person under every name; this is what they have in common. */
export const OPERATOR = 'host:';

/** Whether it is the operator of the host who decides: by the command line, or in the browser in development mode. */
export function isHostOperator(by: string, assurance: Assurance | undefined): boolean {
  if (by === LOCAL_ADMIN) return assurance !== undefined;
  return assurance === 'host' && by.startsWith('host:');
}
