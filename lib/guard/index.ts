// `aegislib/guard`: types only, for code that is generic over guards, such as an adapter or a wrapper around `guard`, and for journals.
export type { GuardDecorator, LegacyGuardDecorator } from './AegisGuard.js';
export type { ApprovalOption, BaseGuardOptions, Fn, Guardable, GuardOptions, Settled } from './GuardOptions.js';
export type { NamesFor, NamingOptions } from './NamingOptions.js';
export type { StandardResult, StandardSchema } from './call/StandardSchema.js';
export type { DeniedOutcome, GuardedCall, GuardOutcome, PendingOutcome, RanOutcome, RunGuarded } from './call/GuardedCall.js';
export type {
  BegunEvent,
  ConsumedEvent,
  DecidedEvent,
  EndedEvent,
  EnteringEvent,
  Journal,
  JournalEvent,
  OpenedEvent,
  PoliciesEvent,
  SecurityEvent,
  SettledEvent,
  TaskEvent,
  GrantEvent,
  VerdictEvent,
} from '../model/Journal.js';
export type { ApprovalSchedulerOptions } from '../approval/ApprovalSchedulerOptions.js';
export type { ClearAge, TaskRegistryOptions } from '../approval/task/TaskRegistry.js';
export type { HaltEvents, Halts, OrderedHalt } from './halt/Halts.js';
export type { AutoHaltOptions } from '../decision/halt/AutoHalt.js';
export type { HaltOrder, LiftOrder } from '../decision/halt/haltRecord.js';
export type { AmendedEvent, EscalatedEvent, HaltEvent, RemindedEvent } from '../model/Journal.js';
export type { Halt, HaltLift, HaltScope } from '../model/halt/Halt.js';
export type { CallPreview, PreviewChange, Reversibility } from '../model/preview/CallPreview.js';
export type { Audience, AudienceViews, Sensitive, SensitiveOption, View } from '../model/sensitive/Sensitive.js';
