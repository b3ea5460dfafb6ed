import type { StoredRecord } from '../../store/RecordStore.js';
import type { RunReport } from '../page/approval/runState.js';
import { OUTCOME_KIND } from '../tenant/sweepTenant.js';
import type { Tenant } from '../tenant/Tenant.js';

/** What the caller of an approved call said of its run, if it did. */
export async function reportedOutcome({ records }: Pick<Tenant, 'records'>, decisionId: string): Promise<RunReport | undefined> {
  const record = await records.get(OUTCOME_KIND, decisionId);
  return record && reportIn(record);
}

/** What a record of an outcome says. */
export function reportIn({ body }: StoredRecord): RunReport {
  return JSON.parse(body) as RunReport;
}
