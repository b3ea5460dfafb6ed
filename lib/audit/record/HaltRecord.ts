import type { HaltEvent } from '../../model/Journal.js';
import type { RecordFields } from './RecordFields.js';

/** A halt is in force for this writer, or over. */
export interface HaltRecord extends RecordFields {
  /** Tells it from the other records. */
  readonly kind: 'halt';
  /** Of a server: whose it is. */
  readonly tenantId?: string | undefined;
  /** What became of it. `over`: its time has passed. */
  readonly how: HaltEvent['how'];
  /** The id of the halt. */
  readonly halt: string;
  /** Everything is halted. */
  readonly all?: true | undefined;
  /** The agent that is halted. */
  readonly agentId?: string | undefined;
  /** The tool that is halted. */
  readonly toolName?: string | undefined;
  /** The group whose tools are halted. */
  readonly group?: string | undefined;
  /** What happens to calls that wait for a person. */
  readonly pending: 'freeze' | 'cancel';
  /** When it ends by itself, in epoch milliseconds. */
  readonly until?: number | undefined;
  /** Who ordered it, or has lifted it. */
  readonly by: string;
}
