import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { slower } from './pace.js';

export interface ChildOptions {
  readonly args?: readonly string[];
  /** Options of node itself, such as `--import`. */
  readonly nodeArgs?: readonly string[];
  /** Added to this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the root of the project, so that `aegislib` is the built package. */
  readonly cwd?: string;
  /** Then the child is taken for hung: it is killed, and `code` is null. Three times later, and more on a busy machine, as with patience.mjs. Default 10,000. */
  readonly timeoutMs?: number;
  readonly stdin?: string;
}

export interface ChildResult {
  /** null when the child was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a snippet (a string: the text of an ES module) or a file (a URL) in a Node of its own, the same one that runs the specs. */
export async function runInChild(what: string | URL, options: ChildOptions = {}): Promise<ChildResult> {
  const program = typeof what === 'string' ? ['--input-type=module', '--eval', what, '--'] : [fileURLToPath(what)];
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), ...program, ...(options.args ?? [])], {
    cwd: options.cwd ?? process.cwd(),
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {}); // a child that ends without reading
  child.stdin.end(options.stdin ?? '');
  const deadline = setTimeout(() => child.kill('SIGKILL'), Math.max(3, 1.5 * slower()) * (options.timeoutMs ?? 10_000));
  try {
    return await new Promise<ChildResult>((resolve, reject) => {
      child.once('error', reject).once('close', (code) => resolve({ code, stdout, stderr }));
    });
  } finally {
    clearTimeout(deadline);
  }
}
