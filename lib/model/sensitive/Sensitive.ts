/**
 * How much of a value is shown:
 *
 * - `full`: all of it.
 * - `last4`: its last four characters, where it has at least eight.
 * - `domain`: what follows the `@` of a mail address, or the host of a URL.
 * - `length`: how many characters it has.
 * - `hidden`: only that there is a value.
 *
 * Where a value has no such part, and for objects, nothing of it is shown. In a list each item is shown so.
 */
export type View = 'full' | 'last4' | 'domain' | 'length' | 'hidden';

/** Who is shown values: the person who decides, the program's log, the model, and who reads the audit log. */
export type Audience = 'approver' | 'log' | 'model' | 'audit';

/** How each audience is shown one value. */
export type AudienceViews = Readonly<Record<Audience, View>>;

/** How the values of a call are shown, by JSON pointer into its params; what is not named is shown in full. */
export type Sensitive = Readonly<Record<string, AudienceViews>>;

/**
 * What a guard says of one value. `secret`: the approver is shown its last four characters, and no one else anything. `personal`: the approver is shown all of
 * it, and no one else anything. Of an audience that an object does not name, `personal` counts.
 */
export type SensitiveOption =
  | 'secret'
  | 'personal'
  | {
      /** What the person who decides is shown. */
      readonly approver?: View | undefined;
      /** What is written into logs. */
      readonly log?: View | undefined;
      /** What the model is told. */
      readonly model?: View | undefined;
      /** Whether the audit log keeps the value itself beside its commitment: with anything but `full` it does not. */
      readonly audit?: View | undefined;
    };
