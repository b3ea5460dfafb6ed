// `aegislib/audit`: the log that proves what was decided, by whom, and what ran.
export { auditLog, AuditLog } from './writer/AuditLog.js';
export type { AuditStatus } from './writer/AuditLog.js';
export type { Erasure } from './writer/eraseOpenings.js';
export type { AuditLogOptions, CheckpointInterval } from './writer/AuditLogOptions.js';
export { MemoryLogs, MemorySink } from './sink/MemorySink.js';
export { jsonlFolder } from './sink/jsonl/jsonlFolder.js';
export type { JsonlFolderOptions } from './sink/jsonl/jsonlFolder.js';
export { postgresSink } from './sink/postgres/postgresSink.js';
export type { PostgresSinkOptions } from './sink/postgres/postgresSink.js';
export { sqliteSink } from './sink/sqlite/sqliteSink.js';
export type { AuditBatch, AuditSink, AuditSource, OpenLog, Opening, TreeState } from './sink/AuditSink.js';
export { canonicalLine } from './record/canonicalLine.js';
export { commitmentOf } from './record/commitment.js';
export type { NewOpening, OpenRecord } from './record/OpenRecord.js';
export type * from './record/AuditRecord.js';
export { AuditKey } from './tree/AuditKey.js';
export { AuditPublicKey } from './tree/AuditPublicKey.js';
export { findAuditKey, makeAuditKey } from './tree/findAuditKey.js';
export type { AuditKeyPlace, FoundAuditKey } from './tree/findAuditKey.js';
export { consistencyProof, verifyConsistency } from './tree/consistencyProof.js';
export type { TreeHead } from './tree/consistencyProof.js';
export { inclusionProof, verifyInclusion } from './tree/inclusionProof.js';
export type { ProvenInclusion } from './tree/inclusionProof.js';
export { leafHash } from './tree/leafHash.js';
export { verifyAudit } from './verify/verifyAudit.js';
export type { StoredEvidence, StoredUse, VerifyOptions, VerifyProgress } from './verify/VerifyOptions.js';
export type {
  AuditCounts,
  AuditFinding,
  AuditReport,
  AuditVerdict,
  CompletenessVerdict,
  VerifiedLog,
} from './verify/report/AuditReport.js';
export type { HaltRecord } from './record/HaltRecord.js';
export type { EscalatedRecord, RemindedRecord, ToldRecord } from './record/ToldRecord.js';
export type { CallFields, RecordFields } from './record/RecordFields.js';
