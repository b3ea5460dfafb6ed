import { canonicalDigest } from '../../common/data/canonical.js';
import type { CallToDecide } from '../call/GuardedCall.js';
import type { GuardRuntime } from '../call/GuardRuntime.js';
import type { GuardInfo } from './guardMetadata.js';
import type { LooseGuardOptions } from './LooseGuardOptions.js';
import type { ParamsBinding } from './ParamsBinding.js';

/** One guard, as it was read from its options. */
export class GuardSpec {
  readonly info: GuardInfo;
  readonly options: LooseGuardOptions;
  readonly binding: ParamsBinding;
  /** Whether duplicate calls share one approval while it is pending. */
  readonly deduplicates: boolean;
  /** Whether agent or session are computed for each call. */
  readonly computesCaller: boolean;
  /** Whether a callback gets the arguments of each call. */
  readonly hasCallbacks: boolean;
  /** Whether it guards a method, which is called on an object. */
  isMethod = false;
  /** The runtime of the module that the options name, once it was looked up. */
  runtime: GuardRuntime | undefined;
  /** The call that an approval kept last: the next one shares it where it differs in its params only. */
  lastKept: WeakRef<CallToDecide> | undefined;
  /** What the object of the last call inherits from, and the guarded methods there. */
  lastPrototype: object | undefined;
  lastMethods: readonly PropertyKey[] = [];
  #signature: string | undefined;

  constructor(info: GuardInfo, options: LooseGuardOptions, binding: ParamsBinding, deduplicates: boolean) {
    this.info = info;
    this.options = options;
    this.binding = binding;
    this.deduplicates = deduplicates;
    this.computesCaller = typeof options.agentId === 'function' || typeof options.session === 'function';
    this.hasCallbacks = this.computesCaller || typeof options.signal === 'function';
  }

  /** SHA-256 of what names the parameters: a stored call with another signature is not a call of this guard. */
  get signature(): string {
    return (this.#signature ??= canonicalDigest([
      this.info.toolName,
      this.info.params ?? null,
      this.options.plain ?? [],
      this.info.opaque,
    ]));
  }
}
