import type { EscalatedEvent, RemindedEvent } from '../../../model/Journal.js';
import type { RecordStore, StoredRecord } from '../../../store/RecordStore.js';

/** The kind of the records that say which stage of an approval was noticed: the server whose record is there first tells it. */
export const STAGE_KIND = 'notice-stage';

/** What a server noticed of an approval that waits. */
export type StageEvent = RemindedEvent | EscalatedEvent;

/** A stage, and when a server noticed it. */
export interface ToldStage {
  readonly atMs: number;
  readonly event: StageEvent;
}

/** What the record of a stage says; `undefined` where no one was told of anything. */
export function stageEventOf({ body }: Pick<StoredRecord, 'body'>): StageEvent | undefined {
  const event = JSON.parse(body) as Partial<StageEvent>;
  return event.kind === undefined ? undefined : (event as StageEvent);
}

/** The reminders and escalations of an approval, in their order. */
export async function toldStages(records: Pick<RecordStore, 'list'>, decisionId: string): Promise<readonly ToldStage[]> {
  const rows = (await records.list({ kind: STAGE_KIND, index1: decisionId })).records;
  const told = rows.flatMap((row) => {
    const event = stageEventOf(row);
    return event === undefined ? [] : [{ atMs: row.createdAtMs, event }];
  });
  return told.sort((a, b) => a.atMs - b.atMs);
}
