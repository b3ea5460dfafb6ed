import { MemoryLogs, MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { behavesLikeAuditSink } from './behavesLikeAuditSink.js';

describe('MemorySink', () => {
  let logs = new MemoryLogs();
  beforeEach(() => (logs = new MemoryLogs()));
  behavesLikeAuditSink(() => new MemorySink(logs));
});
