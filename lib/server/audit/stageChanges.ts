import type { OpenRecord } from '../../audit/record/OpenRecord.js';
import { stageRecord } from '../../audit/record/recordOf.js';
import type { StoredRecord } from '../../store/RecordStore.js';
import { stageEventOf } from '../notify/stage/toldStages.js';

/** What a log writes of an approval that waits long: who was reminded, and which groups were added. */
export function stageChanges(record: StoredRecord, tenantId: string | undefined): readonly OpenRecord[] {
  const event = stageEventOf(record);
  return event === undefined ? [] : [{ record: stageRecord(event, tenantId) }];
}
