// `aegislib/audit`: the log that proves what was decided, by whom, and what ran.
export { auditLog, AuditLog } from './writer/AuditLog.js';
export type { AuditStatus } from './writer/AuditLog.js';
export type { AuditLogOptions, CheckpointInterval } from './writer/AuditLogOptions.js';
export { MemoryLogs, MemorySink } from './sink/MemorySink.js';
export type { AuditBatch, AuditSink, AuditSource, OpenLog, Opening, TreeState } from './sink/AuditSink.js';
export { canonicalLine } from './record/canonicalLine.js';
export { commitmentOf } from './record/commitment.js';
export { decidedRecord, recordOf } from './record/recordOf.js';
export type { NewOpening, OpenRecord } from './record/OpenRecord.js';
export { approvalRecords } from './record/approvalRecords.js';
export type { ApprovalContext } from './record/approvalRecords.js';
export type * from './record/AuditRecord.js';
export { AuditKey } from './tree/AuditKey.js';
