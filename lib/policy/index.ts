// `aegislib/policy`: the Cedar engine, and what loads, checks and tests policies; for other engines, the types they implement.
export type { AppliedPolicy, DenyCode, EvaluationProblem, PolicyCall, PolicyEngine, PolicyOutcome } from './PolicyEngine.js';
export type { PolicyProblem } from './PolicySource.js';
export type { PolicySource, SourceText } from './PolicySource.js';
export { CedarPolicyEngine } from './engine/CedarPolicyEngine.js';
export type { CedarPolicyEngineOptions } from './engine/CedarPolicyEngine.js';
export type { AgentConfig } from './engine/AgentDirectory.js';
export { ReloadablePolicies } from './live/ReloadablePolicies.js';
export type { PendingReload, ReloadablePoliciesOptions, ReloadResult } from './live/ReloadablePolicies.js';
export type { LoosenedPolicy } from './live/findLoosened.js';
export { readPolicies } from './live/readPolicies.js';
export { lintPolicies } from './lint/lintPolicies.js';
export type { LintPoliciesOptions } from './lint/lintPolicies.js';
export type { LintFinding } from './lint/lintSources.js';
export { runPolicyTests } from './engine/runPolicyTests.js';
export type { PolicyTestResult } from './engine/runPolicyTests.js';
export type { ConfigProblem } from '../model/errors/SetupErrors.js';
