import type { Logger } from '../../common/Logger.js';
import type { OptionKinds } from '../../common/readOptions.js';
import type { PolicyCall, PolicyEngine, PolicyOutcome } from '../../policy/PolicyEngine.js';
import type { ApprovalDesk } from '../desk/ApprovalDesk.js';
import type { Grants } from '../grant/Grants.js';
import type { FactsHook } from './computeFacts.js';

/** Supplies the engine that decides. It is read once per decision, so that a reload never falls in the middle of one. */
export interface PolicySupplier {
  /** The engine of the policies in force. */
  readonly engine: PolicyEngine;
  /** Is told of each decision on a call that is made, before it is answered: for counts and trials. It must do nothing that takes time. */
  decided?(call: PolicyCall, outcome: PolicyOutcome, engine: PolicyEngine): void;
  /** Releases what the supplier holds open. */
  close?(): void;
}

/** Options of an {@link EmbeddedDecisionService}. */
export interface EmbeddedDecisionServiceOptions {
  /** The policies that decide. */
  readonly policies: PolicySupplier;
  /** Where people decide approvals. */
  readonly desk: ApprovalDesk;
  /** Computes `context.facts` for the policies. */
  readonly facts?: FactsHook | undefined;
  /**
   * How long the facts hook may take, in milliseconds.
   *
   * @defaultValue 1,000
   */
  readonly factsTimeoutMs?: number | undefined;
  /**
   * What happens to a call that needs approval while no approver is attached: it waits (`pending`) or is denied.
   *
   * @defaultValue `pending`
   */
  readonly unattended?: 'pending' | 'deny' | undefined;
  /** The grants that answer for people. @defaultValue none: each call that needs approval asks */
  readonly grants?: Grants | undefined;
  /**
   * Names the policies that decided in `violations`, next to their reasons.
   *
   * @defaultValue false
   */
  readonly exposePolicies?: boolean | undefined;
  /**
   * How limits are counted.
   *
   * @defaultValue not durable
   */
  readonly counters?: CountersOptions | undefined;
  /**
   * Receives denials that have a technical cause (warn).
   *
   * @defaultValue none
   */
  readonly logger?: Logger | undefined;
  /**
   * Takes a line for the developer about each policy that could not be evaluated: its id, the expression, and the kinds of values. Never a value.
   *
   * @defaultValue none
   */
  readonly tellDeveloper?: ((line: string) => void) | undefined;
}

/** The kinds of the options about counting. */
export const COUNTERS_OPTIONS: OptionKinds<CountersOptions> = { durable: 'boolean' };

/** The kinds of the options. */
export const EMBEDDED_OPTIONS: OptionKinds<EmbeddedDecisionServiceOptions> = {
  policies: 'object!',
  desk: 'object!',
  facts: 'function',
  factsTimeoutMs: 'ms',
  unattended: "'pending'|'deny'",
  grants: 'object',
  exposePolicies: 'boolean',
  counters: 'record',
  logger: 'object',
  tellDeveloper: 'function',
};

/** How limits are counted. */
export interface CountersOptions {
  /**
   * Whether each count is on the disk before its call runs; else a power cut may forget the last moments, while a process that dies forgets nothing.
   *
   * @defaultValue false
   */
  readonly durable?: boolean | undefined;
}
