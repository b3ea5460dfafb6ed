import type { DecisionService } from '../DecisionService.js';

/** The method of a service in this process that is told which call's method was entered: its decision is given back no more. */
export const ENTERED: unique symbol = Symbol('aegis.entered');

/** A service that may want to know. A wrapper around it need not pass it on: what was taken is then forgotten later. */
interface EnteredListener {
  [ENTERED]?(decisionId: string): void;
}

/** Tells the service of a decision that its method was entered. */
export function noteEntered(service: DecisionService & EnteredListener, decisionId: string): void {
  service[ENTERED]?.(decisionId);
}
