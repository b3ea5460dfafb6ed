import { expect } from 'chai';
import {
  AegisAgent,
  AegisGuard,
  AegisModule,
  ApprovalDesk,
  ApprovalScheduler,
  EmbeddedDecisionService,
  guard,
  guardCall,
  guardSync,
  RemoteDecisionService,
  TaskRegistry,
  terminalApprover,
} from '../lib/index.js';
import { guardTools as anthropic } from '../lib/adapter/anthropic.js';
import { aegisPlugin } from '../lib/adapter/adk/index.js';
import { guardTools as aiSdk } from '../lib/adapter/ai-sdk.js';
import { aegisHooks } from '../lib/adapter/claude/index.js';
import { aegisMiddleware as genkit } from '../lib/adapter/genkit.js';
import { aegisMiddleware as langchain, guardTools as langchainTools } from '../lib/adapter/langchain/index.js';
import { guardTools as mastra } from '../lib/adapter/mastra.js';
import { guardServer } from '../lib/adapter/mcp/index.js';
import { relayGuarded, runGateway } from '../lib/adapter/mcp-gateway/index.js';
import { aegisNest } from '../lib/adapter/nest/index.js';
import { guardTools as openAi } from '../lib/adapter/openai-agents/index.js';
import { instrument } from '../lib/adapter/otel/index.js';
import { aegisExpress, aegisFastify, aegisHono, tasksRoute, toHttp } from '../lib/adapter/web/index.js';
import { forwardingService } from '../lib/decision/index.js';
import type { DecisionService } from '../lib/decision/index.js';
import { AegisError } from '../lib/model/AegisError.js';
import { CedarPolicyEngine, lintPolicies, readPolicies, ReloadablePolicies } from '../lib/policy/index.js';
import { createDataPlane } from '../lib/server/index.js';
import type { DataPlane } from '../lib/server/index.js';
import { MemoryApprovalStore, MemoryTaskStore } from '../lib/store/index.js';
import { MemoryStateStore } from '../lib/store/memory/MemoryStateStore.js';
import { postgresStore } from '../lib/store/postgres/index.js';
import { auditLog, AuditKey, findAuditKey, MemorySink, verifyAudit } from '../lib/audit/index.js';
import { jsonlFolder } from '../lib/audit/sink/jsonl/jsonlFolder.js';
import { postgresSink } from '../lib/audit/sink/postgres/postgresSink.js';
import { MemoryLogs } from '../lib/audit/sink/MemorySink.js';
import { selectedOpenings } from '../lib/audit/writer/eraseOpenings.js';
import { sqliteStore } from '../lib/store/sqlite/index.js';
import { expectDecision, expectGuarded, policySnapshot, RecordingDecisionService, simulateApprover } from '../lib/testing/index.js';
import { counted } from './support/assurance.js';
import { handedIn, propertiesOf } from './support/apiReport.js';

/** One way to hand in an object of options. `use` returns or rejects, and makes nothing that lives on. */
interface Taker {
  /** The types whose properties the options have. */
  readonly types: readonly string[];
  /** What is required, so that the only fault is the one that is tried. */
  readonly valid?: object;
  readonly use: (options: never) => unknown;
  /** Properties that this one does not take. */
  readonly not?: readonly string[];
}

const PERMIT = '@id("all") permit (principal, action, resource);';
const TEXT = { text: PERMIT };
const service = (): DecisionService => new RecordingDecisionService();
const aegis = AegisModule.create({
  policies: {
    text: `${PERMIT} @id("ask") @effect("approval_needed") @reason("a person") forbid (principal, action == Aegis::Action::"ask", resource);`,
  },
  agentId: 'bot',
});
const task = { agentId: 'bot', toolName: 'act', decisionId: 'd' };
const LOG = { sink: new MemorySink(), origin: 'spec.example', key: AuditKey.generate() };
const call = { agentId: 'bot', toolName: 'act', params: {} };
const desk = (): ApprovalDesk => new ApprovalDesk(new MemoryApprovalStore());
const engine = CedarPolicyEngine.load({ sources: [{ file: 'a', text: PERMIT }] });
const asked = { agentId: 'bot', toolName: 'act' };
const GUARD = ['BaseGuardOptions', 'NamedOptions', 'ParametersNeedNames', 'ReturnTypeHoldsPendingApproval'];
const named = { toolName: 'act' };
const pending = async (): Promise<{ wait(options: never): unknown; resume(options: never): unknown; cancel(): unknown }> => {
  const outcome = await guardCall(aegis, { ...call, toolName: 'ask' }, () => 0);
  if (outcome.kind !== 'pending') throw new Error(outcome.kind);
  return outcome as never;
};
const ToolMessage = class {};
const createMiddleware = (): object => ({});
const session = (): null => null;
const parts = {
  Catch: () => () => {},
  APP_FILTER: 'f',
  APP_INTERCEPTOR: 'i',
  ModuleRef: class {},
  ModulesContainer: class {},
  HttpAdapterHost: class {},
};
const transport = { start: async () => {}, send: async () => {}, close: async () => {} };
const sides = { client: transport, upstream: transport } as never;
const server = (): never => ({ server: { assertCanSetRequestHandler: () => {} }, registerTool: () => ({}) }) as never;

/** Every function that takes options. */
const TAKERS: Readonly<Record<string, Taker>> = {
  'AegisGuard()': { types: GUARD, use: (o) => AegisGuard(o as never) },
  'guard()': { types: [...GUARD, 'FunctionGuardOptions'], valid: named, use: (o) => guard(async () => 0, o) },
  'guardSync()': {
    types: [...GUARD, 'SyncGuardOptions'],
    valid: named,
    not: ['waitMs', 'preview', 'previewTimeoutMs'],
    use: (o) => guardSync(() => 0, o),
  },
  'guardCall()': { types: ['GuardedCall'], valid: call, use: async (o) => thrown(await guardCall(aegis, o, () => 0)) },
  'aegis.decide()': { types: ['ProposedCall'], valid: call, use: (o) => aegis.decide(o) },
  'AegisAgent()': { types: ['AegisAgentOptions'], use: (o) => AegisAgent('bot', o) },
  'AegisModule.create()': {
    types: ['AegisOptions', 'EmbeddedOptions', 'RemoteOptions'],
    valid: { policies: TEXT },
    use: (o) => AegisModule.create(o).close(),
  },
  'AegisModule.configure()': {
    types: ['ConfigureOptions'],
    valid: { policies: TEXT, env: false },
    use: (o) => AegisModule.configure(o).close(),
  },
  'AegisModule.close()': { types: ['close'], use: (o) => AegisModule.close(o) },
  'aegis.close()': { types: ['close'], use: (o) => AegisModule.create({ policies: TEXT }).close(o) },
  approvalPolling: { types: ['ApprovalPolling'], use: (o) => AegisModule.create({ policies: TEXT, approvalPolling: o }) },
  recovery: { types: ['RecoveryOptions'], use: (o) => AegisModule.create({ policies: TEXT, recovery: o }) },
  tasks: { types: ['TaskRegistryOptions'], use: (o) => AegisModule.create({ policies: TEXT, tasks: o }) },
  autoHalt: {
    types: ['AutoHaltOptions'],
    use: (o) => AegisModule.create({ policies: TEXT, autoHalt: o }),
  },
  limits: { types: ['SnapshotLimits'], use: (o) => AegisModule.create({ policies: TEXT, limits: o }) },
  counters: { types: ['CountersOptions'], use: (o) => AegisModule.create({ policies: TEXT, counters: o }) },
  policies: { types: ['PolicySource'], use: (o) => AegisModule.create({ policies: o }) },
  agents: { types: ['AgentConfig'], use: (o) => AegisModule.create({ policies: TEXT, agents: { bot: o } }) },
  TaskRegistry: { types: ['TaskRegistryOptions'], use: (o) => new TaskRegistry(new MemoryTaskStore(), o) },
  ApprovalScheduler: {
    types: ['ApprovalSchedulerOptions'],
    valid: { decisions: service(), registry: aegis.tasks, polling: { enabled: false } },
    use: (o) => new ApprovalScheduler(o),
  },
  'scheduler.shutdown()': { types: ['close'], use: (o) => AegisModule.create({ policies: TEXT }).scheduler.shutdown(o) },
  'createTask()': { types: ['NewTask'], valid: task, use: (o) => aegis.tasks.createTask(o) },
  'updateStatus()': { types: ['update'], use: (o) => aegis.tasks.updateStatus('none', 'denied', o) },
  'listTasks()': { types: ['TaskQuery'], use: (o) => aegis.tasks.listTasks(o) },
  'clearCompleted()': { types: ['ClearAge'], use: (o) => aegis.tasks.clearCompleted(o) },
  'resolveUnknown()': {
    types: ['UnknownResolution'],
    valid: { outcome: 'done', by: 'rita' },
    use: (o) => aegis.tasks.resolveUnknown('none', o),
  },
  'wait()': { types: ['wait'], use: async (o) => finished(await pending(), (p) => p.wait(o)) },
  'resume()': { types: ['resume'], use: async (o) => finished(await pending(), (p) => p.resume(o)) },
  ApprovalDesk: { types: ['ApprovalDeskOptions', 'EligibilityRules'], use: (o) => new ApprovalDesk(new MemoryApprovalStore(), o) },
  'approvals.list()': { types: ['ApprovalQuery'], use: (o) => desk().list(o) },
  'approvals.approve()': { types: ['VerdictInput'], valid: { by: 'rita' }, use: (o) => desk().approve('none', o) },
  'approvals.deny()': { types: ['VerdictInput'], valid: { by: 'rita' }, use: (o) => desk().deny('none', o) },
  'approvals.amend()': {
    types: ['AmendInput', 'EditInput', 'ParamsEdit'],
    valid: { by: 'rita' },
    use: (o) => desk().amend('none', o),
    not: ['edit', 'key'],
  },
  'halts.halt(scope)': { types: ['HaltScope'], use: (o) => aegis.halts.halt(o, { by: 'rita', reason: 'test' }), not: ['all'] },
  'halts.halt()': { types: ['HaltOrder'], valid: { by: 'rita', reason: 'test' }, use: (o) => aegis.halts.halt({ agentId: 'none' }, o) },
  'halts.lift()': { types: ['HaltLift'], valid: { by: 'rita', reason: 'test' }, use: (o) => aegis.halts.lift('none', o), not: ['atMs'] },
  'grants.list()': { types: ['GrantQuery'], use: (o) => aegis.grants.list(o) },
  'grants.revoke()': { types: ['GrantAct'], valid: { by: 'rita' }, use: (o) => aegis.grants.revoke('none', o) },
  'terminalApprover()': { types: ['TerminalApproverOptions'], use: (o) => terminalApprover(o) },
  EmbeddedDecisionService: {
    types: ['EmbeddedDecisionServiceOptions'],
    valid: { policies: { engine }, desk: desk() },
    use: (o) => new EmbeddedDecisionService(o),
  },
  RemoteDecisionService: { types: ['RemoteDecisionServiceOptions'], valid: { apiKey: 'k' }, use: (o) => new RemoteDecisionService(o) },
  dataPlane: { types: ['DataPlaneRequirements'], use: (o) => new RemoteDecisionService({ apiKey: 'k', dataPlane: o }) },
  'CedarPolicyEngine.load()': { types: ['CedarPolicyEngineOptions'], valid: { sources: [] }, use: (o) => CedarPolicyEngine.load(o) },
  'withAgents()': { types: ['AgentConfig'], use: (o) => engine.withAgents({ bot: o }) },
  ReloadablePolicies: { types: ['ReloadablePoliciesOptions'], valid: { source: TEXT }, use: (o) => new ReloadablePolicies(o) },
  'readPolicies()': { types: ['PolicySource'], use: (o) => readPolicies(o) },
  'lintPolicies()': { types: ['LintPoliciesOptions'], use: (o) => lintPolicies([], o) },
  'sqliteStore()': { types: ['SqliteStoreOptions'], use: (o) => sqliteStore('./none.db', o) },
  'postgresStore()': { types: ['PostgresStoreOptions'], valid: { connectionString: 'postgres://a@b/c' }, use: (o) => postgresStore(o) },
  'jsonlFolder()': { types: ['JsonlFolderOptions'], use: (o) => jsonlFolder('./none', o) },
  'postgresSink()': { types: ['PostgresSinkOptions'], valid: { connectionString: 'postgres://a@b/c' }, use: (o) => postgresSink(o) },
  'erase()': { types: ['Erasure'], valid: { user: 'ann', by: 'dpo' }, use: (o) => selectedOpenings(new MemoryLogs(), o) },
  'forTenant()': { types: ['TenantStoreOptions'], use: (o) => new MemoryStateStore().forTenant('shop', o) },
  'createDataPlane()': {
    types: ['SingleTenantOptions', 'DataPlaneSettings', 'TenantOptions'],
    valid: { policies: TEXT },
    use: (o) => createDataPlane(o).close(),
  },
  'createDataPlane() of a module': { types: ['ModuleOptions'], valid: { module: aegis }, use: (o) => createDataPlane(o).close() },
  'createDataPlane() of tenants': {
    types: ['TenantsOptions'],
    valid: { tenants: { shop: { policies: TEXT } } },
    use: (o) => createDataPlane(o).close(),
  },
  tenants: { types: ['TenantOptions'], valid: { policies: TEXT }, use: (o) => createDataPlane({ tenants: { shop: o } }).close() },
  tools: { types: ['ToolSettings'], use: (o) => createDataPlane({ policies: TEXT, tools: { act: o } }).close() },
  'listen()': { types: ['ListenOptions'], valid: { port: 0 }, use: (o) => served((plane) => plane.listen(o)) },
  oidc: {
    types: ['IssuerOptions'],
    valid: { issuer: 'https://login.example', clientId: 'aegis' },
    use: (o) => createDataPlane({ policies: TEXT, oidc: o, publicUrl: 'https://aegis.example' }).close(),
  },
  'autoHalt of a Data Plane': {
    types: ['AutoHaltOptions'],
    valid: { after: 3, withinMs: 1_000 },
    use: (o) => createDataPlane({ policies: TEXT, autoHalt: o }).close(),
  },
  notify: { types: ['NotifyOptions'], use: notifying },
  'notify.webhooks': {
    types: ['WebhookOptions'],
    valid: { url: 'https://hooks.example', secret: `whsec_${Buffer.alloc(32).toString('base64')}` },
    use: (o) => notifying({ webhooks: [o] }),
  },
  'notify.slack': { types: ['SlackOptions'], valid: { token: 'xoxb-1', channels: {} }, use: (o) => notifying({ slack: o }) },
  'notify.mail': {
    types: ['MailOptions'],
    valid: { smtp: 'smtps://mail.example', from: 'Aegis <aegis@shop.example>', to: {} },
    use: (o) => notifying({ mail: o }),
  },
  'close() of a Data Plane': { types: ['CloseOptions'], use: (o) => createDataPlane({ policies: TEXT }).close(o) },
  'ai-sdk guardTools()': { types: ['AiSdkOptions', 'AdapterOptions'], use: (o) => aiSdk({}, o) },
  'anthropic guardTools()': { types: ['AnthropicOptions'], use: (o) => anthropic([], o) },
  'openai-agents guardTools()': { types: ['OpenAiAgentsOptions'], use: (o) => openAi([], o) },
  'mastra guardTools()': { types: ['MastraOptions'], use: (o) => mastra({}, o) },
  'genkit aegisMiddleware()': { types: ['GenkitOptions'], use: (o) => genkit(o) },
  'langchain guardTools()': {
    types: ['LangChainToolOptions', 'LangChainOptions'],
    valid: { ToolMessage },
    use: (o) => langchainTools([], o),
  },
  'langchain aegisMiddleware()': {
    types: ['LangChainMiddlewareOptions'],
    valid: { ToolMessage, createMiddleware },
    use: (o) => langchain(o),
  },
  'aegisPlugin()': { types: ['AdkOptions'], use: (o) => new (aegisPlugin(class Plugin {} as never))(o) },
  'aegisHooks()': { types: ['ClaudeOptions'], use: (o) => aegisHooks(o) },
  'guardServer()': { types: ['McpOptions'], use: (o) => guardServer(server(), o) },
  'relayGuarded()': { types: ['McpRelayOptions'], use: (o) => relayGuarded(sides, o).then((close) => close()) },
  'runGateway()': {
    types: ['GatewayOptions'],
    valid: { url: 'https://mcp.example', sdk: {} },
    use: (o) => runGateway(o).then((gateway) => gateway.close()),
  },
  listen: {
    types: ['McpListen'],
    valid: { port: 0 },
    use: (o) => runGateway({ url: 'https://mcp.example', sdk: {} as never, listen: o }).then((gateway) => gateway.close()),
  },
  'aegisExpress()': { types: ['WebOptions', 'ToHttpOptions'], valid: { session }, use: (o) => aegisExpress(o) },
  'aegisHono()': { types: ['WebOptions'], valid: { session }, use: (o) => aegisHono(o) },
  'aegisFastify()': { types: ['AegisFastifyOptions'], valid: { session }, use: (o) => aegisFastify(o) },
  'aegisNest().forRoot()': { types: ['NestOptions'], valid: { session, module: aegis }, use: (o) => aegisNest(parts as never).forRoot(o) },
  'tasksRoute()': { types: ['TasksOptions'], valid: { authorize: () => true }, use: (o) => tasksRoute(o) },
  'tasks of aegisExpress()': { types: ['TasksOptions'], valid: { authorize: () => true }, use: (o) => aegisExpress({ session }).tasks(o) },
  'tasks of aegisHono()': { types: ['TasksOptions'], valid: { authorize: () => true }, use: (o) => aegisHono({ session }).tasks(o) },
  'tasks of aegisFastify()': { types: ['TasksOptions'], valid: { authorize: () => true }, use: (o) => aegisFastify({ session, tasks: o }) },
  'toHttp()': { types: ['ToHttpOptions'], use: (o) => toHttp(new Error('x'), o) },
  'expectGuarded()': { types: ['ExpectGuardedOptions'], use: (o) => expectGuarded({ act: guard(async () => 0, named) }, o) },
  'expectDecision()': { types: ['TestCall'], valid: asked, use: (o) => expectDecision(TEXT, o) },
  'policySnapshot()': { types: ['SnapshotCall'], valid: asked, use: (o) => policySnapshot(TEXT, [o]) },
  'toAllow()': { types: ['ExpectedDecision'], use: (o) => expectDecision(TEXT, asked).toAllow(o) },
  'toDeny()': {
    types: ['ExpectedDenial'],
    use: (o) => expectDecision({ text: '@id("a") forbid (principal, action, resource);' }, asked).toDeny(o),
  },
  'toSanitize()': { types: ['ExpectedSanitize'], use: (o) => expectDecision(TEXT, asked).toSanitize(o) },
  'toNeedApproval()': { types: ['ExpectedApproval'], use: (o) => expectDecision(TEXT, asked).toNeedApproval(o) },
  'simulateApprover()': { types: ['SimulateApproverOptions'], use: (o) => simulateApprover(aegis, o).stop() },
  'auditLog()': { types: ['AuditLogOptions'], valid: LOG, use: (o) => auditLog(o) },
  'auditLog() checkpointEvery': { types: ['CheckpointInterval'], use: (o) => auditLog({ ...LOG, checkpointEvery: o }) },
  'findAuditKey()': { types: ['AuditKeyPlace'], valid: { env: {} }, use: (o) => findAuditKey(o) },
  'verifyAudit()': { types: ['VerifyOptions'], use: (o) => verifyAudit(LOG.sink.source, o) },
  'policies.stage()': { types: ['StageOptions'], valid: { source: TEXT }, use: (o) => aegis.policies.stage(o) },
  'policies.promote()': { types: ['PromoteOptions'], valid: { hash: 'h', by: 'ann' }, use: (o) => aegis.policies.promote(o) },
  'instrument()': { types: ['InstrumentationOptions'], use: (o) => instrument(o) },
  RecordingDecisionService: {
    types: ['DecisionFields', 'DenyDecision'],
    valid: { effect: 'deny' },
    use: (o) => new RecordingDecisionService([o]).decide({} as never, {}),
  },
};

const TEXTS: readonly string[] = ['policies', 'readPolicies()', 'postgresSink()', 'postgresStore()', 'RecordingDecisionService'];

/** Options whose types have no name in the API. */
const UNNAMED: Readonly<Record<string, readonly string[]>> = {
  close: ['graceMs'],
  update: ['result', 'reason'],
  wait: ['waitMs', 'signal'],
  resume: ['atOnce'],
  PolicySource: ['text'],
};

/** Types of objects that are handed in and are no options. A type that is in neither list fails the spec: decide which one it is. */
const NOT_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'types without properties, or made of others that are tried': [
    'DataPlaneOptions GuardOptions NamingOptions Named NamesFor Seen Instance ContextOf AiContext',
    'MastraContext Unnamed NoParameters ParametersMayHaveNames SoleObjectOptions StreamsCannotDefer SessionData PoliciesUnderTest',
    'ReturnTypeHoldsNoPendingApproval ReturnTypeSaysNothing ToolMessageClass',
    'SensitiveOption GrantInput GrantLoosening GrantTerm CallPreview PreviewChange UsedLimits',
  ],
  'objects with methods: parts of the library, and ports that programs implement': [
    'AegisModuleView ApprovalStore RecordStore ServerStore SignableRecordStore TenantStore Approver DecisionService Directory Journal Logger PolicyEngine PolicySupplier CounterStore',
    'GrantsOptions AuditSink AuditSource StateStore TaskStore Terminal PendingApproval StandardSchema StandardResult HeldApproval ApprovalCall',
  ],
  'what a framework passes, or exports: it may have more than is used of it': [
    'AdkContext AiCallContext AiTool AnthropicContext ClaudeHookInput GenkitContext GenkitToolRequest LangChainCall',
    'MastraCallContext Suspendable McpAuthInfo McpContext McpSdk McpSides McpTransport NestParts',
    'OpenAiCallDetails OpenAiRunState OpenAiTool TasksQuery',
    'InstrumentOptions MeterProvider OtelApi OtelCounter OtelHistogram OtelMeter OtelObservableGauge OtelSpan OtelTracer SpanContext SpanStart TracerProvider',
  ],
  'what the library itself makes, and stores and services get': [
    'AllowDecision AiRefusals ApprovedCall BegunPage PruneLimits TaskSummary ExecutionStart ApprovalNeededDecision SanitizeDecision AppliedPolicy ApprovalPolicy ApprovalRecord ApprovalUse AskOptions',
    'CardParam CardPolicy DirectoryPerson RunOutcome RunReport StandingVerdict VerdictProof',
    'ConfigProblem DecisionRequest DecisionStatus DueQuery DuplicateCallQuery ErrorSummary PolicyCall PolicyOutcome',
    'SourceText SweptTasks TaskChange TaskClaim TaskFields TaskInsertion TaskOrigin TaskOutcome',
    'TaskResolution Verdict Violation ApprovedTask CancelledTask CompletedTask DeniedTask ExecutingTask',
    'EvaluationProblem FailedTask PendingTask TimeoutTask UnknownTask PruneLimits TaskSummary',
    'ApprovalCard ApprovalOptions ApprovalPage ApprovalPageQuery IdempotencyKey Migration RecordHead RecordPage RecordQuery ReevaluateOptions',
    'StoredRecord DescribedApproval TaskEvent ObservedPolicy ApprovalTerms Escalation GrantCeiling AmendableCall Amendment ApprovalPreview ParamChange Halt StoredUse',
    'AmendedEvent GrantEvent HaltEvent AmendedRecord GrantRecord HaltRecord',
    'RemindedEvent EscalatedEvent RemindedRecord EscalatedRecord ChangingCounters',
    'ChangeConditions CounterState CounterTake GiveBack RefusedTake ShownCounter TakeOptions TakeOutcome Takes',
    'BegunEvent ConsumedEvent DecidedEvent EndedEvent EnteringEvent JournaledApproval JournaledVerdict OpenedEvent PoliciesEvent',
    'SecurityEvent SettledEvent VerdictEvent Diagnostic',
    'AuthorityRecord BegunRecord CallFields ClosedRecord ConsumedRecord CredentialRecord DecidedRecord DroppedRecord EndedRecord',
    'EnteringRecord ErasedRecord KeyRecord OpenedRecord PoliciesRecord RecordFields RecordedApprovalPolicy RecordedLimit RecordedPolicy SecurityRecord',
    'SettledRecord StartedRecord VerdictRecord AuditBatch OpenLog Opening TreeState TreeHead ProvenInclusion StoredEvidence',
  ],
  'what errors are made of: the constructor of an error must not throw another one': ['ForbiddenErrorOptions ServiceErrorOptions'],
};

function notifying(notify: object): Promise<boolean> {
  return createDataPlane({ policies: TEXT, notify, publicUrl: 'https://aegis.example' }).close();
}

function thrown(outcome: { readonly kind: string; readonly error?: unknown }): void {
  if (outcome.kind === 'denied') throw outcome.error;
}

async function served(use: (plane: DataPlane) => unknown): Promise<void> {
  const plane = createDataPlane({ policies: TEXT });
  try {
    await use(plane);
  } finally {
    await plane.close({ idleMs: 0 });
  }
}

async function finished<P extends { cancel(): unknown }>(outcome: P, use: (outcome: P) => unknown): Promise<void> {
  try {
    await use(outcome);
  } finally {
    await outcome.cancel();
  }
}

/** What is thrown or rejected. */
async function errorOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  return undefined;
}

const tried = async ({ use, valid }: Taker, options: object): Promise<string> => {
  const error = await errorOf(() => use({ ...valid, ...options } as never));
  if (!AegisError.is(error)) return error instanceof Error ? String(error) : 'no error';
  return ['ConfigError', 'GuardDefinitionError', 'VerdictError', 'ParamsError'].includes(error.name) ? error.message : error.name;
};

/** A typing error: the last but one letter is missing. */
const misspelt = (name: string): string => (name.length < 4 ? `${name}x` : name.slice(0, -2) + name.slice(-1));
const propertiesIn = ({ types, not = [] }: Taker): readonly string[] =>
  [...new Set(types.flatMap((type) => UNNAMED[type] ?? propertiesOf(type)))].filter((name) => !not.includes(name));

describe('Options', () => {
  after(() => aegis.close());

  it('are known: every type that a program hands in is tried here, or is named as something else', () => {
    const { types } = handedIn();
    const known = [
      ...Object.values(TAKERS).flatMap((taker) => taker.types),
      ...Object.values(NOT_OPTIONS).flatMap((lines) => lines.flatMap((line) => line.split(' '))),
      ...Object.keys(UNNAMED),
    ];
    expect(types.filter((type) => !known.includes(type))).to.deep.equal([]);
  });

  let cases = 0;
  const wrong: string[] = [];
  after(() => counted({ what: 'A10 a misspelt, inherited or unreadable option', cases, wrong: wrong.length }));

  for (const [where, taker] of Object.entries(TAKERS)) {
    it(`of ${where} are refused where one is misspelt`, async () => {
      const names = propertiesIn(taker);
      expect(names).not.to.be.empty;
      const faults: string[] = [];
      for (const name of names) {
        cases += 1;
        const message = await tried(taker, { [misspelt(name)]: 1 });
        if (!message.includes(misspelt(name)) || !message.includes('did you mean')) faults.push(`${misspelt(name)}: ${message}`);
      }
      wrong.push(...faults);
      expect(faults).to.deep.equal([]);
    });

    it(`of ${where} are refused where they are no plain object, or an object that inherits them`, async () => {
      const faults: string[] = [];
      const others = {
        list: [],
        text: 'x',
        number: 3600,
        'an instance': new (class Own {})(),
        inheriting: Object.create({ ...taker.valid }) as object,
      };
      for (const [what, given] of Object.entries(others)) {
        // a text is something else there: a path, an address, an effect
        if (what === 'text' && TEXTS.includes(where)) continue;
        cases += 1;
        const error = await errorOf(() => taker.use(given as never));
        if (!AegisError.is(error)) faults.push(`${what}: ${error instanceof Error ? error.message : 'no error'}`);
      }
      wrong.push(...faults);
      expect(faults).to.deep.equal([]);
    });

    if (taker.valid === undefined) continue;
    it(`of ${where} are read once`, async () => {
      const reads = new Map<string, number>();
      const counting = {};
      for (const name of Object.keys(taker.valid as object)) {
        const value = (taker.valid as Readonly<Record<string, unknown>>)[name];
        Object.defineProperty(counting, name, {
          enumerable: true,
          get: () => {
            reads.set(name, (reads.get(name) ?? 0) + 1);
            return value;
          },
        });
      }
      await errorOf(() => taker.use(counting as never));
      expect([...reads].filter(([, count]) => count > 1)).to.deep.equal([]);
    });
  }

  it('that are records of any keys are refused where they are no plain object: they would be read as empty', async () => {
    const takers: Readonly<Record<string, (entries: never) => unknown>> = {
      'agents of a module': (agents) => AegisModule.create({ policies: TEXT, agents, env: false }),
      'approverGroups of a module': (approverGroups) => AegisModule.create({ policies: TEXT, approverGroups, env: false }),
      'agents of CedarPolicyEngine': (agents) => CedarPolicyEngine.load({ sources: [], agents }),
      'agents of ReloadablePolicies': (agents) => new ReloadablePolicies({ source: TEXT, agents }),
      'approverGroups of ApprovalDesk': (approverGroups) => new ApprovalDesk(new MemoryApprovalStore(), { approverGroups }),
      'headers of runGateway()': (headers) =>
        runGateway({ url: 'https://mcp.example', sdk: {} as never, headers }).then((gateway) => gateway.close()),
      'metadata of guardCall()': (metadata) => guardCall(aegis, { ...call, metadata }, () => 0).then(thrown),
      'metadata of createTask()': (metadata) => aegis.tasks.createTask({ agentId: 'a', toolName: 't', decisionId: 'd', metadata }),
    };
    const others = { 'a Map': new Map([['a', {}]]), inheriting: Object.create({ a: {} }) as object, 'an instance': new (class Own {})() };
    const faults: string[] = [];
    for (const [where, use] of Object.entries(takers))
      for (const [what, entries] of Object.entries(others)) {
        cases += 1;
        const error = await errorOf(() => use(entries as never));
        if (!AegisError.is(error) || !/object/.test(error.message)) faults.push(`${where}: ${what}: ${String(error)}`);
      }
    wrong.push(...faults);
    expect(faults).to.deep.equal([]);
  });

  it('of a decision service that is wrapped are refused where no service has such a method', () => {
    expect(() => forwardingService(service(), { decid: () => undefined } as never)).to.throw("did you mean 'decide'");
    expect(forwardingService(service(), { limit: 3, consume: undefined } as never)).not.to.have.property('limit');
  });
});
