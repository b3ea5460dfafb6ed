import type { KnownNames } from '../../decision/halt/unknownInScope.js';
import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import type { Grants } from '../../decision/grant/Grants.js';
import type { AutoHalt } from '../../decision/halt/AutoHalt.js';
import type { HaltEvents } from '../../guard/halt/Halts.js';
import type { SafeEmitter } from '../../model/SafeEmitter.js';
import type { EmbeddedDecisionService } from '../../decision/embedded/EmbeddedDecisionService.js';
import type { Journal } from '../../model/Journal.js';
import type { ApprovalStore } from '../../store/ApprovalStore.js';
import type { RecordStore } from '../../store/RecordStore.js';
import type { NotifyOptions } from '../notify/NotifyOptions.js';
import type { Identity } from '../people/Identity.js';
import type { IssuerOptions } from './IssuerOptions.js';
import type { TenantLimits } from './TenantLimits.js';
import type { TenantHalts } from './TenantHalts.js';
import type { UnknownOutcomes } from './UnknownOutcomes.js';
import type { TenantAudit } from '../audit/ServerAudit.js';
import type { ReloadablePolicies } from '../../policy/live/ReloadablePolicies.js';

/** What a server knows of a tool, because callers cannot claim it. */
export interface ToolSettings {
  /** The groups of the tool, for policies. */
  readonly groups?: readonly string[] | undefined;
  /** JSON pointers of params that may be null. A segment `*` names every item of a list. */
  readonly nullable?: readonly string[] | undefined;
}

/** One tenant of a server: its policies, its desk and its rows. Nothing of another tenant can be reached from here. */
export interface Tenant {
  /** Such as `default`. */
  readonly id: string;
  /** Decides, and keeps approvals. */
  readonly decisions: EmbeddedDecisionService;
  /** Where people decide. */
  readonly desk: ApprovalDesk;
  /** Its standing verdicts. */
  readonly grants: Grants;
  /** The rows of its approvals. */
  readonly approvals: ApprovalStore;
  /** Its other rows, signed. */
  readonly records: RecordStore;
  /** Who may use it: people, sessions and what they were given. */
  readonly identity: Identity;
  /** Where its people sign in beside passkeys. */
  readonly issuer?: IssuerOptions | undefined;
  /** The runs of which it is not known how they ended; absent where the tenant shares no tasks with programs. */
  readonly unknown?: UnknownOutcomes | undefined;
  /** What is halted. */
  readonly halts: TenantHalts;
  /** How many requests were refused because of a halt, since the server started. */
  readonly haltRefusals: { count: number };
  /** Tells what is halted, and what no longer is, no matter who ordered or lifted it. */
  readonly haltNews: SafeEmitter<HaltEvents>;
  /** Its limits, and what they have counted. */
  readonly limits: TenantLimits;
  /** Its policies. */
  readonly policies: ReloadablePolicies;
  /** What is decided is told to it; absent where nothing is recorded. */
  readonly audit?: TenantAudit | undefined;
  /** Gets an event for everything that is decided by people; absent where there is none. */
  readonly journal?: Journal | undefined;
  /** How its approvers are told that something waits. */
  readonly notify?: NotifyOptions | undefined;
  /** Halts agents by itself, where it is to. */
  readonly autoHalt?: AutoHalt | undefined;
  /** By tool. */
  readonly tools: ReadonlyMap<string, ToolSettings>;
  /** What its configuration names. */
  readonly known: KnownNames;
}
