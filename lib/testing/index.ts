// `aegislib/testing`: the test kit. It works with any test runner, because it imports none.
export { simulateApprover } from './simulateApprover.js';
export type { SimulateApproverOptions, SimulatedApprover, SimulatedVerdict } from './simulateApprover.js';
export { expectDecision } from './PolicyExpectation.js';
export type { PoliciesUnderTest, TestCall } from './policyAsker.js';
export type { PolicyExpectation, ExpectedApproval, ExpectedDecision, ExpectedDenial, ExpectedSanitize } from './PolicyExpectation.js';
export { policySnapshot } from './policySnapshot.js';
export type { SnapshotCall } from './policySnapshot.js';
export { RecordingDecisionService } from './RecordingDecisionService.js';
export type { RecordedCall } from './RecordingDecisionService.js';
export type { DecisionScript, ScriptedAnswer } from './ScriptedDecisionService.js';
export { expectGuarded } from './expectGuarded.js';
export type { ExpectGuardedOptions } from './expectGuarded.js';
export type { LimitCode, TestedOutcome, UsedLimits } from '../policy/limit/TestedLimits.js';
