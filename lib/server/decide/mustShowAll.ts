import { severityOf } from '../../decision/desk/assurance.js';
import { deceptiveCues } from '../../decision/cue/deceptiveCues.js';
import type { ApprovalRecord } from '../../store/ApprovalStore.js';

/** Whether a yes on the page takes that all of it is shown: from high on, where the page cuts something. */
export function mustShowAll(record: ApprovalRecord): boolean {
  if (!['high', 'critical'].includes(severityOf(record.policies))) return false;
  return isCut(record);
}

/** Whether a page that does not show all of it cuts something. */
export function isCut(record: ApprovalRecord): boolean {
  return deceptiveCues(record).some(({ code }) => code === 'cut' || code === 'many_values');
}
