// What a program written for the Python SDK may use, by the headings of its README: each code block, and each row of its reference of the API. The titles are
// our own. `complete.spec.ts` holds the specs of this folder and the migration page to it.

/** The code blocks, by heading and purpose. */
export const BLOCKS = {
  'installation/install': 'Install the library',
  'quick-start/guard': 'Guard two functions and call them; one of them may need a person',
  'configuration/environment': 'Configure by environment variables',
  'configuration/program': 'Configure in the program',
  'async/guard': 'Guard an asynchronous function',
  'approval-workflow/callback': 'Learn how an approval ended, and list what waits',
  'task-management/query': 'List, read, clear and count tasks',
  'decision-effects/four': 'The four effects',
  'error-handling/catch': 'Catch the errors of a guarded call',
  'session/decide': 'Decide with a session, without running anything',
  'integration/one-line': 'Guard a function that exists already',
  'integration/web-service': 'A route that calls a guarded function, and a route with the counts of tasks',
  'integration/agent-tool': 'A tool of a LangChain agent',
  'integration/async-program': 'An asynchronous program',
  'integration/approvals': 'Notify someone when an approval ends; a list for a dashboard',
  'configuration/stages': 'One configuration for development, one for production',
  'error-handling/answers': 'Answer each kind of error in its own way',
  'monitoring/tasks': 'Counts for a dashboard, clearing, failed tasks',
  'development/setup': 'Set a checkout up',
  'development/tests': 'Run the tests, all of them or one file',
  'development/quality': 'Lint, format and check the types',
  'development/build': 'Build the package and check it',
  'development/publish': 'Publish a release',
  'testing/coverage': 'Run the tests with coverage',
} as const satisfies Readonly<Record<string, string>>;

/** The rows of the reference, by heading. */
export const ROWS = {
  AegisConfig: [
    'base_url',
    'api_key',
    'timeout_s',
    'retries',
    'user_agent',
    'log_level',
    'debug',
    'approval_polling_enabled',
    'approval_polling_initial_delay_s',
    'approval_polling_max_delay_s',
    'approval_polling_max_attempts',
    'approval_polling_jitter_ratio',
  ],
  environment: [
    'AEGIS_BASE_URL',
    'AEGIS_API_KEY',
    'AEGIS_TIMEOUT_S',
    'AEGIS_RETRIES',
    'AEGIS_LOG_LEVEL',
    'AEGIS_DEBUG',
    'AEGIS_APPROVAL_POLLING_ENABLED',
    'AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S',
    'AEGIS_APPROVAL_POLLING_MAX_DELAY_S',
    'AEGIS_APPROVAL_POLLING_MAX_ATTEMPTS',
    'AEGIS_APPROVAL_POLLING_JITTER_RATIO',
  ],
  DecisionClient: ['decide', 'get_decision_status', 'close'],
  aegis_guard: ['client', 'agent_id', 'tool_name', 'approval_callback', 'returns'],
  ApprovalExecutor: ['start', 'shutdown', 'submit_for_approval', 'get_queue_size', 'get_pending_tasks'],
  ApprovalTask: ['task_id', 'decision_id', 'func', 'args', 'kwargs', 'callback', 'agent_id', 'tool_name', 'attempt_count'],
  TaskManager: ['create_task', 'update_status', 'get_task', 'list_tasks', 'delete_task', 'clear_completed', 'get_stats'],
  TaskInfo: ['task_id', 'status', 'agent_id', 'tool_name', 'decision_id', 'created_at', 'updated_at', 'attempt_count', 'result', 'error'],
  globals: [
    'get_global_executor',
    'set_global_executor',
    'shutdown_global_executor',
    'get_global_task_manager',
    'reset_global_task_manager',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

type Rows = typeof ROWS;

/** A code block, or a row of the reference. */
export type PortedId = keyof typeof BLOCKS | { [H in keyof Rows]: `${H}.${Rows[H][number]}` }[keyof Rows];

/** All of them. */
export const PORTED: readonly PortedId[] = [
  ...(Object.keys(BLOCKS) as (keyof typeof BLOCKS)[]),
  ...Object.entries(ROWS).flatMap(([heading, rows]) => rows.map((row) => `${heading}.${row}` as PortedId)),
];
