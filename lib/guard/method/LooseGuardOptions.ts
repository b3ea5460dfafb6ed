import type { ApprovalMode } from '../../model/Task.js';
import type { SensitiveOption } from '../../model/sensitive/Sensitive.js';
import type { StandardSchema } from '../call/StandardSchema.js';

/** Guard options without the types that tie them to one method. */
export interface LooseGuardOptions {
  readonly agentId?: string | ((self: unknown, args: readonly unknown[]) => string) | undefined;
  readonly toolName?: string | undefined;
  readonly key?: string | undefined;
  readonly params?: readonly string[] | undefined;
  readonly opaque?: readonly string[] | undefined;
  readonly plain?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly schema?: StandardSchema | undefined;
  readonly session?: object | null | ((self: unknown, args: readonly unknown[]) => object | null | undefined) | undefined;
  readonly approval?: ApprovalMode | undefined;
  readonly waitMs?: number | undefined;
  readonly approvalTimeoutMs?: number | undefined;
  readonly wireTypes?: 'string' | undefined;
  readonly sensitive?: Readonly<Record<string, SensitiveOption>> | undefined;
  readonly preview?: ((self: unknown, args: readonly unknown[], signal: AbortSignal) => unknown) | undefined;
  readonly previewTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | ((self: unknown, args: readonly unknown[]) => AbortSignal | undefined) | undefined;
  readonly onSettled?: ((result: never, error: unknown) => unknown) | undefined;
  readonly idempotent?: boolean | undefined;
  readonly module?: object | ((self: unknown) => object) | undefined;
}
