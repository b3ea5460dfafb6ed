import * as v from 'valibot';
import { randomId } from '../../common/nextId.js';
import { DAY_MS } from '../../common/time/SteadyClock.js';
import { NotFoundError } from '../../model/errors/ServiceErrors.js';
import type { PromoteResult } from '../../policy/live/PolicyStage.js';
import { promoteOptions, refusalOf } from '../../policy/staged/StagedPolicies.js';
import type { PromoteOptions } from '../../policy/staged/StagedPolicies.js';
import { Rows } from '../people/row/Rows.js';
import type { Tenant } from './Tenant.js';

/** The kind of the records of who promoted or dropped staged policies. */
export const POLICY_ACT_KIND = 'policy-act';

/** What someone did about staged policies. */
export interface PolicyAct {
  /** `promote`: it was asked for, and the conditions were met. What would let more run was held then. */
  readonly act: 'promote' | 'drop';
  /** Of the staged policies. */
  readonly hash: string;
  readonly by: string;
  /** In epoch milliseconds. */
  readonly atMs: number;
}

const BODY: v.GenericSchema<unknown, Omit<PolicyAct, 'atMs'>> = /* @__PURE__ */ (() =>
  v.strictObject({ act: v.picklist(['promote', 'drop']), hash: v.string(), by: v.string() }))();
const KEEP_MS = 90 * DAY_MS;

/** What was done about staged policies in the last 90 days, the newest first. */
export async function policyActs({ records }: Pick<Tenant, 'records'>): Promise<readonly PolicyAct[]> {
  const { rows } = await rowsOf(records).list();
  return rows.map(({ body, createdAtMs }) => ({ ...body, atMs: createdAtMs })).toReversed();
}

/**
 * Puts staged policies in force, or has them held. Who does it is recorded before.
 *
 * @throws ConfigError for conditions that are not valid
 */
export async function promoteStaged(
  { policies, records }: Pick<Tenant, 'policies' | 'records'>,
  given: PromoteOptions,
): Promise<PromoteResult> {
  const { hash, by } = given;
  const refusal = refusalOf(policies.staged, promoteOptions(given));
  if (refusal !== undefined) return { status: 'refused', hash, refusal };
  await record(records, { act: 'promote', hash, by });
  return policies.promote(given);
}

/** Drops staged policies. Who does it is recorded before. @throws NotFoundError where no such policies are staged */
export async function dropStaged({ policies, records }: Pick<Tenant, 'policies' | 'records'>, hash: string, by: string): Promise<void> {
  if (policies.staged?.hash === hash) {
    await record(records, { act: 'drop', hash, by });
    if (policies.dropStaged(hash)) return;
  }
  throw new NotFoundError('No policies with this hash are staged. Read which are, and drop those.');
}

async function record(records: Tenant['records'], body: Omit<PolicyAct, 'atMs'>): Promise<void> {
  const createdAtMs = Date.now();
  await rowsOf(records).insert(randomId('act'), body, { createdAtMs, deleteAfterMs: createdAtMs + KEEP_MS });
}

function rowsOf(records: Tenant['records']): Rows<Omit<PolicyAct, 'atMs'>> {
  return new Rows(records, POLICY_ACT_KIND, BODY);
}
