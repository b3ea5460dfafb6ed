/** A tool call's params by name: a snapshot, so JSON values, Date and BigInt only. */
export type Params = Readonly<Record<string, unknown>>;

/** Host data about who calls and from where. `user_id` names the requester. Never taken from the call's arguments. */
export type Session = Readonly<Record<string, unknown>>;
