import type { Awaitable } from '../../common/awaitable.js';
import type { HaltBook } from '../../decision/halt/HaltBook.js';
import type { HaltGate } from '../../decision/halt/HaltGate.js';
import type { AegisModule } from '../../guard/module/AegisModule.js';
import type { AegisError } from '../../model/AegisError.js';
import type { Halt, HaltableCall } from '../../model/halt/Halt.js';

/** The kill switch of a tenant. */
export interface TenantHalts
  extends Pick<HaltGate, 'changes' | 'look' | 'refresh'>, Pick<HaltBook, 'halt' | 'lift' | 'list' | 'inForce' | 'start' | 'close'> {}

/** The halts of a module of one's own: what is halted at the server is halted in the module, in the same tick. */
export class ModuleHalts implements TenantHalts {
  readonly #module: AegisModule;
  #book: HaltBook | undefined;

  constructor(module: AegisModule) {
    this.#module = module;
  }

  get changes(): number | undefined {
    return this.#book?.changes;
  }

  get inForce(): readonly Halt[] {
    return this.#book?.inForce ?? [];
  }

  async start(): Promise<void> {
    this.#book = await this.#module.halts.start();
  }

  /** The module closes its own. */
  close(): void {}

  look(call: HaltableCall): Awaitable<AegisError | undefined> {
    // the module may use an approval before the server is open
    return this.#book === undefined ? this.start().then(() => this.look(call)) : this.#book.look(call);
  }

  async refresh(): Promise<void> {
    await this.#book?.refresh();
  }

  halt(...order: Parameters<HaltBook['halt']>): Promise<Halt> {
    return this.#module.halts.halt(...order);
  }

  lift(...order: Parameters<HaltBook['lift']>): Promise<Halt> {
    return this.#module.halts.lift(...order);
  }

  list(options?: { readonly all?: boolean | undefined }): Promise<readonly Halt[]> {
    return this.#module.halts.list(options);
  }
}
